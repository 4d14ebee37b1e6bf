import type { EncodedFrame, VideoCodec } from '../../video/types.ts';
import { CaptureClock } from './capture-time.ts';
import { PacketBuffer } from './packet-buffer.ts';
import type { Depacketizer } from './payload-format.ts';
import { PAYLOAD_FORMATS } from './payload-formats.ts';
import type { CaptureEstimate } from './sender-clock.ts';

/** A packet of the video stream, in the order in which it came. */
export interface MediaPacket {
  /** Extended: never wraps. */
  sequence: number;
  timestamp: number;
  marker: boolean;
  codec: VideoCodec;
  /** Empty for padding. */
  payload: Buffer;
  /** `performance.now()`. */
  arrivedAt: number;
  /** From abs-capture-time, where this packet carries it: ms since the Unix epoch. */
  captureTime: number | undefined;
}

const MAX_FRAME_BYTES = 4 << 20;

/** Packets of a stream's beginning that may come after a later one. */
export const MAX_EARLIER = 8;
/** Packets that are kept until the first frame left, for what may come before them. */
const MAX_OPENING = 64;

/** From the SDP, base64, by codec. */
export type ParameterSets = ReadonlyMap<VideoCodec, readonly string[]>;

interface Building {
  timestamp: number;
  codec: VideoCodec;
  payloads: Buffer[];
  bytes: number;
  firstPacketAt: number;
  lastPacketAt: number;
  damaged: boolean;
}

/**
 * Puts packets in order and frames together. A frame leaves as soon as its last packet is there and everything before
 * it: nothing waits. After a hole that was given up, nothing leaves until a whole keyframe.
 */
export class FrameAssembler {
  /** Frames that were incomplete, or whole but depended on one that was. */
  discarded = 0;
  /** Those of them that were whole, and no frame of their codec as its payload format has it. */
  unreadable = 0;
  readonly #held = new PacketBuffer<MediaPacket>();
  readonly #onFrame: (frame: EncodedFrame) => void;
  readonly #onGap: (keyframeFollows: boolean) => void;
  readonly #parameterSets: ParameterSets;
  readonly #depacketizers = new Map<VideoCodec, Depacketizer>();
  readonly #estimate: (timestamp: number) => CaptureEstimate | undefined;
  #clock = new CaptureClock();
  #next = -1;
  #building: Building | undefined;
  /** The packet before `next` was there and ended a frame. */
  #atBoundary = false;
  #waiting = true;
  /** What was consumed since the stream began, until a frame left: what came first need not have been sent first. */
  #opening: MediaPacket[] | undefined;
  /** What came before that, while something between is missing. */
  readonly #earlier = new Map<number, MediaPacket>();
  /** Start of a keyframe that lies behind a hole, and how far it is there without one of its own. */
  #keyframe: { start: number; checked: number } | undefined;

  constructor(options: {
    onFrame: (frame: EncodedFrame) => void;
    /** What comes next does not follow from what came; `keyframeFollows`: it is one, and there already. */
    onGap: (keyframeFollows: boolean) => void;
    parameterSets?: ParameterSets;
    /** When the frame of this RTP timestamp was captured, where the sender does not tell. */
    estimate?: (timestamp: number) => CaptureEstimate | undefined;
  }) {
    this.#onFrame = options.onFrame;
    this.#onGap = options.onGap;
    this.#estimate = options.estimate ?? (() => undefined);
    this.#parameterSets = options.parameterSets ?? new Map();
  }

  /** Bytes of packets that wait for others, and of the frame that is being put together. */
  get heldBytes(): number {
    const opening = this.#opening?.reduce((sum, { payload }) => sum + payload.length, 0) ?? 0;
    return this.#held.bytes + (this.#building?.bytes ?? 0) + opening;
  }

  /** The first sequence number that is of use. */
  get oldest(): number {
    const first = this.#opening?.[0];
    return first ? Math.max(0, first.sequence - MAX_EARLIER) : this.#next;
  }

  /** The first sequence number that is not yet consumed; -1 before the first packet. */
  get next(): number {
    return this.#next;
  }

