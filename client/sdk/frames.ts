import { type DepthFrame, decodeFrame, Reassembler } from '../../src/protocol/index.ts';

/** Most bytes of one depth packet that a client takes: sixteen bits of a 2048x2048 map, unpacked. */
const MAX_PACKET = 8 * 1024 * 1024;

/** A depth frame as it reached this page. */
export interface ReceivedFrame extends DepthFrame {
  /** When the last byte came, on the clock of `performance.now()` (milliseconds). */
  receivedAt: number;
  /** Bytes of its packet. */
  bytes: number;
}

export interface FrameCounters {
  /** Frames handed to the page. */
  received: number;
  /** Bytes that came over the data channel, chunk headers included. */
  bytes: number;
  /** Frames that never became complete, because a packet was lost, and once more when it was sent again. */
  incomplete: number;
  /** Messages of frames that a newer one had overtaken. */
  late: number;
  /** Frames overtaken by a newer one while the last was still being unpacked. */
  skipped: number;
  /** Messages or packets that could not be read. */
  malformed: number;
}

interface Packet {
  bytes: Uint8Array;
  receivedAt: number;
}

/** Turns messages of the data channel into depth frames, in order; holds at most one that waits, the newest. */
export class FrameReader {
  readonly #reassembler = new Reassembler({ maxPacket: MAX_PACKET });
  readonly #deliver: (frame: ReceivedFrame) => void;
  readonly #counters = { received: 0, bytes: 0, skipped: 0, malformed: 0 };
  #waiting: Packet | undefined;
  #busy = false;
  #closed = false;

  constructor(deliver: (frame: ReceivedFrame) => void) {
    this.#deliver = deliver;
  }

  get counters(): FrameCounters {
    const { incomplete, stale: late } = this.#reassembler.stats;
    return { ...this.#counters, incomplete, late };
  }

  push(message: Uint8Array): void {
    this.#counters.bytes += message.length;
    let bytes: Uint8Array | undefined;
    try {
      bytes = this.#reassembler.push(message);
    } catch {
      this.#counters.malformed++;
    }
    if (!bytes || this.#closed) return;
    if (this.#waiting) this.#counters.skipped++;
    this.#waiting = { bytes, receivedAt: performance.now() };
    if (!this.#busy) void this.#drain();
  }

  close(): void {
    this.#closed = true;
    this.#waiting = undefined;
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    try {
      await this.#deliverAll();
    } finally {
      // A listener that throws ends nothing but its own frame.
      this.#busy = false;
    }
  }

  async #deliverAll(): Promise<void> {
    for (let packet = this.#waiting; packet; packet = this.#waiting) {
      this.#waiting = undefined;
      let frame: DepthFrame;
      try {
        frame = await decodeFrame(packet.bytes);
      } catch {
        this.#counters.malformed++;
        continue;
      }
      if (this.#closed) break;
      this.#counters.received++;
      this.#deliver({ ...frame, receivedAt: packet.receivedAt, bytes: packet.bytes.length });
    }
  }
}
