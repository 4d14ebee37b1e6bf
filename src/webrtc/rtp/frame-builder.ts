import type { EncodedFrame, VideoCodec } from '../../video/types.ts';
import { CaptureClock } from './capture-time.ts';
import type { MediaPacket } from './media-packet.ts';
import type { Depacketizer } from './payload-format.ts';
import { PAYLOAD_FORMATS } from './payload-formats.ts';
import type { CaptureEstimate } from './sender-clock.ts';

const MAX_FRAME_BYTES = 4 << 20;

/** From the SDP, base64, by codec. */
export type ParameterSets = ReadonlyMap<VideoCodec, readonly string[]>;

export interface FrameBuilderOptions {
  onFrame: (frame: EncodedFrame) => void;
  /** What comes next does not follow from what came; `keyframeFollows`: it is one, and there already. */
  onGap: (keyframeFollows: boolean) => void;
  parameterSets?: ParameterSets;
  /** When the frame of this RTP timestamp was captured, where the sender does not tell. */
  estimate?: (timestamp: number) => CaptureEstimate | undefined;
}

interface Building {
  timestamp: number;
  codec: VideoCodec;
  payloads: Buffer[];
  bytes: number;
  firstPacketAt: number;
  lastPacketAt: number;
  damaged: boolean;
}

/** Makes frames of packets that come in order. After what broke off, nothing leaves until a whole keyframe. */
export class FrameBuilder {
  /** Frames that were incomplete, or whole but depended on one that was. */
  discarded = 0;
  /** Those of them that were whole, and no frame of their codec as its payload format has it. */
  unreadable = 0;
  readonly #onFrame: (frame: EncodedFrame) => void;
  readonly #onGap: (keyframeFollows: boolean) => void;
  readonly #parameterSets: ParameterSets;
  readonly #depacketizers = new Map<VideoCodec, Depacketizer>();
  readonly #estimate: (timestamp: number) => CaptureEstimate | undefined;
  #clock = new CaptureClock();
  #building: Building | undefined;
  /** The packet before the next was there and ended a frame. */
  #atBoundary = false;
  #waiting = true;

  constructor({ onFrame, onGap, parameterSets, estimate }: FrameBuilderOptions) {
    this.#onFrame = onFrame;
    this.#onGap = onGap;
    this.#estimate = estimate ?? (() => undefined);
    this.#parameterSets = parameterSets ?? new Map();
  }

  /** Of the frame that is being put together. */
  get bytes(): number {
    return this.#building?.bytes ?? 0;
  }

  /** Whether only a keyframe can continue. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** H.264 and H.265 keyframes whose parameter sets are not known; counted in `discarded`, too. */
  get withoutParameterSets(): number {
    let sum = 0;
    for (const { withoutParameterSets = 0 } of this.#depacketizers.values()) sum += withoutParameterSets;
    return sum;
  }

  /** Takes the next packet, which is not padding. */
  add(packet: MediaPacket): void {
    if (packet.captureTime !== undefined) this.#clock.note(packet.timestamp, packet.captureTime);
    const current = this.#building;
    if (current && (current.timestamp !== packet.timestamp || current.codec !== packet.codec)) this.#finish(current);
    this.#building ??= {
      timestamp: packet.timestamp,
      codec: packet.codec,
      payloads: [],
      bytes: 0,
      firstPacketAt: packet.arrivedAt,
      lastPacketAt: packet.arrivedAt,
      damaged: !this.#atBoundary && PAYLOAD_FORMATS[packet.codec].start(packet.payload) === undefined,
    };
    const building = this.#building;
    building.bytes += packet.payload.length;
    if (building.bytes > MAX_FRAME_BYTES) {
      building.damaged = true;
      building.payloads = [];
      building.bytes = 0;
    }
    if (!building.damaged) building.payloads.push(packet.payload);
    building.firstPacketAt = Math.min(building.firstPacketAt, packet.arrivedAt);
    building.lastPacketAt = Math.max(building.lastPacketAt, packet.arrivedAt);
    if (packet.marker) this.#finish(building);
  }

  /** What comes next does not follow from what came. @param keyframeFollows a whole keyframe comes next */
  breakOff(keyframeFollows: boolean): void {
    if (this.#building) this.discarded++;
    this.takeBack();
    this.#atBoundary = keyframeFollows;
    this.#wait(keyframeFollows);
  }

  /** What came since the last frame comes again, behind something that came late. */
  takeBack(): void {
    this.#building = undefined;
    this.#atBoundary = false;
  }

  /** The next packets' clock is another. */
  forgetClock(): void {
    this.#clock = new CaptureClock();
  }

  #wait(keyframeFollows = false): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#onGap(keyframeFollows);
  }

  #finish(building: Building): void {
    this.#building = undefined;
    this.#atBoundary = true;
    const without = this.withoutParameterSets;
    const content = building.damaged ? undefined : this.#depacketizer(building.codec).assemble(building.payloads);
    if (!content && !building.damaged && this.withoutParameterSets === without) this.unreadable++;
    // Parameter sets alone: nothing to show, nothing lost.
    if (content?.data.length === 0) return;
    if (!content || (this.#waiting && !content.keyframe)) {
      this.discarded++;
      this.#wait();
      return;
    }
    this.#waiting = false;
    const told = this.#clock.at(building.timestamp);
    const estimated = told === undefined ? this.#estimate(building.timestamp) : undefined;
    this.#onFrame({
      codec: building.codec,
      data: content.data,
      keyframe: content.keyframe,
      rtpTimestamp: building.timestamp,
      firstPacketAt: building.firstPacketAt,
      lastPacketAt: building.lastPacketAt,
      ...(told === undefined ? {} : { captureTime: told }),
      ...(estimated && { captureTime: estimated.time, captureTimeError: estimated.error }),
    });
  }

  #depacketizer(codec: VideoCodec): Depacketizer {
    let depacketizer = this.#depacketizers.get(codec);
    if (!depacketizer) {
      depacketizer = PAYLOAD_FORMATS[codec].depacketizer(this.#parameterSets.get(codec) ?? []);
      this.#depacketizers.set(codec, depacketizer);
    }
    return depacketizer;
  }
}
