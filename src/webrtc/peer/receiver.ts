import type { VideoCodec } from '../../video/types.ts';
import { unmetered } from '../deadline.ts';
import { Emitter } from '../emitter.ts';
import { FrameAssembler } from '../rtp/assembler.ts';
import { readCaptureTime } from '../rtp/capture-time.ts';
import { LossRecovery } from '../rtp/loss-recovery.ts';
import { findExtension, type RtpPacket } from '../rtp/packet.ts';
import { PAYLOAD_FORMATS } from '../rtp/payload-formats.ts';
import { ReceiveRate } from '../rtp/receive-rate.ts';
import { Reception } from '../rtp/reception.ts';
import {
  nack,
  pictureLossIndication,
  type ReportBlock,
  type RtcpMessage,
  receiverEstimatedMaximumBitrate,
} from '../rtp/rtcp.ts';
import { SenderClock } from '../rtp/sender-clock.ts';
import { SourceFollower } from '../rtp/source-follower.ts';
import { Successor } from '../rtp/successor.ts';
import type { VideoAgreement } from '../sdp/agreement.ts';
import { KeyframeRequests } from './keyframe-requests.ts';
import type { ReceiverEvents, ReceiverOptions, ReceiverStats } from './receiver-types.ts';

/** A path that loses so much of what comes loses as much of what is asked for. */
const HIGH_LOSS = 0.04;
/** But for one whose queue is full: repairs are part of what fills it. */
const SHORT_QUEUE_MS = 50;
/** More is hardly a queue: the sender's own clock or delay, for which repairs and keyframes must not wait. */
const MAX_QUEUE_MS = 500;
/** Without packets for longer than this there is no sender to ask. */
const SILENCE_MS = 1000;

/**
 * Receives one video stream: loss recovery, reordering, frames. The sender may change payload type, resolution, SSRC
 * and sequence numbers at any time; a keyframe is all that is needed to go on.
 */
export class VideoReceiver extends Emitter<ReceiverEvents> {
  readonly #options: ReceiverOptions;
  readonly #assembler: FrameAssembler;
  readonly #recovery: LossRecovery;
  readonly #source = new SourceFollower();
  readonly #successor = new Successor();
  readonly #keyframeRequests: KeyframeRequests;
  #payloadTypes: ReturnType<typeof payloadTypes>;
  #agreement: VideoAgreement;
  #reception = new Reception();
  #senderClock = new SenderClock();
  readonly #rate: ReceiveRate;
  #ratedBytes = 0;
  #codec: VideoCodec;
  #packets = 0;
  #bytes = 0;
  #rtxPackets = 0;
  #frames = 0;
  #keyframes = 0;
  #duplicates = 0;
  #strangePackets = 0;
  #strangePayloadType: number | undefined;
  #soundPackets = 0;
  #otherPackets = 0;
  #lastPacketAt: number | undefined;
  #closed = false;

