import type { LocalParticipant } from '@livekit/rtc-node';
import { chunk, type DepthFormat, DepthPacker } from '../protocol/index.ts';
import { Deflater } from '../sinks/deflater.ts';
import { packMap } from '../sinks/map-packer.ts';
import type { FrameTiming } from '../stream/depth-sink.ts';
import type { LiveDepth } from '../stream/live-depth.ts';
import { DataTrack } from './ffi.ts';
import { identityOf } from './identity.ts';
import type { Outlet, RoomSinkOptions } from './room-sink.ts';

/** `track`: a data track, one frame each. `messages`: reliable data messages with depthcast's chunks, for clients without data tracks. */
export const DATA_TRANSPORTS = ['track', 'messages'] as const;
export type DataTransport = (typeof DATA_TRANSPORTS)[number];

/** Bytes of a reliable message; LiveKit takes 15 KiB. */
const MESSAGE_BYTES = 15_000;

export interface DataOptions {
  /** Of the data track, and the topic of messages. */
  name: string;
  format: DepthFormat;
  steps: number;
  transport: DataTransport;
}

/**
 * Depth packets in a room, as depthcast's data channels have them. A packet's frame id and capture time are the
 * publisher's where it sends frame metadata, else the stream's own count and none.
 */
export const dataSink = (options: DataOptions): RoomSinkOptions => ({
  kind: 'data',
  publish: async (participant) =>
    options.transport === 'messages'
      ? new Messages(participant, options)
      : new TrackPackets(await DataTrack.publish(participant, options.name), options),
});

abstract class Packets implements Outlet {
  lost = false;
  readonly #format: DepthFormat;
  readonly #deflater = new Deflater();
  readonly #packer: DepthPacker;

  constructor({ format, steps }: DataOptions) {
    this.#format = format;
    this.#packer = new DepthPacker((bytes) => this.#deflater.deflate(bytes), { steps, packMap });
  }

  async send(depth: LiveDepth): Promise<FrameTiming> {
    const began = performance.now();
    const { info, map, lastPacketAt } = depth;
    const identity = identityOf(depth);
    const latency = lastPacketAt === undefined ? {} : { latency: began - lastPacketAt };
    const frameId = identity?.frameId === undefined ? {} : { frameId: identity.frameId };
    const packet = await this.#packer.pack({ ...info, ...latency, ...frameId }, map.values, this.#format);
    const packed = performance.now();
    await this.out(packet, identity?.userTimestamp);
    const now = performance.now();
    return {
      encode: packed - began,
      send: now - packed,
      bytes: packet.length,
      latency: lastPacketAt === undefined ? undefined : now - lastPacketAt,
    };
  }

  close(): void {
    this.#deflater.close();
  }

  protected abstract out(packet: Uint8Array, userTimestamp: bigint | undefined): Promise<void> | void;
}

class TrackPackets extends Packets {
  readonly #track: DataTrack;

  constructor(track: DataTrack, options: DataOptions) {
    super(options);
    this.#track = track;
  }

  override close(): void {
    super.close();
    this.#track.close();
  }

  protected out(packet: Uint8Array, userTimestamp: bigint | undefined): void {
    try {
      this.#track.push(packet, userTimestamp);
    } catch (thrown) {
      // After a reconnect of the room the track is not there any more.
      this.lost = true;
      throw thrown;
    }
  }
}

class Messages extends Packets {
  readonly #participant: LocalParticipant;
  readonly #topic: string;
  #sequence = 0;

  constructor(participant: LocalParticipant, options: DataOptions) {
    super(options);
    this.#participant = participant;
    this.#topic = options.name;
  }

  protected async out(packet: Uint8Array): Promise<void> {
    // One after the other: sent at once each adds a listener of its own.
    for (const piece of chunk(packet, this.#sequence++, MESSAGE_BYTES))
      await this.#participant.publishData(piece, { reliable: true, topic: this.#topic });
  }
}
