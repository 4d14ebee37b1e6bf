import { createPrivateKey, X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import { type Identity, makeIdentity } from '../../../src/webrtc/dtls/identity.ts';
import type { Cast } from './sequence.ts';

/** Certificates and keys for all sequences of a run. */
export async function makeCast(): Promise<Cast> {
  const [ecdsa, stranger, rsa, strangerRsa, weakRsa] = await Promise.all([
    makeIdentity(),
    makeIdentity(),
    makeRsaIdentity(2048),
    makeRsaIdentity(2048),
    makeRsaIdentity(1024),
  ]);
  return { ecdsa, stranger, rsa, strangerRsa, weakRsa };
}

export async function makeRsaIdentity(keySize: number): Promise<Identity> {
  const pem = await generate([{ name: 'commonName', value: 'peer' }], { keyType: 'rsa', keySize, algorithm: 'sha256' });
  const parsed = new X509Certificate(pem.cert);
  return { certificate: parsed.raw, key: createPrivateKey(pem.private), fingerprint: parsed.fingerprint256 };
}
