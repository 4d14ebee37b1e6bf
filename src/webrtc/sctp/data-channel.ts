import { Emitter } from '../emitter.ts';
import { type ChannelOpen, PPID } from './dcep.ts';

interface DataChannelEvents {
  /** Text arrives as a string. */
  message: [data: Buffer | string];
  close: [];
}

export interface DataChannelStats {
  label: string;
  messagesSent: number;
  bytesSent: number;
  messagesReceived: number;
  bytesReceived: number;
  bufferedAmount: number;
}

/** What a channel needs of its association. */
export interface ChannelCarrier {
  send(ppid: number, data: Uint8Array): boolean;
  unsent(): number;
  reset(): void;
}

/** SCTP carries no empty messages: one byte stands for nothing (RFC 8831 section 6.6). */
const NOTHING = Buffer.alloc(1);

/** One data channel that the peer opened. */
export class DataChannel extends Emitter<DataChannelEvents> {
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  /** Retransmissions that the channel makes, or undefined where their number is not limited. */
  readonly maxRetransmits: number | undefined;
  readonly #carrier: ChannelCarrier;
  readonly #maxBuffered: number;
  readonly #counts = { messagesSent: 0, bytesSent: 0, messagesReceived: 0, bytesReceived: 0 };
  #closed = false;

  /** @internal */
  constructor(open: ChannelOpen, carrier: ChannelCarrier, maxBufferedBytes: number) {
    super();
    this.label = open.label;
    this.protocol = open.protocol;
    this.ordered = open.ordered;
    this.maxRetransmits = open.maxRetransmits;
    this.#carrier = carrier;
    this.#maxBuffered = maxBufferedBytes;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes handed over that have not left yet. */
  get bufferedAmount(): number {
    return this.#closed ? 0 : this.#carrier.unsent();
  }

  getStats(): DataChannelStats {
    return { label: this.label, ...this.#counts, bufferedAmount: this.bufferedAmount };
  }

  /**
   * Hands a message over; strings go as text.
   * @returns false, and nothing is sent, where the channel is closed, too much is waiting already, or the message is
   *   larger than the peer accepts
   */
  send(data: Uint8Array | string): boolean {
    if (this.#closed) return false;
    const text = typeof data === 'string';
    const bytes = text ? Buffer.from(data) : data;
    if (this.bufferedAmount + bytes.length > this.#maxBuffered) return false;
    const sent =
      bytes.length > 0
        ? this.#carrier.send(text ? PPID.text : PPID.binary, bytes)
        : this.#carrier.send(text ? PPID.emptyText : PPID.emptyBinary, NOTHING);
    if (!sent) return false;
    this.#counts.messagesSent++;
    this.#counts.bytesSent += bytes.length;
    return true;
  }

  close(): void {
    if (this.#closed) return;
    this.#carrier.reset();
    this.end();
  }

  /** @internal A message of the peer's; those of unknown kinds are dropped. */
  receive(ppid: number, data: Buffer): void {
    if (this.#closed) return;
    const empty = ppid === PPID.emptyText || ppid === PPID.emptyBinary;
    const text = ppid === PPID.text || ppid === PPID.emptyText;
    if (!empty && !text && ppid !== PPID.binary) return;
    const body = empty ? data.subarray(0, 0) : data;
    this.#counts.messagesReceived++;
    this.#counts.bytesReceived += body.length;
    this.emit('message', text ? body.toString() : body);
  }

  /** @internal The association or the peer ended it. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.emit('close');
    this.removeAllListeners();
  }
}
