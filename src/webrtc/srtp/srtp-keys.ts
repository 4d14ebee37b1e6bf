import { createCipheriv } from 'node:crypto';

const AUTH_BYTES = 20;
/** Packets behind the newest that are still accepted, once each (RFC 3711 section 3.3.2). */
const REPLAY_WINDOW = 1024;

const WORD = 32;

/** Where a stream's packets stand on the 48-bit packet index, and which of the last came already. */
export class StreamIndex {
  #highest = -1;
  /** A bit for each index of the window, at its remainder. */
  readonly #seen = new Uint32Array(REPLAY_WINDOW / WORD);

  /**
   * The indices that this sequence number may mean: the nearest to the highest so far (RFC 3711 appendix A), unless that
   * is a replay. Of a stream's first packet the rollover counter is not known: it is 0 (section 3.3.1), or 1 where the sender
   * began in the upper half and what it sent before its first rollover was lost.
   */
  guesses(sequenceNumber: number): readonly number[] {
    if (this.#highest < 0)
      return sequenceNumber < 0x8000 ? [sequenceNumber, sequenceNumber + 0x10000] : [sequenceNumber];
    const distance = ((sequenceNumber - this.#highest) << 16) >> 16;
    const index = this.#highest + distance;
    return index >= 0 && this.isFresh(index) ? [index] : [];
  }

  isFresh(index: number): boolean {
    if (index > this.#highest) return true;
    const at = index % REPLAY_WINDOW;
    return index > this.#highest - REPLAY_WINDOW && (this.#seen[at >>> 5]! & (1 << (at & 31))) === 0;
  }

  /** Takes note of an index whose packet was authentic. */
  accept(index: number): void {
    for (let passed = Math.max(this.#highest + 1, index - REPLAY_WINDOW); passed < index; passed++)
      this.#mark(passed, false);
    if (index > this.#highest) this.#highest = index;
    this.#mark(index, true);
  }

  #mark(index: number, seen: boolean): void {
    const at = index % REPLAY_WINDOW;
    const bit = 1 << (at & 31);
    if (seen) this.#seen[at >>> 5]! |= bit;
    else this.#seen[at >>> 5]! &= ~bit;
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
