import { FrameBuilder, type FrameBuilderOptions } from './frame-builder.ts';
import type { MediaPacket } from './media-packet.ts';
import { PacketBuffer } from './packet-buffer.ts';
import { PAYLOAD_FORMATS } from './payload-formats.ts';

/** Packets of a stream's beginning that may come after a later one. */
export const MAX_EARLIER = 8;
/** Packets that are kept until the first frame left, for what may come before them. */
const MAX_OPENING = 64;

/**
 * Puts packets in order, of which a builder makes frames. A frame leaves as soon as its last packet is there and everything before
 * it: nothing waits. After a hole that was given up, nothing leaves until a whole keyframe.
 */
export class FrameAssembler {
  readonly #held = new PacketBuffer<MediaPacket>();
  readonly #builder: FrameBuilder;
  #next = -1;
  /** What was consumed since the stream began, until a frame left: what came first need not have been sent first. */
  #opening: MediaPacket[] | undefined;
  /** What came before that, while something between is missing. */
  readonly #earlier = new Map<number, MediaPacket>();
  /** Start of a keyframe that lies behind a hole, and how far it is there without one of its own. */
  #keyframe: { start: number; checked: number } | undefined;

  constructor(options: FrameBuilderOptions) {
    const onFrame: FrameBuilderOptions['onFrame'] = (frame) => {
      this.#forgetOpening();
      options.onFrame(frame);
    };
    this.#builder = new FrameBuilder({ ...options, onFrame });
  }

  /** Frames that were incomplete, or whole but depended on one that was. */
  get discarded(): number {
    return this.#builder.discarded;
  }

  /** Those of them that were whole, and no frame of their codec as its payload format has it. */
  get unreadable(): number {
    return this.#builder.unreadable;
  }

  /** Bytes of packets that wait for others, and of the frame that is being put together. */
  get heldBytes(): number {
    const opening = this.#opening?.reduce((sum, { payload }) => sum + payload.length, 0) ?? 0;
    return this.#held.bytes + this.#builder.bytes + opening;
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
    return this.#builder.withoutParameterSets;
  }

  /** Whether only a keyframe can continue. */
  get waiting(): boolean {
    return this.#builder.waiting;
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
    this.#builder.breakOff(false);
  }

  /** Another stream begins: neither its numbers nor its clock have to do with the last one. */
  reset(): void {
    this.restartAt(-1);
    this.#builder.forgetClock();
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
    this.#builder.takeBack();
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
    this.#builder.breakOff(keyframeFollows);
  }

  /** A whole keyframe behind a hole makes the hole irrelevant. */
  #lookForKeyframe(packet: MediaPacket): void {
    if (this.#mayBeginKeyframe(packet)) this.#keyframe = { start: packet.sequence, checked: packet.sequence };
    const candidate = this.#keyframe;
    if (!candidate) return;
    for (let packet = this.#held.at(candidate.checked); packet; packet = this.#held.at(++candidate.checked)) {
      if (!packet.marker) continue;
      if (this.#isKeyframe(candidate.start, candidate.checked)) this.#skipTo(candidate.start, true);
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
      if (packet.payload.length > 0) this.#builder.add(packet);
    }
  }
}
