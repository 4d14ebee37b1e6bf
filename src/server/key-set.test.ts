import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { JwtVerifier } from './jwt.ts';

const [first, second] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
const published = (kid: string, key: KeyObject) => ({ ...key.export({ format: 'jwk' }), kid });
/** What the key server has; undefined where it is down. */
let keys: object[] | undefined;
let fetched = 0;
const server = createServer((_request, response) => {
  fetched++;
  if (keys === undefined) response.writeHead(500).end();
  else response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
});
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
});
afterEach(() => {
  vi.restoreAllMocks();
  fetched = 0;
});
afterAll(() => server.close());

/** Seconds that have gone by since the test began, as far as the server can tell. */
function pass(seconds: number): void {
  vi.restoreAllMocks();
  const [clock, date] = [performance.now.bind(performance), Date.now];
  vi.spyOn(performance, 'now').mockImplementation(() => clock() + seconds * 1000);
  vi.spyOn(Date, 'now').mockImplementation(() => date() + seconds * 1000);
}

const settings = () => loadConfig({ overrides: { 'jwt.jwksUrl': url } }).jwt;
const sign = (kid: string, key: KeyObject) =>
  new SignJWT({ exp: Math.floor(Date.now() / 1000) + 86_400 }).setProtectedHeader({ alg: 'EdDSA', kid }).sign(key);
/** "ok", or the code of the refusal. */
const ask = (verifier: JwtVerifier, token: string) =>
  verifier.verify(token).then(
    () => 'ok',
    (thrown: { code: string }) => thrown.code,
  );

it('keeps the keys that it has while the key server is down, through a reload of settings too', async () => {
  keys = [published('1', first.publicKey)];
  const before = new JwtVerifier(settings());
  const [old, next] = [await sign('1', first.privateKey), await sign('2', second.privateKey)];
  expect(await ask(before, old)).toBe('ok');
  keys = undefined;
  pass(3600);
  expect(await ask(before, old)).toBe('ok');
  const verifier = new JwtVerifier(settings(), before);
  expect(await ask(verifier, old)).toBe('ok');
  expect(await ask(verifier, next)).toBe('DOWNLOAD_FAILED');
  expect(fetched).toBe(2);
  // It is back, without the old key.
  keys = [published('2', second.publicKey)];
  pass(3700);
  expect([await ask(verifier, old), await ask(verifier, next)]).toEqual(['UNAUTHORIZED', 'ok']);
});

it('asks for keys that are out of date, and after a reload of settings, before it believes them', async () => {
  keys = [published('1', first.publicKey)];
  const before = new JwtVerifier(settings());
  const old = await sign('1', first.privateKey);
  expect(await ask(before, old)).toBe('ok');
  keys = [published('2', second.publicKey)];
  pass(60);
  expect(await ask(before, old)).toBe('ok');
  expect(await ask(new JwtVerifier(settings(), before), old)).toBe('UNAUTHORIZED');
  keys = [published('1', first.publicKey)];
  pass(700);
  expect(await ask(before, await sign('2', second.privateKey))).toBe('UNAUTHORIZED');
});

it('asks at most twice a minute, whatever it is asked and answered', async () => {
  keys = undefined;
  const verifier = new JwtVerifier(settings());
  const tokens = await Promise.all(Array.from({ length: 5 }, (_, n) => sign(`unknown-${n}`, second.privateKey)));
  for (const token of tokens) expect(await ask(verifier, token)).toBe('DOWNLOAD_FAILED');
  expect(fetched).toBe(1);
  keys = [published('1', first.publicKey)];
  pass(31);
  for (const token of tokens) expect(await ask(verifier, token)).toBe('UNAUTHORIZED');
  expect(fetched).toBe(2);
  keys = undefined;
  pass(62);
  for (const token of tokens) expect(await ask(verifier, token)).toBe('DOWNLOAD_FAILED');
  expect(fetched).toBe(3);
});
