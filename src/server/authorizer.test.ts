import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64url, SignJWT } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { type Action, Authorizer } from './authorizer.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SECRET = 'a shared secret of forty characters, about';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');

function pem(name: string, key: KeyObject): string {
  const file = join(folder, `${name}.pem`);
  writeFileSync(file, key.export({ type: 'spki', format: 'pem' }));
  return file;
}
const jwksFile = join(folder, 'jwks.json');
const jwks = {
  keys: [
    { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'r', use: 'sig' },
    { ...ed.publicKey.export({ format: 'jwk' }), kid: 'e' },
  ],
};
writeFileSync(jwksFile, JSON.stringify(jwks));

const authorizer = (overrides: Record<string, unknown>) => new Authorizer(loadConfig({ overrides }));
const key = { secret: new TextEncoder().encode(SECRET) };
const claims = { depthcast: { publish: ['cam-*'], view: ['cam-1', 'lobby'] } };
const now = () => Math.floor(Date.now() / 1000);

function sign(signer: KeyObject | Uint8Array, alg: string, extra: Record<string, unknown> = {}, kid?: string) {
  return new SignJWT({ ...claims, exp: now() + 60, ...extra })
    .setProtectedHeader({ alg, ...(kid ? { kid } : {}) })
    .sign(signer);
}

const publish: Action = { do: 'publish', stream: 'cam-7' };
/** "ok", or the code of the refusal. */
const ask = (at: Authorizer, token: string | undefined, action: Action = publish, address = '192.0.2.1') =>
  at.admit(address, token === undefined ? undefined : `Bearer ${token}`, action).then(
    () => 'ok',
    (thrown: { code: string }) => thrown.code,
  );

describe('static tokens', () => {
  const tokens = [
    'correct horse'.replace(' ', '-'),
    { token: 'viewer-token', view: ['lobby'] },
    { token: 'scraper-token', metrics: true },
  ];
  const at = authorizer({ 'server.tokens': tokens, 'server.protect': ['publish', 'view', 'api', 'metrics'] });

  it.each<[string | undefined, Action, string]>([
    ['correct-horse', publish, 'ok'],
    ['correct-horse', { do: 'duplex' }, 'ok'],
    ['correct-horse', { do: 'metrics' }, 'ok'],
    ['correct-hors', publish, 'UNAUTHORIZED'],
    ['correct-horsee', publish, 'UNAUTHORIZED'],
    ['', publish, 'UNAUTHORIZED'],
    [undefined, publish, 'UNAUTHORIZED'],
    ['viewer-token', { do: 'view', stream: 'lobby' }, 'ok'],
    ['viewer-token', { do: 'view', stream: 'lobby2' }, 'FORBIDDEN'],
    ['viewer-token', publish, 'FORBIDDEN'],
    ['viewer-token', { do: 'duplex' }, 'FORBIDDEN'],
    ['scraper-token', { do: 'metrics' }, 'ok'],
    ['scraper-token', { do: 'api' }, 'FORBIDDEN'],
  ])('%s may %o: %s', async (token, action, expected) => {
    expect(await ask(at, token, action)).toBe(expected);
  });

  it('tells which streams somebody may see in a list', async () => {
    const seen = async (of: Authorizer, token?: string) => {
      const viewable = await of.viewable('192.0.2.1', token === undefined ? undefined : `Bearer ${token}`);
      return ['lobby', 'door'].filter(viewable);
    };
    const refusal = { code: 'UNAUTHORIZED' };
    expect(await seen(at, 'viewer-token')).toEqual(['lobby']);
    expect(await seen(at, 'scraper-token')).toEqual([]);
    expect(await seen(at, 'correct-horse')).toEqual(['lobby', 'door']);
    await expect(seen(at)).rejects.toMatchObject(refusal);
    await expect(seen(at, 'no-such-token')).rejects.toMatchObject(refusal);
    expect(await seen(authorizer({}))).toEqual(['lobby', 'door']);
    // Where everybody may view, the list is the API's.
    const api = authorizer({ 'server.tokens': tokens, 'server.protect': ['api'] });
    await expect(seen(api)).rejects.toMatchObject(refusal);
    await expect(seen(api, 'viewer-token')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await seen(api, 'correct-horse')).toEqual(['lobby', 'door']);
  });

  it('guards nothing where none is configured, and nothing but what is protected', async () => {
    expect(await ask(authorizer({}), undefined)).toBe('ok');
    const views = authorizer({ 'server.tokens': ['12345678'], 'server.protect': ['publish'] });
    expect(await ask(views, undefined, { do: 'view', stream: 'x' })).toBe('ok');
    expect(await ask(views, undefined)).toBe('UNAUTHORIZED');
  });

  it('follows tokens that change while it runs', async () => {
    const config = loadConfig({ overrides: { 'server.tokens': ['old-token'] } });
    const at = new Authorizer(config);
    expect(await ask(at, 'old-token')).toBe('ok');
    config.server.tokens = ['new-token'];
    expect([await ask(at, 'old-token'), await ask(at, 'new-token')]).toEqual(['UNAUTHORIZED', 'ok']);
  });

  it('stops listening to an address that guesses, and to no other', async () => {
    const at = authorizer({ 'server.tokens': ['12345678'], 'limits.authFailuresPerMinute': 3 });
    for (let i = 0; i < 5; i++) await ask(at, undefined);
    expect(await ask(at, '12345678')).toBe('ok');
    for (let i = 0; i < 3; i++) expect(await ask(at, `guess-${i}`)).toBe('UNAUTHORIZED');
    expect(await ask(at, '12345678')).toBe('RATE_LIMITED');
    expect(await ask(at, '12345678', publish, '192.0.2.2')).toBe('ok');
  });
});

