import type { TransportModule } from '../engine/transport-module.ts';

export interface AssociationOptions {
  /** The peer's SCTP port, from signalling. */
  port: number;
  /** Largest messages, in bytes, that the peer and we accept. */
  maxSend: number;
  maxReceive: number;
  /** ms, on the clock of all calls. */
  now: number;
}

export type SctpOutput =
  /** For the peer. */
  | { type: 'packet'; packet: Buffer }
  | { type: 'connected' }
  | { type: 'message'; stream: number; ppid: number; data: Buffer }
  /** The peer ended the stream (RFC 6525). */
  | { type: 'reset'; stream: number }
  /** Ended by the peer, or by what it did. Nothing follows. */
  | { type: 'lost'; reason: string };

export interface Reliability {
  ordered: boolean;
  /** Retransmissions of a message, or its lifetime in ms; unlimited where neither is given. */
  maxRetransmits?: number | undefined;
  maxLifetime?: number | undefined;
}

/**
 * Largest SCTP packet, in bytes. With a DTLS record around it (37 bytes), UDP and IPv6 headers and a TURN channel's it takes 1277 bytes
 * of a path whose MTU is 1280, the least that IPv6 allows: nothing has to be discovered, nothing is lost silently.
 */
export const SCTP_PACKET_BYTES = 1188;
export const MAX_MESSAGE_BYTES = 262_144;
export const MAX_STREAMS = 1024;
/** A held chunk counts 512 bytes more than it carries, so this bounds chunks (2,048) as well as bytes. */
const RECEIVE_WINDOW = 1 << 20;

/**
 * One SCTP association (RFC 9260, 3758, 6525) over DTLS: packets go in and come out, messages too. No socket and no clock: see
 * SecureTransport, whose engine it shares. Both sides send INIT (RFC 8841). The protocol is sctp-proto's, in WebAssembly.
 */
export class SctpAssociation {
  readonly #engine: TransportModule;
  readonly #outputs: SctpOutput[] = [];
  readonly #maxSend: number;
  #deadline = Number.POSITIVE_INFINITY;
  #over = false;

  constructor(engine: TransportModule, { port, maxSend, maxReceive, now }: AssociationOptions) {
    this.#engine = engine;
    // 0 stands for "no limit" (RFC 8841).
    this.#maxSend = Math.min(maxSend || MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES);
    const receive = Math.min(maxReceive, MAX_MESSAGE_BYTES);
    this.#run(now, ({ calls }) =>
      calls.sctp_new(port, this.#maxSend, receive, RECEIVE_WINDOW, SCTP_PACKET_BYTES, MAX_STREAMS),
    );
  }

  /** When `timeout` is due, ms on the caller's clock; infinite where it is not. */
  get deadline(): number {
    return this.#over ? Number.POSITIVE_INFINITY : this.#deadline;
  }

  /** What happened, in order; undefined where nothing is left. */
  poll(): SctpOutput | undefined {
    return this.#outputs.shift();
  }

  receive(packet: Uint8Array, now: number): void {
    this.#run(now, (engine) => engine.calls.sctp_packet(engine.put(packet)));
  }

  timeout(now: number): void {
    this.#run(now, ({ calls }) => calls.sctp_timeout());
  }

  /** Opens a stream for sending, or changes how it sends. @returns whether it may be used */
  open(stream: number, { ordered, maxRetransmits, maxLifetime }: Reliability): boolean {
    const kind = maxRetransmits !== undefined ? 1 : maxLifetime !== undefined ? 2 : 0;
    const value = maxRetransmits ?? maxLifetime ?? 0;
    return !this.#over && this.#engine.calls.sctp_open(stream, ordered ? 0 : 1, kind, value) === 0;
  }

  /** @returns false where the stream is not open or the message is larger than the peer accepts */
  send(stream: number, ppid: number, data: Uint8Array, now: number): boolean {
    if (data.length > this.#maxSend) return false;
    let taken = false;
    this.#run(now, (engine) => {
      taken = engine.calls.sctp_send(stream, ppid, engine.put(data)) === 0;
    });
    return taken;
  }

  /** Bytes of a stream that have not been sent yet. */
  unsent(stream: number): number {
    return this.#over ? 0 : this.#engine.calls.sctp_unsent(stream);
  }

  /** Ends our side of a stream. */
  reset(stream: number, now: number): void {
    // Refused where the stream has gone already.
    this.#run(now, ({ calls }) => void calls.sctp_reset(stream));
  }

  close(): void {
    this.#over = true;
  }

  #run(now: number, call: (engine: TransportModule) => number | undefined): void {
    if (this.#over) return;
    const engine = this.#engine;
    engine.now = now;
    try {
      engine.check(call(engine) ?? 0);
      this.#drain();
    } catch (error) {
      this.#end((error as Error).message);
    }
  }

  #drain(): void {
    const engine = this.#engine;
    while (!this.#over) {
      const result = engine.calls.sctp_poll();
      const length = result & 0xffffff;
      switch (result >>> 24) {
        case 0:
          this.#deadline = engine.takeDeadline();
          return;
        case 1:
          this.#outputs.push({ type: 'packet', packet: engine.take(length) });
          break;
        case 2:
          this.#outputs.push({ type: 'connected' });
          break;
        case 3:
          this.#end(engine.take(length).toString());
          break;
        case 4: {
          const out = engine.take(length);
          const [stream, ppid] = [out.readUInt16LE(0), out.readUInt32LE(2)];
          this.#outputs.push({ type: 'message', stream, ppid, data: out.subarray(6) });
          break;
        }
        case 5:
          this.#outputs.push({ type: 'reset', stream: engine.take(2).readUInt16LE() });
          break;
        default:
          break;
      }
    }
  }

  #end(reason: string): void {
    this.#outputs.push({ type: 'lost', reason });
    this.#over = true;
  }
}
