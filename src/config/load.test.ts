import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { keyPaths, loadConfig } from './load.ts';

const shipped = new URL('../../config/depthcast.yaml', import.meta.url).pathname;
const write = (text: string) => {
  const file = join(mkdtempSync(join(tmpdir(), 'depthcast-')), 'c.yaml');
  writeFileSync(file, text);
  return file;
};

describe('loadConfig', () => {
  it('reads the shipped file, which states every key at its default', () => {
    const { targets, ...rest } = loadConfig({ file: shipped });
    const { targets: _none, ...defaults } = loadConfig();
    expect(rest).toEqual(defaults);
    expect(targets.length).toBeGreaterThan(1);
    const tree = parse(readFileSync(shipped, 'utf8')) as Record<string, Record<string, unknown>>;
    for (const path of keyPaths()) {
      const [section = '', key = ''] = path.split('.');
      expect(tree[section], path).toHaveProperty(key);
    }
  });

  it('lets the environment and then the command line win', () => {
    const env = { DEPTHCAST_SERVER_PORT: '9000', DEPTHCAST_SERVER_HOST: '::1', DEPTHCAST_RTC_CODECS: '[H264]' };
    const config = loadConfig({ file: shipped, env, overrides: { 'server.port': 9001 } });
    expect(config.server).toMatchObject({ port: 9001, host: '::1' });
    expect(config.rtc.codecs).toEqual(['H264']);
  });

  it.each([
    ['server: { prot: 1 }', /unknown key server\.prot; did you mean server\.port\?/],
    ['sever: {}', /unknown key sever; did you mean server\?/],
    ['server: { port: seventy }', /server\.port/],
    ['server: 5', /server/],
    ['- a', /mapping of sections/],
    ['a: [', /c\.yaml/],
    ['a: &a [*a]', /c\.yaml/],
  ])('refuses %s with BAD_CONFIG', (text, message) => {
    expect(() => loadConfig({ file: write(text) })).toThrowError(message);
    expect(() => loadConfig({ file: write(text) })).toThrowError(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });

  it('refuses a missing file', () => {
    expect(() => loadConfig({ file: '/nonexistent/x.yaml' })).toThrowError(/does not exist/);
  });
});
