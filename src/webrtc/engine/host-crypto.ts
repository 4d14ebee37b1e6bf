import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createPublicKey,
  createSecretKey,
  type DecipherGCM,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomFillSync,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto';

const X25519 = 29;
const P256 = 23;
/** What precedes the 32 bytes of an X25519 key in its SubjectPublicKeyInfo (RFC 8410). */
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex');
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const MIN_RSA_BITS = 2048;
const REFUSED = -1;

/** A part of the module's memory; only good until the module runs again. */
type View = (at: number, length: number) => Uint8Array;

/**
 * The module's crypto: native/transport/src/host.rs imports these functions. Keys stay on this side, the module holds
 * their slots. Whatever node:crypto throws is a refusal.
 * @param key signs for us
 */
export function hostCrypto(view: View, key: KeyObject | undefined): Record<string, (...args: number[]) => unknown> {
  const exchanges: (((peer: Uint8Array) => Buffer) | undefined)[] = [];
  const ciphers: { suite: 'aes-128-gcm' | 'aes-256-gcm'; secret: KeyObject }[] = [];

  /** @returns slot << 8 | length of the public key at `out` */
  const startExchange = (group: number, out: number): number => {
    const { share, finish } = group === X25519 ? x25519() : group === P256 ? p256() : {};
    if (!share || !finish) return REFUSED;
    view(out, share.length).set(share);
    return ((exchanges.push(finish) - 1) << 8) | share.length;
  };
  const finishExchange = (slot: number, at: number, length: number, out: number): number => {
    const finish = exchanges[slot]!;
    exchanges[slot] = undefined;
    const secret = finish(view(at, length));
    view(out, secret.length).set(secret);
    return secret.length;
  };
  const signData = (hash: number, at: number, length: number, out: number): number => {
    const signature = sign(`sha${hash}`, view(at, length), key!);
    view(out, signature.length).set(signature);
    return signature.length;
  };
  /** @returns 1 where the signature is right, made with the key of the kind that the suite names, and strong enough */
  const verifySignature = (rsa: number, hash: number, ...places: number[]): number => {
    const [certificate, data, signature] = [0, 2, 4].map((i) => view(places[i]!, places[i + 1]!));
    const { publicKey } = new X509Certificate(Buffer.from(certificate!));
    if (publicKey.asymmetricKeyType !== (rsa ? 'rsa' : 'ec')) return 0;
    if (rsa && (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < MIN_RSA_BITS) return 0;
    return verify(`sha${hash}`, data!, publicKey, signature!) ? 1 : 0;
  };
  const newCipher = (at: number, length: number): number =>
    ciphers.push({ suite: length === 32 ? 'aes-256-gcm' : 'aes-128-gcm', secret: createSecretKey(view(at, length)) }) -
    1;
  /** In place; the tag goes behind the data. */
  const seal = (slot: number, nonce: number, aad: number, aadLength: number, at: number, length: number): number => {
    const { suite, secret } = ciphers[slot]!;
    const cipher = createCipheriv(suite, secret, view(nonce, NONCE_BYTES)) as CipherGCM;
    cipher.setAAD(view(aad, aadLength));
    const data = view(at, length + TAG_BYTES);
    data.set(cipher.update(data.subarray(0, length)));
    cipher.final();
    data.set(cipher.getAuthTag(), length);
    return 0;
  };
  const open = (slot: number, nonce: number, aad: number, aadLength: number, at: number, length: number): number => {
    const { suite, secret } = ciphers[slot]!;
    const data = view(at, length);
    const decipher = createDecipheriv(suite, secret, view(nonce, NONCE_BYTES)) as DecipherGCM;
    decipher.setAAD(view(aad, aadLength));
    decipher.setAuthTag(data.slice(length - TAG_BYTES));
    const plain = decipher.update(data.subarray(0, length - TAG_BYTES));
    decipher.final();
    data.set(plain);
    return 0;
  };
  return {
    random: (at: number, length: number) => void randomFillSync(view(at, length)),
    kx_start: guard(startExchange),
    kx_finish: guard(finishExchange),
    sign: guard(signData),
    verify: guard(verifySignature),
    cipher_new: guard(newCipher),
    seal: guard(seal),
    open: guard(open),
  };
}

function guard<A extends number[]>(run: (...args: A) => number): (...args: number[]) => number {
  return (...args) => {
    try {
      return run(...(args as A));
    } catch {
      return REFUSED;
    }
  };
}

interface Exchange {
  share: Buffer;
  finish: (peer: Uint8Array) => Buffer;
}

/** OpenSSL refuses points of low order. */
function x25519(): Exchange {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const finish = (peer: Uint8Array) => {
    const key = Buffer.concat([X25519_SPKI, peer]);
    return diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'der', type: 'spki' }) });
  };
  return { share: publicKey.export({ type: 'spki', format: 'der' }).subarray(X25519_SPKI.length), finish };
}

/** OpenSSL refuses points that are not on the curve. */
function p256(): Exchange {
  const ecdh = createECDH('prime256v1');
  return { share: ecdh.generateKeys(), finish: (peer) => ecdh.computeSecret(peer) };
}
