/** Bytes sent to an address that has not answered us, for each byte that came. */
const FACTOR = 3;
/** Of IPv4 and UDP: what a victim's line carries besides the payload. */
const HEADER_BYTES = 28;
const MAX_SOURCES = 64;

/**
 * What may be sent to addresses that have not proved that they are the peer's, by answering one of our checks: three
 * times the bytes of the signalling that named them, and to each address three times what authentic packets came from it.
 */
export class SendAllowance {
  #signalled = 0;
  readonly #earned = new Map<string, number>();

  /** The peer's offer or a further candidate came, of so many bytes. */
  addSignalling(bytes: number): void {
    this.#signalled += FACTOR * bytes;
  }

  /** An authentic packet came from there. @param bytes of its payload */
  addReceived(source: string, bytes: number): void {
    const before = this.#earned.get(source) ?? 0;
    this.#earned.set(source, before + FACTOR * (bytes + HEADER_BYTES));
    if (this.#earned.size > MAX_SOURCES) this.#earned.delete(this.#earned.keys().next().value!);
  }

  covers(target: string, bytes: number): boolean {
    const cost = bytes + HEADER_BYTES;
    return (this.#earned.get(target) ?? 0) >= cost || this.#signalled >= cost;
  }

  /** Takes a packet's bytes out of it. @returns false, and it must not be sent, where they are not there */
  spend(target: string, bytes: number): boolean {
    const cost = bytes + HEADER_BYTES;
    const own = this.#earned.get(target) ?? 0;
    if (own >= cost) this.#earned.set(target, own - cost);
    else if (this.#signalled >= cost) this.#signalled -= cost;
    else return false;
    return true;
  }
}
