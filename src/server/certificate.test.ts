import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { generate } from 'selfsigned';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Certificate, type Pem } from './certificate.ts';
import { lanAddresses } from './lan.ts';

const log = pino({ level: 'silent' });
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'depthcast-tls-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const kept = () => join(folder, 'tls', 'server.pem');
async function made(): Promise<Certificate> {
  const certificate = (await Certificate.open({ cert: null, key: null, generate: true }, log, join(folder, 'tls')))!;
  certificate.close();
  return certificate;
}

it('makes a certificate for localhost and every address of this machine, readable by its owner alone', async () => {
  const { pem, fingerprint } = await made();
  const certificate = new X509Certificate(pem.cert);
  expect(certificate.checkHost('localhost')).toBe('localhost');
  for (const address of ['127.0.0.1', '::1', ...lanAddresses()]) expect(certificate.checkIP(address)).toBe(address);
  expect(certificate.ca).toBe(false);
  expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBeLessThan(398 * 86_400_000);
  expect(statSync(kept()).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'tls')).mode & 0o777).toBe(0o700);
  expect((await made()).fingerprint).toBe(fingerprint);
});

/** A pair that expires in so many days. */
async function pair(days: number): Promise<Pem> {
  const notAfterDate = new Date(Date.now() + days * 86_400_000);
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'x' }], {
    keyType: 'ec',
    notAfterDate,
    algorithm: 'sha256',
  });
  return { cert, key };
}

it.each<[string, () => Promise<void>]>([
  ['is about to expire', async () => writeFileSync(kept(), Object.values(await pair(10)).join('\n'))],
  ['lacks an address', async () => writeFileSync(kept(), Object.values(await pair(100)).join('\n'))],
  ['is corrupt', async () => writeFileSync(kept(), 'rubbish')],
  ['others can read', async () => chmodSync(kept(), 0o644)],
])('makes another when the kept one %s', async (_name, spoil) => {
  const { fingerprint } = await made();
  await spoil();
  const next = await made();
  expect(next.fingerprint).not.toBe(fingerprint);
  expect(statSync(kept()).mode & 0o777).toBe(0o600);
  expect(readFileSync(kept(), 'utf8')).toContain(next.pem.cert.slice(0, 200));
});

it('serves all the same when nothing can be kept', async () => {
  writeFileSync(join(folder, 'tls'), 'a file where the folder should be');
  expect((await made()).pem.cert).toContain('BEGIN CERTIFICATE');
});

it('takes over files that were renewed, and keeps the old ones while the new cannot be read', async () => {
  const [cert, key] = [join(folder, 'c.pem'), join(folder, 'k.pem')];
  const write = (pem: Pem) => {
    writeFileSync(cert, pem.cert);
    writeFileSync(key, pem.key);
  };
  const [first, second] = [await pair(100), await pair(200)];
  write(first);
  const certificate = (await Certificate.open({ cert, key, generate: false }, log))!;
  const changes: string[] = [];
  certificate.onChange((pem) => changes.push(pem.cert));
  await certificate.refresh();
  writeFileSync(cert, second.cert);
  await certificate.refresh();
  expect([certificate.pem, changes]).toEqual([first, []]);
  write(second);
  await certificate.refresh();
  expect([certificate.pem, changes]).toEqual([second, [second.cert]]);
  certificate.close();
});

it('refuses what does not fit at the start', async () => {
  const [cert, key] = [join(folder, 'c.pem'), join(folder, 'k.pem')];
  writeFileSync(cert, (await pair(100)).cert);
  writeFileSync(key, (await pair(100)).key);
  const refused = expect.objectContaining({ code: 'BAD_CONFIG' });
  await expect(Certificate.open({ cert, key, generate: false }, log)).rejects.toEqual(refused);
  await expect(Certificate.open({ cert, key: null, generate: true }, log)).rejects.toEqual(refused);
  await expect(Certificate.open({ cert: '/nonexistent', key, generate: false }, log)).rejects.toEqual(refused);
  expect(await Certificate.open({ cert: null, key: null, generate: false }, log)).toBeUndefined();
});
