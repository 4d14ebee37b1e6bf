import type { RTCDataChannel } from 'werift';
import { Emitter } from '../emitter.ts';

interface DataChannelEvents {
  /** Text arrives as a string. */
  message: [data: Buffer | string];
  /** Everything handed over has left for the network. */
  drain: [];
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

/** One data channel that the peer opened. */
export class DataChannel extends Emitter<DataChannelEvents> {
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  /** Retransmissions that the channel makes, or undefined where their number is not limited. */
  readonly maxRetransmits: number | undefined;
  readonly #channel: RTCDataChannel;
  readonly #maxBuffered: number;
  readonly #fail: (thrown: unknown) => void;
  #closed = false;

  /** @internal */
  constructor(channel: RTCDataChannel, options: { maxBufferedBytes: number; fail: (thrown: unknown) => void }) {
    super();
    this.#channel = channel;
    this.#maxBuffered = options.maxBufferedBytes;
    this.label = channel.label;
    this.protocol = channel.protocol;
    this.ordered = channel.ordered;
    this.maxRetransmits = channel.maxRetransmits ?? undefined;
    this.#fail = options.fail;
    channel.onMessage.subscribe((data) => this.#guard(() => this.emit('message', data)));
    channel.bufferedAmountLow.subscribe(() => this.#guard(() => this.emit('drain')));
    channel.stateChange.subscribe((state) => {
      if (state === 'closed') this.#guard(() => this.#end());
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes handed over that have not left yet. */
  get bufferedAmount(): number {
    return this.#channel.bufferedAmount;
  }

  getStats(): DataChannelStats {
    const { messagesSent, bytesSent, messagesReceived, bytesReceived, bufferedAmount } = this.#channel;
    return { label: this.label, messagesSent, bytesSent, messagesReceived, bytesReceived, bufferedAmount };
  }

  /**
   * Hands a message over; strings go as text.
   * @returns false, and nothing is sent, where the channel is closed, too much is waiting already, or the message is
   *   larger than the peer accepts
   */
  send(data: Uint8Array | string): boolean {
    if (this.#closed || this.#channel.readyState !== 'open') return false;
    const message = typeof data === 'string' ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    if (this.bufferedAmount + message.length > this.#maxBuffered) return false;
    try {
      this.#channel.send(message);
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#channel.close();
    this.#end();
  }

  /** werift would swallow what a listener throws. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.emit('close');
    this.removeAllListeners();
  }
}
