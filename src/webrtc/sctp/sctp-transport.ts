import { type RTCDataChannel, type RTCDtlsTransport, RTCSctpTransport } from 'werift';
import type { DtlsTransport } from '../dtls/dtls-transport.ts';
import { Emitter } from '../emitter.ts';
import type { DataAgreement } from '../sdp/negotiation.ts';
import { DataChannel } from './data-channel.ts';
import { isSaneSctp } from './guard.ts';
import { LIFETIME_SCALE, repairSctp, type SctpAssociation } from './repair.ts';

interface SctpEvents {
  channel: [channel: DataChannel];
  /** The peer broke the rules in a way that would cost memory. */
  abuse: [detail: string];
}

/** The private parts of werift's SCTP that need a guard. */
interface TransportInternals {
  datachannelReceive(stream: number, protocol: number, data: Buffer): Promise<void>;
  dataChannelFlush(): Promise<void>;
}

interface ChannelInternals {
  parameters: { maxPacketLifeTime?: number | undefined };
}

const LOCAL_PORT = 5000;
const MAX_CHANNELS = 16;
const DEFAULT_MAX_BUFFERED = 8 << 20;
/** werift announces a window of 1 MiB but does not enforce it. */
const MAX_OVERDRAFT_BYTES = 256 << 10;

/** Data channels over DTLS, on werift's SCTP association. */
export class SctpTransport extends Emitter<SctpEvents> {
  readonly channels = new Set<DataChannel>();
  readonly #transport: RTCSctpTransport;
  readonly #association: SctpAssociation;
  readonly #agreement: DataAgreement;
  readonly #fail: (thrown: unknown) => void;
  #closed = false;

  /** @param fail takes what a listener throws */
  constructor(
    dtls: DtlsTransport,
    options: { agreement: DataAgreement; maxMessageSize: number; fail: (thrown: unknown) => void },
  ) {
    super();
    const { agreement, maxMessageSize } = options;
    this.#fail = options.fail;
    this.#agreement = agreement;
    this.#transport = new RTCSctpTransport(LOCAL_PORT, maxMessageSize);
    const internals = this.#transport as unknown as TransportInternals;
    const receive = internals.datachannelReceive;
    // Both are called without anybody awaiting them, and both may reject.
    internals.datachannelReceive = (stream, protocol, data) => receive(stream, protocol, data).catch(() => {});
    const flush = internals.dataChannelFlush.bind(internals);
    internals.dataChannelFlush = () => flush().catch(() => {});

    this.#transport.setDtlsTransport(dtls as unknown as RTCDtlsTransport);
    this.#association = this.#transport.sctp as unknown as SctpAssociation;
    repairSctp(this.#association);
    const transmit = this.#association.transmit.bind(this.#association);
    this.#association.transmit = () => transmit().catch(() => {});
    this.#transport.setRemoteMaxMessageSize(agreement.maxMessageSize);
    dtls.dataReceiver = (packet) => this.#receive(packet);
    this.#transport.onDataChannel.subscribe((channel) => this.#accept(channel));
  }

  async start(): Promise<void> {
    await this.#transport.start(this.#agreement.sctpPort);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#transport.stop().catch(() => {});
    for (const channel of this.channels) channel.close();
    this.removeAllListeners();
  }

  #receive(packet: Buffer): void {
    if (this.#closed || !isSaneSctp(packet, this.#association.lastReceivedTsn)) return;
    this.#association.handleData(packet).catch(() => {});
    if (this.#association.advertisedRwnd < -MAX_OVERDRAFT_BYTES)
      this.emit('abuse', 'it sent more data than the SCTP window allows');
  }

  #accept(channel: RTCDataChannel): void {
    if (this.#closed) return;
    if (this.channels.size >= MAX_CHANNELS) {
      this.emit('abuse', `it opened more than ${MAX_CHANNELS} data channels`);
      return;
    }
    const { parameters } = channel as unknown as ChannelInternals;
    if (parameters.maxPacketLifeTime !== undefined) parameters.maxPacketLifeTime *= LIFETIME_SCALE;
    const wrapped = new DataChannel(channel, { maxBufferedBytes: DEFAULT_MAX_BUFFERED, fail: this.#fail });
    this.channels.add(wrapped);
    wrapped.once('close', () => this.channels.delete(wrapped));
    this.emit('channel', wrapped);
  }
}
