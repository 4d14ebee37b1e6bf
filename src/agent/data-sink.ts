import type { LocalParticipant } from '@livekit/rtc-node';
import { chunk, type DepthFormat, DepthPacker } from '../protocol/index.ts';
import { Deflater } from '../sinks/deflater.ts';
import type { DepthSink, SinkListener } from '../stream/depth-sink.ts';
import type { LiveDepth } from '../stream/live-depth.ts';
import { Mailbox } from '../stream/mailbox.ts';
import { DataTrack } from './ffi.ts';
import { identityOf } from './identity.ts';

/** `track`: a data track, one frame each. `messages`: reliable data messages with depthcast's chunks, for clients without data tracks. */
export const DATA_WAYS = ['track', 'messages'] as const;
export type DataWay = (typeof DATA_WAYS)[number];

/** Bytes of a reliable message; LiveKit takes 15 KiB. */
const MESSAGE_BYTES = 15_000;
/** Between attempts to publish the track again, after the room reconnected. */
const AGAIN_MS = 500;

export interface DataSinkOptions {
  /** Of the data track, and the topic of messages. */
  name: string;
  format: DepthFormat;
  steps: number;
  way: DataWay;
}

/**
 * Depth packets in a room, as depthcast's data channels have them. A packet's frame id and capture time are the
 * publisher's where it sends frame metadata, else the stream's own count and none.
 */
export class DataSink implements DepthSink {
  readonly name = 'data';
  readonly about = 'data';
  readonly #participant: LocalParticipant;
  readonly #options: DataSinkOptions;
  readonly #listener: SinkListener;
  readonly #deflater = new Deflater();
  readonly #packer: DepthPacker;
  readonly #mailbox = new Mailbox<LiveDepth>(
    (depth) => this.#send(depth),
    (depth) => depth.release(),
  );
  #track: DataTrack | undefined;
  #publishAt = 0;
  #sequence = 0;
  #closed = false;

  constructor(participant: LocalParticipant, options: DataSinkOptions, listener: SinkListener) {
    this.#participant = participant;
    this.#options = options;
    this.#listener = listener;
    this.#packer = new DepthPacker((bytes) => this.#deflater.deflate(bytes), { steps: options.steps });
  }

  get receivers(): number {
    return this.#closed ? 0 : 1;
  }

  push(depth: LiveDepth): void {
    if (!this.#closed) this.#mailbox.put(depth.retain());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#mailbox.close();
    this.#deflater.close();
    if (!this.#mailbox.busy) this.#track?.close();
  }

  async #send(depth: LiveDepth): Promise<void> {
    try {
      const began = performance.now();
      const { info, map, lastPacketAt } = depth;
      const identity = identityOf(depth);
      const latency = lastPacketAt === undefined ? {} : { latency: began - lastPacketAt };
      const frameId = identity?.frameId === undefined ? {} : { frameId: identity.frameId };
      const packet = await this.#packer.pack({ ...info, ...latency, ...frameId }, map.values, this.#options.format);
      const packed = performance.now();
      if (this.#closed || !(await this.#out(packet, identity?.userTimestamp))) return;
      const now = performance.now();
      this.#listener.sent({
        encode: packed - began,
        send: now - packed,
        bytes: packet.length,
        latency: lastPacketAt === undefined ? undefined : now - lastPacketAt,
      });
    } catch (thrown) {
      if (!this.#closed) this.#listener.failed(thrown as Error);
    } finally {
      depth.release();
      if (this.#closed) this.#track?.close();
    }
  }

  /** @returns whether it went out */
  async #out(packet: Uint8Array, userTimestamp: bigint | undefined): Promise<boolean> {
    const { way, name } = this.#options;
    if (way === 'messages') {
      // One after the other: sent at once each adds a listener of its own.
      for (const piece of chunk(packet, this.#sequence++, MESSAGE_BYTES))
        await this.#participant.publishData(piece, { reliable: true, topic: name });
      return true;
    }
    if (this.#track === undefined) {
      if (performance.now() < this.#publishAt) return false;
      this.#publishAt = performance.now() + AGAIN_MS;
      this.#track = await DataTrack.publish(this.#participant, name);
      if (this.#closed) return false;
    }
    try {
      this.#track.push(packet, userTimestamp);
      return true;
    } catch (thrown) {
      // After a reconnect of the room the track is not there any more.
      this.#track.close();
      this.#track = undefined;
      throw thrown;
    }
  }
}
