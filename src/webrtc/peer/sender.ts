import { randomInt } from 'node:crypto';
import type { EncodedFrame, VideoCodec } from '../../video/types.ts';
import { Emitter } from '../emitter.ts';
import { BitrateEstimator, type BitrateLimits } from '../rtp/bitrate.ts';
import { writeCaptureTime } from '../rtp/capture-time.ts';
import {
  type ExtensionElement,
  firstSequenceNumber,
  RTP_HEADER_BYTES,
  writeExtensions,
  writeRtpHeader,
} from '../rtp/packet.ts';
import { PAYLOAD_FORMATS } from '../rtp/payload-formats.ts';
import { Retransmitter, RTX_BYTES } from '../rtp/retransmitter.ts';
import { compactNtp, type NtpTime, type ReportBlock, type RtcpMessage, toNtp } from '../rtp/rtcp.ts';
import type { VideoAgreement } from '../sdp/negotiation.ts';
import { SRTP_OVERHEAD } from '../srtp/srtp.ts';

interface SenderEvents {
  /** The receiver needs a keyframe (PLI or FIR); requests within a short time come as one. */
  keyframe: [];
  /** Bits per second to encode, whenever it moves by more than a little. */
  bitrate: [bitsPerSecond: number];
}

export interface SenderStats {
  codec: VideoCodec;
  ssrc: number;
  frames: number;
  keyframes: number;
  packets: number;
  /** Payload bytes. */
  bytes: number;
  nacksReceived: number;
  retransmitted: number;
  keyframeRequests: number;
  /** As the receiver reports it, 0..1. */
  fractionLost: number;
  /** ms, from receiver reports. */
  roundTripTime: number | undefined;
  targetBitrate: number;
  /** Receiver's estimate (REMB), bit/s. */
  remb: number | undefined;
}

interface SenderOptions {
  agreement: VideoAgreement;
  ssrc: number;
  rtxSsrc: number;
  bitrate?: BitrateLimits;
  /** False where the connection is not up. */
  sendRtp: (packet: Buffer, headerLength: number) => boolean;
  /** Takes what a listener throws out of a timer. */
  fail: (thrown: unknown) => void;
}

/** IPv6 and UDP headers (48) and this stay below the 1280 bytes that every path carries. */
const MAX_PACKET_BYTES = 1200;
const KEYFRAME_INTERVAL_MS = 250;
const BITRATE_STEP = 0.05;
const CLOCK_RATE_KHZ = 90;
/** Of the value of the first header extension element: fixed header, block header, element header. */
const SEND_TIME_AT = RTP_HEADER_BYTES + 4 + 1;

/**
 * http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time: 24 bits, 6.18 fixed point seconds. Without it a receiver
 * takes the time that a frame spent in our depth network for congestion.
 */
function sendTime(now: number): Buffer {
  const value = Buffer.allocUnsafe(3);
  value.writeUIntBE(Math.floor((now / 1000) * 0x40000) % 0x1000000, 0, 3);
  return value;
}

/** Sends one video stream. RTP timestamps leave as they are given: they are the identity of the source frame. */
export class VideoSender extends Emitter<SenderEvents> {
  readonly ssrc: number;
  readonly #options: SenderOptions;
  readonly #retransmitter: Retransmitter;
  readonly #estimator: BitrateEstimator;
  #agreement: VideoAgreement;
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
  #keyframeAt = Number.NEGATIVE_INFINITY;
  #keyframeTimer: NodeJS.Timeout | undefined;
  #last: { timestamp: number; at: number } | undefined;
  #lastReport: { compact: number; at: number } | undefined;
  #active = true;
  #closed = false;

  constructor(options: SenderOptions) {
    super();
    this.#options = options;
    this.#agreement = options.agreement;
    this.ssrc = options.ssrc;
    this.#retransmitter = new Retransmitter(options.rtxSsrc, options.sendRtp);
    this.#estimator = new BitrateEstimator(options.bitrate);
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
    const extensions = this.#extensions(frame, now);
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
        if (message.ssrc === this.ssrc) this.#requestKeyframe(now);
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
    clearTimeout(this.#keyframeTimer);
    this.removeAllListeners();
  }

  #extensions(frame: EncodedFrame, now: number): Buffer {
    const { mid: midId, absSendTime, absCaptureTime, playoutDelay } = this.#agreement.extensions;
    const elements: ExtensionElement[] = [];
    // First, where a retransmission finds it.
    if (absSendTime !== undefined) elements.push({ id: absSendTime, data: sendTime(now) });
    const { mid } = this.#agreement;
    if (midId !== undefined && mid !== undefined && mid.length <= 16) {
      elements.push({ id: midId, data: Buffer.from(mid, 'latin1') });
    }
    if (absCaptureTime !== undefined && frame.captureTime !== undefined) {
      elements.push({ id: absCaptureTime, data: writeCaptureTime(frame.captureTime) });
    }
    // Minimum and maximum 0: render at once. A depth map that waits in a jitter buffer is about the past.
    if (playoutDelay !== undefined) elements.push({ id: playoutDelay, data: Buffer.alloc(3) });
    return writeExtensions(elements);
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

  #requestKeyframe(now: number): void {
    this.#keyframeRequests++;
    const wait = this.#keyframeAt + KEYFRAME_INTERVAL_MS - now;
    if (wait <= 0) {
      this.#keyframeAt = now;
      this.emit('keyframe');
    } else {
      // Not dropped: it may be about a frame that was sent after the last keyframe.
      this.#keyframeTimer ??= setTimeout(() => {
        this.#keyframeTimer = undefined;
        this.#keyframeAt = performance.now();
        try {
          this.emit('keyframe');
        } catch (thrown) {
          this.#options.fail(thrown);
        }
      }, wait);
    }
  }

  #retransmit(sequenceNumbers: readonly number[], now: number): void {
    this.#nacks += sequenceNumbers.length;
    const stamped = this.#agreement.extensions.absSendTime !== undefined;
    const network = { roundTripTime: this.#roundTripTime, bitrate: this.targetBitrate };
    this.#retransmitter.answer(sequenceNumbers, now, network, (header) => {
      if (stamped) header.set(sendTime(now), SEND_TIME_AT);
    });
  }
}
