import { randomInt } from 'node:crypto';
import type { EncodedFrame, VideoCodec } from '../../video/types.ts';
import { Emitter } from '../emitter.ts';
import { BitrateEstimator } from '../rtp/bitrate.ts';
import { firstSequenceNumber, RTP_HEADER_BYTES, writeRtpHeader } from '../rtp/packet.ts';
import { PAYLOAD_FORMATS } from '../rtp/payload-formats.ts';
import { Retransmitter, RTX_BYTES } from '../rtp/retransmitter.ts';
import { compactNtp, type NtpTime, type ReportBlock, type RtcpMessage, toNtp } from '../rtp/rtcp.ts';
import type { VideoAgreement } from '../sdp/agreement.ts';
import { SRTP_OVERHEAD } from '../srtp/srtp.ts';
import { KeyframeLimit } from './keyframe-limit.ts';
import { HeaderExtensions, stampAgain } from './sender-extensions.ts';
import type { SenderEvents, SenderOptions, SenderStats } from './sender-types.ts';

/** IPv6 and UDP headers (48) and this stay below the 1280 bytes that every path carries. */
const MAX_PACKET_BYTES = 1200;
const BITRATE_STEP = 0.05;
const CLOCK_RATE_KHZ = 90;

/** Sends one video stream. RTP timestamps leave as they are given: they are the identity of the source frame. */
export class VideoSender extends Emitter<SenderEvents> {
  readonly ssrc: number;
  readonly #options: SenderOptions;
  readonly #retransmitter: Retransmitter;
  readonly #estimator: BitrateEstimator;
  readonly #keyframeLimit: KeyframeLimit;
  #agreement: VideoAgreement;
  #extensions: HeaderExtensions;
  #sequenceNumber = firstSequenceNumber();
  #pictureId = randomInt(0x8000);
  #frames = 0;
  #keyframes = 0;
  #packets = 0;
  #bytes = 0;
  #nacks = 0;
  #keyframeRequests = 0;
  #fractionLost = 0;
  #roundTripTime: number | undefined;
  #remb: number | undefined;
  #announced: number;
  #last: { timestamp: number; at: number } | undefined;
  #lastReport: { compact: number; at: number } | undefined;
  #active = true;
  #closed = false;

  constructor(options: SenderOptions) {
    super();
    this.#options = options;
    this.#agreement = options.agreement;
    this.#extensions = new HeaderExtensions(options.agreement);
    this.ssrc = options.ssrc;
    this.#retransmitter = new Retransmitter(options.rtxSsrc, options.sendRtp);
    this.#estimator = new BitrateEstimator(options.bitrate);
    this.#keyframeLimit = new KeyframeLimit(() => this.emit('keyframe'), options.fail);
    this.#announced = this.targetBitrate;
  }

  /** The one to encode: the first of those negotiated that may be sent. */
  get codec(): VideoCodec {
    const { codecs } = this.#agreement;
    return (codecs.find(({ sendable }) => sendable) ?? codecs[0]!).codec;
  }