  /** H.264 and H.265 keyframes whose parameter sets are not known; counted in `discarded`, too. */
  get withoutParameterSets(): number {
    let sum = 0;
    for (const { withoutParameterSets = 0 } of this.#depacketizers.values()) sum += withoutParameterSets;
    return sum;
  }

  /** Whether only a keyframe can continue. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** @returns false for a packet that is there already or came too late */
  insert(packet: MediaPacket): boolean {
    if (this.#next < 0) {
      this.#next = packet.sequence;
      this.#opening = [];
    }
    if (packet.sequence < this.#next) return this.#insertEarlier(packet);
    if (this.#held.at(packet.sequence)) return false;
    if (!this.#held.hasRoomFor(packet, this.#next)) this.restartAt(packet.sequence);
    this.#held.put(packet);
    if (packet.sequence > this.#next) this.#lookForKeyframe(packet);
    this.#drain();
    return true;
  }

  /** Gives up everything up to and including this number that has not been consumed. */
  giveUp(sequence: number): void {
    if (sequence < this.#next) return;
    this.#skipTo(sequence + 1);
    this.#drain();
  }

  /** Forgets what is held: the numbers begin anew, or too much is missing. */
  restartAt(sequence: number): void {
    this.#held.clear();
    this.#keyframe = undefined;
    this.#next = sequence;
    this.#forgetOpening();
    this.#breakOff();
  }

  /** Another stream begins: neither its numbers nor its clock have to do with the last one. */
  reset(): void {
    this.restartAt(-1);
    this.#clock = new CaptureClock();
  }

  /** Begins anew with a packet from before the first that came. */
  #insertEarlier(packet: MediaPacket): boolean {
    const opening = this.#opening;
    const first = opening?.[0]?.sequence;
    if (!opening || first === undefined) return false;
    const { sequence } = packet;
    if (sequence >= first || sequence < first - MAX_EARLIER || this.#earlier.has(sequence)) return false;
    this.#earlier.set(sequence, packet);
    let start = first;
    for (let before = this.#earlier.get(start - 1); before; before = this.#earlier.get(start - 1)) {
      this.#held.put(before);
      this.#earlier.delete(--start);
    }
    if (start === first) return true;
    for (const consumed of opening) this.#held.put(consumed);
    opening.length = 0;
    this.#building = undefined;
    this.#atBoundary = false;
    this.#next = start;
    this.#drain();
    return true;
  }

  #forgetOpening(): void {
    this.#opening = undefined;
    this.#earlier.clear();
  }

  #skipTo(sequence: number, keyframeFollows = false): void {
    for (let skipped = this.#next; skipped < sequence; skipped++) this.#held.take(skipped);
    this.#next = sequence;
    this.#forgetOpening();
    if (this.#keyframe && this.#keyframe.start < sequence) this.#keyframe = undefined;
    this.#breakOff(keyframeFollows);
  }

  /** What comes next does not follow from what was consumed. */
  #breakOff(keyframeFollows = false): void {
    if (this.#building) this.discarded++;
    this.#building = undefined;
    this.#atBoundary = false;
    this.#wait(keyframeFollows);
  }

  #wait(keyframeFollows = false): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#onGap(keyframeFollows);
  }

  /** A whole keyframe behind a hole makes the hole irrelevant. */
  #lookForKeyframe(packet: MediaPacket): void {
    if (this.#mayBeginKeyframe(packet)) this.#keyframe = { start: packet.sequence, checked: packet.sequence };
    const candidate = this.#keyframe;
    if (!candidate) return;
    for (let packet = this.#held.at(candidate.checked); packet; packet = this.#held.at(++candidate.checked)) {
      if (!packet.marker) continue;
      if (this.#isKeyframe(candidate.start, candidate.checked)) {
        this.#skipTo(candidate.start, true);
        this.#atBoundary = true;
      }
      this.#keyframe = undefined;
      return;
    }
  }

  /** Of several packets that may begin the same frame, the earliest does. */
  #mayBeginKeyframe(packet: MediaPacket): boolean {
    const { codec, payload } = packet;
    if (payload.length === 0 || !PAYLOAD_FORMATS[codec].opensKeyframe(payload)) return false;
    if (PAYLOAD_FORMATS[codec].start(payload) === 'maybe') {
      const before = this.#held.at(packet.sequence - 1);
      if (!before || (!before.marker && before.timestamp === packet.timestamp)) return false;
    }
    if (!this.#keyframe) return true;
    const same = this.#held.at(this.#keyframe.start)?.timestamp === packet.timestamp;
    return same !== packet.sequence > this.#keyframe.start;
  }

  #isKeyframe(first: number, last: number): boolean {
    const { codec, timestamp } = this.#held.at(first)!;
    const { carriesKeyframe } = PAYLOAD_FORMATS[codec];
    let intra = false;
    for (let sequence = first; sequence <= last; sequence++) {
      const packet = this.#held.at(sequence)!;
      if (packet.payload.length === 0) continue;
      if (packet.timestamp !== timestamp) return false;
      intra ||= carriesKeyframe(packet.payload);
    }
    return intra;
  }

  #drain(): void {
    for (let packet = this.#held.take(this.#next); packet; packet = this.#held.take(this.#next)) {
      this.#next++;
      if (this.#opening && this.#opening.push(packet) > MAX_OPENING) this.#forgetOpening();
      if (this.#keyframe && this.#keyframe.start < this.#next) this.#keyframe = undefined;
      if (packet.payload.length > 0) this.#consume(packet);
    }
  }

  #consume(packet: MediaPacket): void {
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
    this.#forgetOpening();
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
