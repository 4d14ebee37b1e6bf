import { Deadline, type Meter, unmetered } from '../deadline.ts';
import type { DtlsTransport } from '../dtls/dtls-transport.ts';
import { Emitter } from '../emitter.ts';
import type { DataAgreement } from '../sdp/agreement.ts';
import { SctpAssociation, type SctpOutput } from './association.ts';
import { DataChannel } from './data-channel.ts';
import { ACKNOWLEDGEMENT, isOpen, PPID, parseOpen } from './dcep.ts';

interface SctpEvents {
  channel: [channel: DataChannel];
  /** The peer broke the rules in a way that would cost memory. */
  abuse: [detail: string];
}

export interface SctpOptions {
  agreement: DataAgreement;
  /** Bytes that a message of the peer's may have. */
  maxMessageSize: number;
  /** Takes what a listener throws. */
  fail: (thrown: unknown) => void;
  /** For the work of timers. */
  meter?: Meter;
  /** Hears how many bytes of messages go to the peer, which will acknowledge them. */
  onSend?: (bytes: number) => void;
  /** Hears what it took to encrypt and send a packet with such data, ms: whoever acknowledges some makes more leave. */
  onTransmit?: (milliseconds: number) => void;
}

const MAX_CHANNELS = 16;
/** Types of chunks (RFC 9260 section 3.2, RFC 8260 section 2.1), and where the first begins. */
const DATA_CHUNKS: ReadonlySet<number> = new Set([0, 64]);
const SCTP_HEADER_BYTES = 12;
/** How sctp-proto tells that the peer ended the association. */
const GOODBYES: ReadonlySet<string> = new Set(['aborted by peer', 'closed by peer', 'reset by peer']);
const DEFAULT_MAX_BUFFERED = 8 << 20;

/** Data channels that the peer opens, over DTLS: an {@link SctpAssociation} with a clock, and DCEP (RFC 8832) on it. */
export class SctpTransport extends Emitter<SctpEvents> {
  readonly #dtls: DtlsTransport;
  readonly #options: SctpOptions;
  readonly #streams = new Map<number, DataChannel>();
  readonly #deadline = new Deadline(() =>
    (this.#options.meter ?? unmetered)(() => {
      this.#association?.timeout(performance.now());
      this.#drain();
    }),
  );
  #association: SctpAssociation | undefined;
  #established = false;
  #closed = false;

  constructor(dtls: DtlsTransport, options: SctpOptions) {
    super();
    this.#dtls = dtls;
    this.#options = options;
    dtls.dataReceiver = (packet) => this.#receive(packet);
  }

  get channels(): Iterable<DataChannel> {
    return this.#streams.values();
  }

  /** The association was set up: from then on the peer can open channels. */
  get established(): boolean {
    return this.#established;
  }

  /** Begins the association; the peer does so too. DTLS is connected. */
  start(): void {
    const engine = this.#dtls.engine;
    if (this.#closed || this.#association || !engine) return;
    const { agreement, maxMessageSize } = this.#options;
    this.#association = new SctpAssociation(engine, {
      port: agreement.sctpPort,
      maxSend: agreement.maxMessageSize,
      maxReceive: maxMessageSize,
      now: performance.now(),
    });
    this.#drain();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#end();
    this.removeAllListeners();
  }

  #receive(packet: Buffer): void {
    this.#association?.receive(packet, performance.now());
    this.#drain();
  }

  /** Passes on what the association has done; a listener may call us again meanwhile. */
  #drain(): void {
    const association = this.#association;
    if (!association) return;
    for (let output = association.poll(); output; output = association.poll()) {
      try {
        this.#handle(output);
      } catch (thrown) {
        this.#options.fail(thrown);
      }
    }
    this.#deadline.set(association.deadline);
  }

  #handle(output: SctpOutput): void {
    switch (output.type) {
      case 'packet':
        this.#transmit(output.packet);
        break;
      case 'connected':
        this.#established = true;
        break;
      case 'message':
        if (output.ppid === PPID.control) this.#control(output.stream, output.data);
        else this.#streams.get(output.stream)?.receive(output.ppid, output.data);
        break;
      case 'reset':
        this.#streams.get(output.stream)?.close();
        break;
      case 'lost':
        this.#end();
        if (!this.#closed && !GOODBYES.has(output.reason))
          this.emit('abuse', `its data channels broke: ${output.reason}`);
    }
  }

  #transmit(packet: Buffer): void {
    const began = performance.now();
    this.#dtls.sendData(packet);
    if (carriesData(packet)) this.#options.onTransmit?.(performance.now() - began);
  }

  #control(stream: number, message: Buffer): void {
    // The peer's acknowledgements, and a second OPEN, change nothing.
    if (this.#closed || this.#streams.has(stream) || !isOpen(message)) return;
    if (this.#streams.size >= MAX_CHANNELS) {
      this.emit('abuse', `it opened more than ${MAX_CHANNELS} data channels`);
      return;
    }
    const association = this.#association!;
    const open = parseOpen(message);
    if (!open || !association.open(stream, open)) {
      // RFC 8832 section 6: a channel that cannot be had is closed, so that its peer does not wait for it.
      association.reset(stream, performance.now());
      return;
    }
    const carrier = {
      send: (ppid: number, data: Uint8Array) => {
        const sent = association.send(stream, ppid, data, performance.now());
        if (sent) this.#options.onSend?.(data.length);
        this.#drain();
        return sent;
      },
      unsent: () => association.unsent(stream),
      reset: () => {
        association.reset(stream, performance.now());
        this.#drain();
      },
    };
    const channel = new DataChannel(open, carrier, DEFAULT_MAX_BUFFERED);
    this.#streams.set(stream, channel);
    channel.once('close', () => this.#streams.delete(stream));
    carrier.send(PPID.control, ACKNOWLEDGEMENT);
    this.emit('channel', channel);
  }

  #end(): void {
    this.#deadline.clear();
    this.#association?.close();
    for (const channel of [...this.#streams.values()]) {
      try {
        channel.end();
      } catch (thrown) {
        this.#options.fail(thrown);
      }
    }
  }
}

/** Whether an SCTP packet of ours has data in it; what answers a peer's own chunks has none. */
function carriesData(packet: Buffer): boolean {
  for (let at = SCTP_HEADER_BYTES; at + 4 <= packet.length; at += (Math.max(4, packet.readUInt16BE(at + 2)) + 3) & ~3)
    if (DATA_CHUNKS.has(packet[at]!)) return true;
  return false;
}
