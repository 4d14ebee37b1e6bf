import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { Certificate } from './certificate.ts';
import { hostOf, OwnNames } from './own-names.ts';

const config = loadConfig({
  overrides: { 'server.names': ['Depth.example'], 'server.host': '0.0.0.0', 'rtc.hostAddresses': ['203.0.113.5'] },
});

it('reads the host of a Host header', () => {
  expect(hostOf('Depth.Example:8080')).toBe('depth.example');
  expect(hostOf('depth.example.')).toBe('depth.example');
  expect(hostOf('[2001:DB8::1]:443')).toBe('2001:db8::1');
  for (const bad of ['', 'a b', 'a/b', 'a@b', 'a,b', 'http://a', '[::1', 'a:b', 'a:1:2'])
    expect(hostOf(bad)).toBeUndefined();
});

it('knows the names of settings, machine, addresses and certificate, and no other', async () => {
  const names = new OwnNames(config, undefined);
  const own = [
    'depth.example',
    'localhost',
    hostname().toLowerCase(),
    '127.0.0.1',
    '::1',
    '203.0.113.5',
    '198.51.100.4',
  ];
  for (const name of own) expect(names.has(name, '::ffff:198.51.100.4'), name).toBe(true);
  for (const name of ['evil.example', 'localhost.evil.example', 'xdepth.example', '203.0.113.6', '0.0.0.1'])
    expect(names.has(name, '198.51.100.4'), name).toBe(false);

  const folder = mkdtempSync(join(tmpdir(), 'depthcast-names-'));
  const certificate = await Certificate.open(
    { cert: null, key: null, generate: true },
    pino({ level: 'silent' }),
    folder,
  );
  expect(new OwnNames(config, certificate).has(`${hostname().toLowerCase().split('.')[0]}.local`, undefined)).toBe(
    true,
  );
  expect(new OwnNames(config, certificate).has('evil.example', undefined)).toBe(false);
  certificate!.close();
  rmSync(folder, { recursive: true });
});
