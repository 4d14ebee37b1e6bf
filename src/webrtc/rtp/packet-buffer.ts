/** Held packets, a power of two: 2048 are 2.4 MB of full ones. */
const CAPACITY = 2048;
const MAX_BYTES = 4 << 20;

/** Packets that wait for others, by extended sequence number. */
export class PacketBuffer<T extends { sequence: number; payload: Buffer }> {
  /** CAPACITY of them from the first packet on: a receiver that never gets one costs nothing. */
  #slots: (T | undefined)[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a packet can be held beside those from `next` on. */
  hasRoomFor(packet: T, next: number): boolean {
    return packet.sequence < next + CAPACITY && this.#bytes + packet.payload.length <= MAX_BYTES;
  }

  put(packet: T): void {
    if (this.#slots.length === 0) this.#slots = new Array(CAPACITY).fill(undefined);
    this.#slots[packet.sequence % CAPACITY] = packet;
    this.#bytes += packet.payload.length;
  }

  at(sequence: number): T | undefined {
    const packet = this.#slots[sequence % CAPACITY];
    return packet?.sequence === sequence ? packet : undefined;
  }

  take(sequence: number): T | undefined {
    const packet = this.at(sequence);
    if (packet) {
      this.#slots[sequence % CAPACITY] = undefined;
      this.#bytes -= packet.payload.length;
    }
    return packet;
  }

  clear(): void {
    this.#slots.fill(undefined);
    this.#bytes = 0;
  }
}
