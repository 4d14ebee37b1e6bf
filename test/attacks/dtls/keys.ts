import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
} from 'node:crypto';
import { RECORD_HEADER_BYTES } from './wire.ts';

export const X25519 = 29;
export const P256 = 23;
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex');

export const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest();

/** RFC 5246 section 5, with SHA-256. */
export function prf(secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label), seed]);
  const out: Buffer[] = [];
  let a = labelled;
  for (let have = 0; have < length; have += 32) {
    a = createHmac('sha256', secret).update(a).digest();
    out.push(createHmac('sha256', secret).update(a).update(labelled).digest());
  }
  return Buffer.concat(out).subarray(0, length);
}

export interface KeyShare {
  curve: number;
  public: Buffer;
  shared(peer: Buffer): Buffer;
}

export function keyShare(curve: number): KeyShare {
  if (curve === P256) {
    const ecdh = createECDH('prime256v1');
    return { curve, public: ecdh.generateKeys(), shared: (peer) => ecdh.computeSecret(peer) };
  }
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const shared = (peer: Buffer) => {
    const key = createPublicKey({ key: Buffer.concat([X25519_SPKI, peer]), format: 'der', type: 'spki' });
    return diffieHellman({ privateKey, publicKey: key });
  };
  return { curve, public: publicKey.export({ type: 'spki', format: 'der' }).subarray(-32), shared };
}

interface Side {
  key: Buffer;
  iv: Buffer;
}

/** Keys of TLS_ECDHE_*_WITH_AES_128_GCM_SHA256, and what DTLS-SRTP exports. */
export class SessionKeys {
  readonly master: Buffer;
  readonly client: Side;
  readonly server: Side;
  readonly #randoms: Buffer;

  /** @param randoms of the client, then of the server */
  constructor(master: Buffer, randoms: [Buffer, Buffer]) {
    this.master = master;
    this.#randoms = Buffer.concat(randoms);
    const block = prf(master, 'key expansion', Buffer.concat([randoms[1], randoms[0]]), 40);
    this.client = { key: block.subarray(0, 16), iv: block.subarray(32, 36) };
    this.server = { key: block.subarray(16, 32), iv: block.subarray(36, 40) };
  }

  /** RFC 5764 section 4.2. */
  exportSrtp(length: number): Buffer {
    return prf(this.master, 'EXTRACTOR-dtls_srtp', this.#randoms, length);
  }

  verifyData(label: 'client finished' | 'server finished', transcript: Buffer): Buffer {
    return prf(this.master, label, sha256(transcript), 12);
  }
}

/** A record's body: explicit nonce, ciphertext, tag (RFC 5288). */
export function seal({ key, iv }: Side, type: number, epoch: number, number: number, data: Buffer): Buffer {
  const nonce = Buffer.alloc(8);
  nonce.writeUInt16BE(epoch, 0);
  nonce.writeUIntBE(number, 2, 6);
  const cipher = createCipheriv('aes-128-gcm', key, Buffer.concat([iv, nonce]));
  cipher.setAAD(additional(nonce, type, data.length));
  const body = cipher.update(data);
  cipher.final();
  return Buffer.concat([nonce, body, cipher.getAuthTag()]);
}

/** @returns undefined where the record is not theirs */
export function open({ key, iv }: Side, record: Buffer): Buffer | undefined {
  const body = record.subarray(RECORD_HEADER_BYTES);
  if (body.length < 24) return undefined;
  const decipher = createDecipheriv('aes-128-gcm', key, Buffer.concat([iv, body.subarray(0, 8)]));
  decipher.setAAD(additional(record.subarray(3, 11), record[0]!, body.length - 24));
  decipher.setAuthTag(body.subarray(body.length - 16));
  const plain = decipher.update(body.subarray(8, body.length - 16));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plain;
}

function additional(epochAndNumber: Buffer, type: number, length: number): Buffer {
  return Buffer.concat([epochAndNumber, Buffer.from([type, 0xfe, 0xfd, length >> 8, length & 255])]);
}