  constructor(options: ReceiverOptions) {
    super();
    this.#options = options;
    this.#rate = new ReceiveRate(options.receiveBitrate);
    this.#agreement = options.agreement;
    this.#payloadTypes = payloadTypes(options.agreement);
    this.#codec = options.agreement.codecs[0]!.codec;
    this.#keyframeRequests = new KeyframeRequests((ssrc) =>
      options.sendRtcp(pictureLossIndication(options.localSsrc, ssrc)),
    );
    this.#assembler = new FrameAssembler({
      parameterSets: new Map(options.agreement.codecs.map(({ codec, parameterSets }) => [codec, parameterSets])),
      estimate: (timestamp) => this.#senderClock.at(timestamp, options.roundTripTime()),
      onFrame: (frame) => {
        this.#frames++;
        this.#source.prove();
        if (frame.keyframe) this.#keyframes++;
        this.#codec = frame.codec;
        this.emit('frame', frame);
      },
      onGap: (keyframeFollows) => {
        this.emit('gap');
        if (!keyframeFollows) this.requestKeyframe();
      },
    });
    this.#recovery = new LossRecovery({
      assembler: this.#assembler,
      sendNack: (sequenceNumbers) => {
        const { ssrc } = this.#source;
        if (ssrc !== undefined) options.sendRtcp(nack(options.localSsrc, ssrc, sequenceNumbers));
      },
      wantKeyframe: (now) => {
        if (this.#keyframeRequests.isOverdue(now, this.#roundTripTime)) this.requestKeyframe();
      },
      fail: options.fail,
      meter: options.meter ?? unmetered,
      roundTripTime: () => this.#roundTripTime,
      losesFeedback: () => this.#rate.loss > HIGH_LOSS && this.#rate.queue < SHORT_QUEUE_MS,
    });
    this.renegotiate(options.agreement);
  }

  /** Of the latest frame; before the first one, of the latest packet, and before that the preferred of those negotiated. */
  get codec(): VideoCodec {
    return this.#codec;
  }

  /** Bytes of packets that wait for others. */
  get heldBytes(): number {
    return this.#assembler.heldBytes + this.#successor.bytes;
  }

  get closed(): boolean {
    return this.#closed;
  }

  getStats(): ReceiverStats {
    return {
      codec: this.#codec,
      ssrc: this.#source.ssrc,
      packets: this.#packets,
      bytes: this.#bytes,
      lost: Math.max(0, this.#reception.lost),
      nacksSent: this.#recovery.requested,
      recovered: this.#recovery.recovered,
      rtxPackets: this.#rtxPackets,
      plisSent: this.#keyframeRequests.sent,
      frames: this.#frames,
      keyframes: this.#keyframes,
      discardedFrames: this.#assembler.discarded,
      unreadableFrames: this.#assembler.unreadable,
      withoutParameterSets: this.#assembler.withoutParameterSets,
      waiting: this.#assembler.waiting,
      strangePackets: this.#strangePackets,
      strangePayloadType: this.#strangePayloadType,
      soundPackets: this.#soundPackets,
      otherPackets: this.#otherPackets,
      duplicates: this.#duplicates,
      jitter: this.#reception.jitter,
      requestedBitrate: this.#rate.target,
      lastPacketAt: this.#lastPacketAt,
    };
  }

  /** Asks the sender for a keyframe; requests in quick succession count as one. */
  requestKeyframe(): void {
    if (this.#source.ssrc !== undefined) this.#askKeyframe(this.#source.ssrc, performance.now());
  }

  /** ms, where known; with what waits before a bottleneck now, which was not there at the last measurement. */
  get #roundTripTime(): number | undefined {
    const measured = this.#options.roundTripTime();
    return measured === undefined ? undefined : measured + Math.min(MAX_QUEUE_MS, this.#rate.queue);
  }

  #askKeyframe(ssrc: number, now: number): void {
    if (!this.#closed) this.#keyframeRequests.request(ssrc, now, this.#roundTripTime);
  }

  /** @internal */
  renegotiate(agreement: VideoAgreement): void {
    this.#agreement = agreement;
    this.#payloadTypes = payloadTypes(agreement);
    this.#recovery.nackEnabled = agreement.codecs.every(({ feedback }) => feedback.includes('nack'));
    this.#recovery.tellsRepairs = agreement.codecs.every(({ rtxPayloadType }) => rtxPayloadType !== undefined);
  }

  /**
   * @internal
   * @param now performance.now() when it came
   */
  receive(packet: RtpPacket, now: number): void {
    if (this.#closed) return;
    this.#lastPacketAt = now;
    const type = this.#payloadTypes.get(packet.payloadType);
    if (!type && this.#agreement.soundTypes.includes(packet.payloadType)) this.#soundPackets++;
    else if (!type) {
      this.#strangePackets++;
      this.#strangePayloadType = packet.payloadType;
    } else if (type.repair) this.#receiveRepair(packet, type.codec, now);
    else if (this.#follow(packet, type.codec, now)) this.#receiveMedia(packet, type.codec, now, false);
    else this.#otherPackets++;
  }

  /** @internal */
  receiveRtcp(message: RtcpMessage, now: number): void {
    if (message.kind === 'sender-report' && message.ssrc === this.#source.ssrc) {
      const { ntp, rtpTimestamp } = message;
      this.#reception.noteSenderReport(ntp, now);
      this.#senderClock.noteReport(ntp, rtpTimestamp, performance.timeOrigin + now, this.#options.roundTripTime());
    } else if (message.kind === 'bye') this.#source.end(message.ssrcs);
  }

  /** @internal Report block and REMB for the next compound packet. */
  feedback(now: number): { report: ReportBlock; remb: Buffer } | undefined {
    if (this.#source.ssrc === undefined) return undefined;
    // Also the place to notice that a keyframe request was lost; without packets there is nobody to ask.
    if (
      this.#assembler.waiting &&
      this.#keyframeRequests.isOverdue(now, this.#roundTripTime) &&
      now - this.#lastPacketAt! < SILENCE_MS
    )
      this.requestKeyframe();
    const report = this.#reception.report(this.#source.ssrc, now, this.#rate.toleratesLoss);
    return {
      report,
      remb: receiverEstimatedMaximumBitrate(this.#options.localSsrc, this.#source.ssrc, this.#rateNow(now)),
    };
  }

  /** bit/s to ask for, by what came since the last report. */
  #rateNow(now: number): number {
    const { expected, lost, transit } = this.#reception.interval;
    this.#rate.update({
      now,
      bytes: this.#bytes - this.#ratedBytes,
      packets: expected,
      lost,
      transit,
    });
    this.#ratedBytes = this.#bytes;
    return this.#rate.target;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#recovery.close();
    this.removeAllListeners();
  }

  /** Whether this packet counts: it is of the current stream, or begins another that is current from now on. */
  #follow(packet: RtpPacket, codec: VideoCodec, now: number): boolean {
    const { ssrc, payload } = packet;
    const keyframe = payload.length > 0 && PAYLOAD_FORMATS[codec].opensKeyframe(payload) === 'yes';
    const step = this.#source.follow(ssrc, payload.length, keyframe, now);
    if (step === 'new') {
      this.#reception = new Reception();
      this.#senderClock = new SenderClock();
      this.#recovery.clear();
      this.#assembler.reset();
      const kept = this.#successor.take(ssrc);
      this.#otherPackets -= kept.length;
      for (const { packet, codec, at } of kept) this.#receiveMedia(packet, codec, at, false);
    } else if (step === 'wanted') this.#askKeyframe(ssrc, now);
    else if (step === 'other') this.#successor.keep(packet, codec, keyframe, now);
    else this.#successor.passOver(now);
    return step !== 'other' && step !== 'wanted';
  }

  /** RFC 4588: the original sequence number stands before the original payload. */
  #receiveRepair(packet: RtpPacket, codec: VideoCodec, now: number): void {
    // Probes for bandwidth are empty or nothing but padding.
    if (this.#source.ssrc === undefined || packet.payload.length < 2) return;
    // Repairs of a stream that was replaced carry the numbers of that one.
    const signalled = this.#agreement.repairSsrcs.get(this.#source.ssrc);
    if (signalled !== undefined && signalled !== packet.ssrc) return;
    this.#rtxPackets++;
    const original = { ...packet, sequenceNumber: packet.payload.readUInt16BE(0), payload: packet.payload.subarray(2) };
    this.#receiveMedia(original, codec, now, true);
  }

  #receiveMedia(packet: RtpPacket, codec: VideoCodec, now: number, repair: boolean): void {
    let sequence = this.#reception.extend(packet.sequenceNumber);
    if (sequence === 'restart') {
      this.#senderClock = new SenderClock();
      this.#recovery.clear();
      this.#assembler.reset();
      sequence = this.#reception.extend(packet.sequenceNumber) as number;
    }
    if (sequence === undefined) return;
    const expected = this.#reception.highest + 1;
    // A repair can only be of something that was sent, and missed, before.
    if (repair && sequence >= expected) return;
    this.#packets++;
    this.#bytes += packet.payload.length;
    // Until a frame could be read, what is sent: it is what a diagnosis is about.
    if (this.#frames === 0) this.#codec = codec;
    if (!repair) this.#reception.count(sequence, packet.timestamp, now);
    this.#recovery.note(sequence, expected, now, repair);
    const { discarded, next } = this.#assembler;
    const inserted = this.#assembler.insert({
      sequence,
      timestamp: packet.timestamp,
      marker: packet.marker,
      codec,
      payload: packet.payload,
      arrivedAt: now,
      captureTime: this.#captureTime(packet),
    });
    if (next < 0 && packet.payload.length > 0 && PAYLOAD_FORMATS[codec].start(packet.payload) === undefined)
      this.#recovery.noteOpening(sequence, now);
    if (!inserted) this.#duplicates++;
    else if (repair) this.#reception.countRepair();
    if (this.#assembler.waiting && this.#assembler.discarded > discarded) this.requestKeyframe();
    this.#recovery.recover(now);
  }

  #captureTime({ extensions }: RtpPacket): number | undefined {
    const id = this.#agreement.extensions.absCaptureTime;
    const element = extensions && id !== undefined ? findExtension(extensions, id) : undefined;
    return element && readCaptureTime(element);
  }
}

/** What comes under each payload type; `repair`: as a retransmission (RFC 4588). */
function payloadTypes({ codecs }: VideoAgreement): Map<number, { codec: VideoCodec; repair: boolean }> {
  const types = new Map(codecs.map(({ codec, payloadType }) => [payloadType, { codec, repair: false }]));
  for (const { codec, rtxPayloadType } of codecs)
    if (rtxPayloadType !== undefined) types.set(rtxPayloadType, { codec, repair: true });
  return types;
}
