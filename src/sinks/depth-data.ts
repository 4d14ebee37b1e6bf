import { DepthcastError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import {
  chunk,
  type DepthFormat,
  type DepthFrameInfo,
  DepthPacker,
  type PacketVersion,
  packetVersionOf,
} from '../protocol/index.ts';
import type { DataSize } from '../protocol/output.ts';
import { DepthMailbox } from '../stream/depth-mailbox.ts';
import type { DepthSink, SinkListener } from '../stream/depth-sink.ts';
import type { LiveDepth } from '../stream/live-depth.ts';
import type { DataChannel } from '../webrtc/index.ts';
import { Deflater } from './deflater.ts';
import { LargeMaps } from './large-maps.ts';
import { packMap } from './map-packer.ts';

/** Packets sent on each channel so far: a channel keeps its count when its format changes. */
const sequences = new WeakMap<DataChannel, number>();

function nextSequence(channel: DataChannel): number {
  const sequence = sequences.get(channel) ?? 0;
  sequences.set(channel, sequence + 1);
  return sequence;
}

interface Receiver {
  readonly version: PacketVersion;
  /** performance.now(); undefined while it is not. */
  behindSince: number | undefined;
}

export interface DepthDataOptions {
  format: DepthFormat;
  size: DataSize;
  /** Longest side of maps of the picture's size, in pixels. */
  maxSide: number;
  /** Of u16; see DepthPacker. */
  steps: number;
  metrics: Metrics;
}

/**
 * Depth packets of one format on data channels: packed once for all of them, whichever version each reads. A channel that still holds the last
 * frame is behind and misses this one; nothing queues up.
 */
export class DepthData implements DepthSink {
  readonly name = 'data';
  readonly about = 'data';
  readonly format: DepthFormat;
  readonly #options: DepthDataOptions;
  readonly #listener: SinkListener;
  readonly #deflater = new Deflater();
  readonly #packer: DepthPacker;
  readonly #large: LargeMaps | undefined;
  /** Origin of the map that was packed last, and its size: the same one need not be packed again. */
  #packed: { origin: object; width: number; height: number } | undefined;
  readonly #channels = new Map<DataChannel, Receiver>();
  readonly #mailbox = new DepthMailbox(
    (depth) => this.#pack(depth),
    () => this.#options.metrics.channelFrames.inc({ outcome: 'dropped' }),
  );

  constructor(options: DepthDataOptions, listener: SinkListener) {
    this.format = options.format;
    this.#options = options;
    this.#listener = listener;
    this.#packer = new DepthPacker((bytes) => this.#deflater.deflate(bytes), { steps: options.steps, packMap });
    if (options.size === 'picture' && options.format !== 'none') this.#large = new LargeMaps(options.maxSide);
  }

  get receivers(): number {
    return this.#channels.size;
  }

  add(channel: DataChannel): void {
    this.#channels.set(channel, { version: packetVersionOf(channel.protocol), behindSince: undefined });
  }

  remove(channel: DataChannel): void {
    this.#channels.delete(channel);
  }

  /** Milliseconds for which a channel has missed every frame. */
  behind(channel: DataChannel): number {
    const since = this.#channels.get(channel)?.behindSince;
    return since === undefined ? 0 : performance.now() - since;
  }

  push(depth: LiveDepth): void {
    if (this.#channels.size > 0) this.#mailbox.put(depth);
  }

  close(): void {
    this.#mailbox.close();
    this.#channels.clear();
    this.#deflater.close();
    this.#large?.close();
  }

  #takeReady(): DataChannel[] {
    const ready: DataChannel[] = [];
    for (const [channel, receiver] of this.#channels) {
      const free = channel.bufferedAmount === 0;
      if (free) ready.push(channel);
      receiver.behindSince = free ? undefined : (receiver.behindSince ?? performance.now());
    }
    return ready;
  }

  async #pack(depth: LiveDepth): Promise<void> {
    const { metrics } = this.#options;
    try {
      const ready = this.#takeReady();
      if (ready.length < this.#channels.size)
        metrics.channelFrames.inc({ outcome: 'dropped' }, this.#channels.size - ready.length);
      if (ready.length === 0) return;
      const began = performance.now();
      const { map, lastPacketAt, metric } = depth;
      if (map.origin !== undefined && map.origin === this.#packed?.origin)
        this.#packer.repeat(infoOf(depth, this.#packed, began), { metric });
      else {
        this.#packed = undefined;
        const sized = (await this.#large?.of(depth)) ?? map;
        await this.#packer.pack(infoOf(depth, sized, began), sized.values, this.format, { metric });
        const { width, height } = sized;
        this.#packed = map.origin && { origin: map.origin, width, height };
      }
      const packed = performance.now();
      let latency: number | undefined;
      let [bytes, sent, tooLarge] = [0, 0, 0];
      let packet: { version: PacketVersion; bytes: Uint8Array } | undefined;
      for (const channel of ready) {
        // It may have gone while the packet was made.
        const version = this.#channels.get(channel)?.version ?? packetVersionOf(channel.protocol);
        if (packet?.version !== version) packet = { version, bytes: this.#packer.as(version) };
        if (!chunk(packet.bytes, nextSequence(channel)).every((piece) => channel.send(piece))) {
          if (this.#channels.has(channel)) tooLarge = packet.bytes.length;
          continue;
        }
        sent++;
        bytes += packet.bytes.length;
        if (lastPacketAt !== undefined) latency ??= performance.now() - lastPacketAt;
      }
      metrics.channelBytes.inc(bytes);
      metrics.channelFrames.inc({ outcome: 'sent' }, sent);
      metrics.channelFrames.inc({ outcome: 'dropped' }, ready.length - sent);
      this.#listener.sent({ encode: packed - began, send: performance.now() - packed, bytes, latency });
      if (tooLarge > 0)
        throw new DepthcastError('BUSY', { detail: `a depth packet of ${tooLarge} bytes does not fit a data channel` });
    } catch (thrown) {
      this.#listener.failed(thrown as Error);
    } finally {
      depth.release();
    }
  }
}

/** What a packet tells of a map of this size. @param began performance.now() */
function infoOf(
  { info, lastPacketAt }: LiveDepth,
  { width, height }: { width: number; height: number },
  began: number,
): DepthFrameInfo {
  const latency = lastPacketAt === undefined ? {} : { latency: began - lastPacketAt };
  return { ...info, ...latency, width, height };
}
