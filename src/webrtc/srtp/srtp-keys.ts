import { createCipheriv } from 'node:crypto';

const AUTH_BYTES = 20;
/** Packets behind the newest that are still accepted, once each (RFC 3711 section 3.3.2). */
const REPLAY_WINDOW = 1024;

/** Where a stream's packets stand on the 48-bit packet index. */
export class StreamIndex {
  #highest = -1;
  readonly #seen = new Int32Array(REPLAY_WINDOW).fill(-1);

  /** The index that this sequence number most likely means (RFC 3711 appendix A), or undefined for a replay. */
  guess(sequenceNumber: number): number | undefined {
    if (this.#highest < 0) return sequenceNumber;
    const distance = ((sequenceNumber - this.#highest) << 16) >> 16;
    const index = this.#highest + distance;
    return index >= 0 && this.isFresh(index) ? index : undefined;
  }

  isFresh(index: number): boolean {
    return index > this.#highest - REPLAY_WINDOW && this.#seen[index % REPLAY_WINDOW] !== index % 0x7fffffff;
  }

  /** Takes note of an index whose packet was authentic. */
  accept(index: number): void {
    if (index > this.#highest) this.#highest = index;
    this.#seen[index % REPLAY_WINDOW] = index % 0x7fffffff;
  }
}

/** One direction's session keys: RTP or RTCP under one master key (RFC 3711 section 4.3). */
export class SessionKeys {
  readonly cipher: Buffer;
  readonly salt: Buffer;
  readonly auth: Buffer;

  constructor(masterKey: Buffer, masterSalt: Buffer, firstLabel: 0 | 3) {
    // RFC 7714 section 11: the key derivation function has the master key's length.
    const prf = masterKey.length === 32 ? 'aes-256-ctr' : 'aes-128-ctr';
    const derive = (label: number, bytes: number): Buffer => {
      const block = Buffer.alloc(16);
      masterSalt.copy(block);
      block[7]! ^= label;
      return createCipheriv(prf, masterKey, block).update(Buffer.alloc(bytes));
    };
    this.cipher = derive(firstLabel, masterKey.length);
    this.auth = derive(firstLabel + 1, AUTH_BYTES);
    this.salt = derive(firstLabel + 2, masterSalt.length);
  }
}
