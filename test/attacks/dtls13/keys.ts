import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { sha256 } from '../dtls/keys.ts';
import { u16, vector } from '../dtls/wire.ts';

const EMPTY = Buffer.alloc(0);
const ZEROS = Buffer.alloc(32);
const TAG_BYTES = 16;
const HEADER_BYTES = 5;

const hmac = (key: Buffer, data: Buffer): Buffer => createHmac('sha256', key).update(data).digest();

/** RFC 8446 section 7.1 with the prefix of RFC 9147 section 5.9. */
function expandLabel(secret: Buffer, label: string, context: Buffer, length: number): Buffer {
  const info = Buffer.concat([u16(length), vector(1, Buffer.from(`dtls13${label}`)), vector(1, context)]);
  const blocks: Buffer[] = [];
  for (let n = 1; 32 * blocks.length < length; n++)
    blocks.push(hmac(secret, Buffer.concat([blocks.at(-1) ?? EMPTY, info, Buffer.from([n])])));
  return Buffer.concat(blocks).subarray(0, length);
}

/** The keys of one direction in one epoch: TLS_AES_128_GCM_SHA256. */
export class Traffic {
  readonly #secret: Buffer;
  readonly #key: Buffer;
  readonly #iv: Buffer;
  readonly #numberKey: Buffer;

  constructor(secret: Buffer) {
    this.#secret = secret;
    this.#key = expandLabel(secret, 'key', EMPTY, 16);
    this.#iv = expandLabel(secret, 'iv', EMPTY, 12);
    this.#numberKey = expandLabel(secret, 'sn', EMPTY, 16);
  }

  verifyData(transcript: Buffer): Buffer {
    return hmac(expandLabel(this.#secret, 'finished', EMPTY, 32), sha256(transcript));
  }

  /** A record with the header of RFC 9147 section 4: number of 16 bits, and length. */
  seal(epoch: number, number: number, type: number, content: Buffer): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    header[0] = 0x2c | (epoch & 3);
    header.writeUInt16BE(number & 0xffff, 1);
    header.writeUInt16BE(content.length + 1 + TAG_BYTES, 3);
    const cipher = createCipheriv('aes-128-gcm', this.#key, this.#nonce(number));
    cipher.setAAD(header);
    const sealed = cipher.update(Buffer.concat([content, Buffer.from([type])]));
    cipher.final();
    const body = Buffer.concat([sealed, cipher.getAuthTag()]);
    this.#mask(header, body);
    return Buffer.concat([header, body]);
  }

  /** @returns undefined where the record is not theirs */
  open(record: Buffer): { type: number; content: Buffer } | undefined {
    if (record.length < HEADER_BYTES + TAG_BYTES + 1) return undefined;
    const header = Buffer.from(record.subarray(0, HEADER_BYTES));
    const body = record.subarray(HEADER_BYTES);
    this.#mask(header, body);
    const decipher = createDecipheriv('aes-128-gcm', this.#key, this.#nonce(header.readUInt16BE(1)));
    decipher.setAAD(header);
    decipher.setAuthTag(body.subarray(body.length - TAG_BYTES));
    const plain = decipher.update(body.subarray(0, body.length - TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    let end = plain.length;
    while (end > 0 && plain[end - 1] === 0) end--;
    return { type: plain[end - 1] ?? 0, content: plain.subarray(0, Math.max(0, end - 1)) };
  }

  #nonce(number: number): Buffer {
    const nonce = Buffer.from(this.#iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ number) >>> 0, 8);
    return nonce;
  }

  /** RFC 9147 section 4.2.3. */
  #mask(header: Buffer, body: Buffer): void {
    const mask = createCipheriv('aes-128-ecb', this.#numberKey, null).update(body.subarray(0, 16));
    header[1]! ^= mask[0]!;
    header[2]! ^= mask[1]!;
  }
}

/** What comes of a key exchange and a transcript (RFC 8446 section 7.1), without a pre-shared key. */
export class Schedule {
  readonly #handshake: Buffer;
  readonly #master: Buffer;

  constructor(shared: Buffer) {
    const early = hmac(ZEROS, ZEROS);
    this.#handshake = hmac(expandLabel(early, 'derived', sha256(EMPTY), 32), shared);
    this.#master = hmac(expandLabel(this.#handshake, 'derived', sha256(EMPTY), 32), ZEROS);
  }

  /** @param hellos the transcript up to ServerHello */
  handshake(side: 'c' | 's', hellos: Buffer): Traffic {
    return new Traffic(expandLabel(this.#handshake, `${side} hs traffic`, sha256(hellos), 32));
  }

  /** @param transcript up to the server's Finished */
  application(side: 'c' | 's', transcript: Buffer): Traffic {
    return new Traffic(expandLabel(this.#master, `${side} ap traffic`, sha256(transcript), 32));
  }

  /** RFC 5764 section 4.2. */
  exportSrtp(transcript: Buffer, length: number): Buffer {
    const exporter = expandLabel(this.#master, 'exp master', sha256(transcript), 32);
    const secret = expandLabel(exporter, 'EXTRACTOR-dtls_srtp', sha256(EMPTY), 32);
    return expandLabel(secret, 'exporter', sha256(EMPTY), length);
  }
}
