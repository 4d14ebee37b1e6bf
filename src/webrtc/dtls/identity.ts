import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';

/** What we show to DTLS peers: they know it by its fingerprint alone, which signalling carries. */
export interface Identity {
  /** DER. */
  certificate: Buffer;
  key: KeyObject;
  /** SHA-256, as in SDP: `AB:CD:...` */
  fingerprint: string;
}

const DAY_MS = 86_400_000;
/** Nobody looks at the dates; a server may run for long. */
const VALID_DAYS = 3650;

let ours: Promise<Identity> | undefined;

/** The self-signed certificate of this process, made once. */
export function localIdentity(): Promise<Identity> {
  ours ??= makeIdentity();
  return ours;
}

/** A new key pair (P-256) and certificate. */
export async function makeIdentity(): Promise<Identity> {
  const now = Date.now();
  const pem = await generate([{ name: 'commonName', value: 'depthcast' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - DAY_MS),
    notAfterDate: new Date(now + VALID_DAYS * DAY_MS),
    extensions: [{ name: 'basicConstraints', cA: false }],
  });
  const parsed = new X509Certificate(pem.cert);
  return { certificate: parsed.raw, key: createPrivateKey(pem.private), fingerprint: parsed.fingerprint256 };
}
