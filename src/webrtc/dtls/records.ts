import { type CipherGCM, type CipherGCMTypes, createCipheriv, createDecipheriv, type DecipherGCM } from 'node:crypto';
import type { DtlsSocket } from 'werift';

const HEADER_BYTES = 13;
/** RFC 5288 section 3: four implicit bytes of the keys, eight that every record carries. */
const IMPLICIT_NONCE_BYTES = 4;
const EXPLICIT_NONCE_BYTES = 8;
const TAG_BYTES = 16;
const EPOCH_AT = 3;
const VERSION_AT = 1;

interface Direction {
  key: Buffer;
  /** Its first bytes are the implicit part. */
  nonce: Buffer;
}

/**
 * Protects and opens the records of an established DTLS 1.2 association with an AES-GCM suite, the only ones that werift
 * agrees on. Works in one buffer where werift makes a dozen objects: data channels send some 20 records for each map.
 */
export class DtlsRecords {
  readonly #algorithm: CipherGCMTypes;
  readonly #out: Direction;
  readonly #in: Direction;
  /** Additional data (RFC 5246 section 6.2.3.3): epoch and number, type, version, length of the plain text. */
  readonly #additional = Buffer.alloc(HEADER_BYTES);

  /** @param socket whose handshake is over */
  constructor(socket: DtlsSocket, role: 'client' | 'server') {
    const { blockAlgorithm, clientWriteKey, serverWriteKey, clientNonce, serverNonce } = socket.cipher.cipher;
    if (!blockAlgorithm || !clientWriteKey || !serverWriteKey || !clientNonce || !serverNonce)
      throw new Error('there are no keys yet');
    const client = { key: clientWriteKey, nonce: Buffer.from(clientNonce) };
    const server = { key: serverWriteKey, nonce: Buffer.from(serverNonce) };
    this.#algorithm = blockAlgorithm;
    this.#out = role === 'client' ? client : server;
    this.#in = role === 'client' ? server : client;
  }

  /**
   * @param number of the record in its epoch, 48 bit; never one that was used before
   * @returns the whole record
   */
  seal(type: number, version: { major: number; minor: number }, epoch: number, number: number, data: Buffer): Buffer {
    const record = Buffer.allocUnsafe(HEADER_BYTES + EXPLICIT_NONCE_BYTES + data.length + TAG_BYTES);
    record[0] = type;
    record[VERSION_AT] = version.major;
    record[VERSION_AT + 1] = version.minor;
    record.writeUInt16BE(epoch, EPOCH_AT);
    record.writeUIntBE(number, EPOCH_AT + 2, 6);
    record.writeUInt16BE(record.length - HEADER_BYTES, HEADER_BYTES - 2);
    // The explicit nonce: epoch and number, which never repeat.
    record.copy(record, HEADER_BYTES, EPOCH_AT, EPOCH_AT + EXPLICIT_NONCE_BYTES);
    const cipher: CipherGCM = createCipheriv(this.#algorithm, this.#out.key, this.#nonce(this.#out, record));
    cipher.setAAD(this.#additionalData(record, data.length));
    const bodyAt = HEADER_BYTES + EXPLICIT_NONCE_BYTES;
    record.set(cipher.update(data), bodyAt);
    cipher.final();
    record.set(cipher.getAuthTag(), bodyAt + data.length);
    return record;
  }

  /** @param record a whole one, of an encrypted epoch @throws where it is not the peer's, or damaged */
  open(record: Buffer): Buffer {
    const bodyAt = HEADER_BYTES + EXPLICIT_NONCE_BYTES;
    const tagAt = record.length - TAG_BYTES;
    if (tagAt < bodyAt) throw new Error('the record is too short');
    const decipher: DecipherGCM = createDecipheriv(this.#algorithm, this.#in.key, this.#nonce(this.#in, record));
    decipher.setAAD(this.#additionalData(record, tagAt - bodyAt));
    decipher.setAuthTag(record.subarray(tagAt));
    const data = decipher.update(record.subarray(bodyAt, tagAt));
    decipher.final();
    return data;
  }

  #nonce({ nonce }: Direction, record: Buffer): Buffer {
    record.copy(nonce, IMPLICIT_NONCE_BYTES, HEADER_BYTES, HEADER_BYTES + EXPLICIT_NONCE_BYTES);
    return nonce;
  }

  #additionalData(record: Buffer, length: number): Buffer {
    const additional = this.#additional;
    record.copy(additional, 0, EPOCH_AT, EPOCH_AT + 8);
    record.copy(additional, 8, 0, EPOCH_AT);
    additional.writeUInt16BE(length, 11);
    return additional;
  }
}