  get targetBitrate(): number {
    const { maxBitrate = Number.POSITIVE_INFINITY } = this.#agreement;
    return Math.min(maxBitrate, this.#estimator.target(performance.now()));
  }

  get closed(): boolean {
    return this.#closed;
  }

  getStats(): SenderStats {
    return {
      codec: this.codec,
      ssrc: this.ssrc,
      frames: this.#frames,
      keyframes: this.#keyframes,
      packets: this.#packets,
      bytes: this.#bytes,
      nacksReceived: this.#nacks,
      retransmitted: this.#retransmitter.resent,
      keyframeRequests: this.#keyframeRequests,
      fractionLost: this.#fractionLost,
      roundTripTime: this.#roundTripTime,
      targetBitrate: this.targetBitrate,
      remb: this.#remb,
    };
  }

  /**
   * Packetises and sends a frame in any of the negotiated codecs.
   * @returns packets sent; 0 where the connection is not up or the codec was not negotiated
   */
  send(frame: EncodedFrame): number {
    const codec = this.#agreement.codecs.find((agreed) => agreed.sendable && agreed.codec === frame.codec);
    if (!codec || !this.#active || this.#closed || frame.data.length === 0) return 0;
    const now = performance.now();
    const extensions = this.#extensions.of(frame, now);
    const headerLength = RTP_HEADER_BYTES + extensions.length;
    const maxPayload = MAX_PACKET_BYTES - headerLength - RTX_BYTES - SRTP_OVERHEAD;
    let sent = 0;
    const emit = (size: number, last: boolean, write: (target: Buffer, at: number) => void) => {
      const packet = Buffer.allocUnsafe(headerLength + size);
      const sequenceNumber = this.#sequenceNumber;
      writeRtpHeader(packet, {
        payloadType: codec.payloadType,
        marker: last,
        sequenceNumber,
        timestamp: frame.rtpTimestamp >>> 0,
        ssrc: this.ssrc,
        extended: extensions.length > 0,
      });
      extensions.copy(packet, RTP_HEADER_BYTES);
      write(packet, headerLength);
      if (!this.#options.sendRtp(packet, headerLength)) return;
      this.#sequenceNumber = (sequenceNumber + 1) & 0xffff;
      this.#retransmitter.remember(packet, headerLength, codec.rtxPayloadType, now);
      this.#packets++;
      this.#bytes += size;
      sent++;
    };
    PAYLOAD_FORMATS[codec.codec].packetize!(frame.data, this.#pictureId, maxPayload, emit);
    if (sent > 0) this.#pictureId = (this.#pictureId + 1) & 0x7fff;
    if (sent === 0) return 0;
    this.#frames++;
    if (frame.keyframe) this.#keyframes++;
    this.#last = { timestamp: frame.rtpTimestamp, at: now };
    return sent;
  }

  /** @internal */
  renegotiate(agreement: VideoAgreement): void {
    this.#agreement = agreement;
    this.#extensions = new HeaderExtensions(agreement);
    this.#announceBitrate();
  }

  /** @internal Whether the peer wants video at the moment. */
  setActive(active: boolean): void {
    this.#active = active;
  }

  /** @internal */
  receiveRtcp(message: RtcpMessage, now: number): void {
    if (this.#closed) return;
    switch (message.kind) {
      case 'sender-report':
      case 'receiver-report':
        for (const report of message.reports) if (report.ssrc === this.ssrc) this.#noteReport(report, now);
        break;
      case 'remb':
        if (!message.ssrcs.includes(this.ssrc)) return;
        this.#remb = message.bitrate;
        this.#estimator.noteRemb(message.bitrate, now);
        break;
      case 'keyframe-request':
        if (message.ssrc !== this.ssrc) return;
        this.#keyframeRequests++;
        this.#keyframeLimit.note(now);
        return;
      case 'nack':
        if (message.ssrc === this.ssrc) this.#retransmit(message.sequenceNumbers, now);
        return;
      default:
        return;
    }
    this.#announceBitrate();
  }

  /** @internal What a sender report needs, or undefined before the first frame. */
  report(
    now: number,
  ): { ssrc: number; ntp: NtpTime; rtpTimestamp: number; packets: number; octets: number } | undefined {
    if (!this.#last) return undefined;
    const wallClock = performance.timeOrigin + now;
    const rtpTimestamp = (this.#last.timestamp + Math.round((now - this.#last.at) * CLOCK_RATE_KHZ)) >>> 0;
    const ntp = toNtp(wallClock);
    this.#lastReport = { compact: compactNtp(ntp), at: now };
    return { ssrc: this.ssrc, ntp, rtpTimestamp, packets: this.#packets, octets: this.#bytes };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#keyframeLimit.close();
    this.removeAllListeners();
  }

  #noteReport(report: ReportBlock, now: number): void {
    this.#fractionLost = report.fractionLost / 256;
    this.#estimator.noteReport(report.highestSequence, report.packetsLost, now);
    if (report.lastSenderReport !== 0 && report.lastSenderReport === this.#lastReport?.compact) {
      const rtt = now - this.#lastReport.at - (report.delaySinceLast / 65_536) * 1000;
      if (rtt >= 0 && rtt < 60_000) this.#roundTripTime = rtt;
    }
  }

  #announceBitrate(): void {
    const target = this.targetBitrate;
    if (Math.abs(target - this.#announced) < BITRATE_STEP * this.#announced) return;
    this.#announced = target;
    this.emit('bitrate', target);
  }

  #retransmit(sequenceNumbers: readonly number[], now: number): void {
    this.#nacks += sequenceNumbers.length;
    const network = { roundTripTime: this.#roundTripTime, bitrate: this.targetBitrate };
    this.#retransmitter.answer(sequenceNumbers, now, network, (header) => stampAgain(this.#agreement, header, now));
  }
}