describe('JSON Web Tokens', () => {
  it.each([
    ['HS256', { 'jwt.secret': SECRET }, key.secret, undefined],
    ['RS256', { 'jwt.publicKey': pem('rsa', rsa.publicKey) }, rsa.privateKey, undefined],
    ['ES256', { 'jwt.publicKey': pem('ec', ec.publicKey) }, ec.privateKey, undefined],
    ['EdDSA', { 'jwt.publicKey': pem('ed', ed.publicKey) }, ed.privateKey, undefined],
    ['RS256', { 'jwt.jwks': jwksFile }, rsa.privateKey, 'r'],
    ['EdDSA', { 'jwt.jwks': jwksFile, 'jwt.secret': SECRET }, ed.privateKey, 'e'],
  ])('%s with %o gives the rights that it claims, and no others', async (alg, settings, signer, kid) => {
    const at = authorizer(settings);
    const token = await sign(signer, alg, {}, kid);
    expect(await ask(at, token)).toBe('ok');
    expect(await ask(at, token, { do: 'view', stream: 'lobby' })).toBe('ok');
    expect(await ask(at, token, { do: 'publish', stream: 'lobby' })).toBe('FORBIDDEN');
    expect(await ask(at, token, { do: 'duplex' })).toBe('FORBIDDEN');
    expect(await ask(at, `${token.slice(0, -6)}AAAAAA`)).toBe('UNAUTHORIZED');
    expect(await ask(at, await sign(signer, alg, { depthcast: { duplex: true } }, kid), { do: 'duplex' })).toBe('ok');
  });

  it('is not fooled about algorithms and keys', async () => {
    const file = pem('rsa', rsa.publicKey);
    const at = authorizer({ 'jwt.publicKey': file });
    const publicPem = new TextEncoder().encode(String(rsa.publicKey.export({ type: 'spki', format: 'pem' })));
    const unsigned = `${base64url.encode('{"alg":"none"}')}.${base64url.encode(JSON.stringify({ ...claims, exp: now() + 60 }))}.`;
    expect(await ask(at, unsigned)).toBe('UNAUTHORIZED');
    expect(await ask(at, await sign(publicPem, 'HS256'))).toBe('UNAUTHORIZED');
    expect(await ask(at, await sign(other.privateKey, 'EdDSA'))).toBe('UNAUTHORIZED');
    expect(await ask(at, await sign(rsa.privateKey, 'RS512'))).toBe('UNAUTHORIZED');
    expect(await ask(authorizer({ 'jwt.jwks': jwksFile }), await sign(other.privateKey, 'EdDSA', {}, 'e'))).toBe(
      'UNAUTHORIZED',
    );
    for (const rubbish of ['a.b.c', '..', `${'a'.repeat(8000)}.b.c`, 'eyJhbGciOiJIUzI1NiJ9..'])
      expect(await ask(at, rubbish, publish, rubbish.slice(0, 3))).toBe('UNAUTHORIZED');
  });

  it('looks for a key in a set where another of its kind does not fit, as while keys are changed', async () => {
    const next = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const at = authorizer({ 'jwt.publicKey': pem('next', next.publicKey), 'jwt.jwks': jwksFile, 'jwt.secret': SECRET });
    expect(await ask(at, await sign(next.privateKey, 'RS256'))).toBe('ok');
    expect(await ask(at, await sign(rsa.privateKey, 'RS256', {}, 'r'))).toBe('ok');
    expect(await ask(at, await sign(ed.privateKey, 'EdDSA', {}, 'e'))).toBe('ok');
    expect(await ask(at, await sign(other.privateKey, 'EdDSA', {}, 'e'))).toBe('UNAUTHORIZED');
    expect(await ask(at, await sign(rsa.privateKey, 'RS256', { exp: now() - 60 }, 'r'))).toBe('UNAUTHORIZED');
    // A shared secret that is guessed at counts as such, also where the key server cannot be reached.
    const down = authorizer({ 'jwt.secret': SECRET, 'jwt.jwksUrl': 'http://127.0.0.1:1/' });
    expect(await ask(down, await sign(new Uint8Array(32), 'HS256'))).toBe('UNAUTHORIZED');
  });

  // Times count from when the token is made: the tests before may have taken long.
  it.each<[string, Record<string, unknown> | (() => Record<string, unknown>), string]>([
    ['expired', () => ({ exp: now() - 60 }), 'UNAUTHORIZED'],
    ['expired within the tolerance', () => ({ exp: now() - 2 }), 'ok'],
    ['not valid yet', () => ({ nbf: now() + 60 }), 'UNAUTHORIZED'],
    ['without an expiry', { exp: undefined }, 'UNAUTHORIZED'],
    ['of another issuer', { iss: 'them' }, 'UNAUTHORIZED'],
    ['for another audience', { aud: 'them' }, 'UNAUTHORIZED'],
    ['for several audiences', { aud: ['them', 'depth'] }, 'ok'],
    ['without rights', { depthcast: undefined }, 'FORBIDDEN'],
    ['with malformed rights', { depthcast: { publish: 'cam-*' } }, 'UNAUTHORIZED'],
    ['with rights that do not exist yet', { depthcast: { publish: ['*'], record: true } }, 'ok'],
  ])('one %s', async (_name, extra, expected) => {
    const at = authorizer({ 'jwt.secret': SECRET, 'jwt.issuer': 'us', 'jwt.audience': 'depth' });
    const more = typeof extra === 'function' ? extra() : extra;
    const token = await sign(key.secret, 'HS256', { iss: 'us', aud: 'depth', ...more });
    expect(await ask(at, token)).toBe(expected);
  });

  it('fetches a key set only where one is named, and says so when it cannot', async () => {
    let fetched = 0;
    const server = createServer((_request, response) => {
      fetched++;
      response.setHeader('content-type', 'application/json').end(JSON.stringify(jwks));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
    const token = await sign(rsa.privateKey, 'RS256', { jku: url }, 'r');
    expect(await ask(authorizer({ 'jwt.jwks': jwksFile }), token)).toBe('ok');
    expect(fetched).toBe(0);
    const at = authorizer({ 'jwt.jwksUrl': url });
    expect([await ask(at, token), await ask(at, token)]).toEqual(['ok', 'ok']);
    expect(fetched).toBe(1);
    await new Promise((resolve) => server.close(resolve).closeAllConnections());
    expect(await ask(authorizer({ 'jwt.jwksUrl': url }), token)).toBe('DOWNLOAD_FAILED');
  });

  it('takes over keys that were changed, when told to', async () => {
    const file = join(folder, 'rotating.pem');
    const write = (key: KeyObject) => writeFileSync(file, key.export({ type: 'spki', format: 'pem' }));
    write(ed.publicKey);
    const at = authorizer({ 'jwt.publicKey': file });
    const [old, next] = [await sign(ed.privateKey, 'EdDSA'), await sign(other.privateKey, 'EdDSA')];
    write(other.publicKey);
    expect([await ask(at, old), await ask(at, next)]).toEqual(['ok', 'UNAUTHORIZED']);
    const settings = loadConfig({ overrides: { 'jwt.publicKey': file } }).jwt;
    at.prepare(settings)();
    expect([await ask(at, old), await ask(at, next)]).toEqual(['UNAUTHORIZED', 'ok']);
    writeFileSync(file, 'no key');
    expect(() => at.prepare(settings)).toThrowError(expect.objectContaining({ code: 'BAD_CONFIG' }));
    expect(await ask(at, next)).toBe('ok');
  });

  it('refuses keys that cannot be read, at the start', () => {
    const file = join(folder, 'rubbish.pem');
    writeFileSync(file, 'no key');
    for (const settings of [{ 'jwt.publicKey': file }, { 'jwt.jwks': file }, { 'jwt.publicKey': '/nonexistent' }])
      expect(() => authorizer(settings)).toThrowError(expect.objectContaining({ code: 'BAD_CONFIG' }));
    expect(() => authorizer({ 'jwt.secret': 'short' })).toThrowError(/jwt\.secret/);
  });
});
