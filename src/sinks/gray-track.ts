import type { Metrics } from '../metrics/metrics.ts';
import { LAYOUT_PARTS, type Layout } from '../protocol/output.ts';
import { DepthMailbox } from '../stream/depth-mailbox.ts';
import type { DepthSink, SinkListener } from '../stream/depth-sink.ts';
import type { LiveDepth } from '../stream/live-depth.ts';
import { shadesOf, type VideoCodec } from '../video/index.ts';
import type { VideoSender } from '../webrtc/index.ts';
import type { MatteShades } from './matte-shades.ts';
import { SizedEncoder } from './sized-encoder.ts';
import { TrackShades } from './track-shades.ts';

/** A viewer that asks for keyframes faster than this shares the ones that others got. */
const KEYFRAME_INTERVAL_MS = 300;

export interface GrayTrackOptions {
  codec: VideoCodec;
  layout: Layout;
  minBitrate: number;
  maxBitrate: number;
  /** Longest side of the picture in pixels; larger sources are scaled down to it. `stacked` and `side-by-side` are twice as large. */
  maxSide: number;
  metrics: Metrics;
  /** What a layout with a matte shows. */
  matte?: MatteShades | undefined;
}

/**
 * Depth as a video track, alone or with its picture: encoded once for all of its receivers. Its bitrate follows the slowest of them,
 * and any of them may ask for a keyframe.
 */
export class GrayTrack implements DepthSink {
  readonly name = 'track';
  readonly about = 'track';
  readonly codec: VideoCodec;
  readonly layout: Layout;
  readonly #options: GrayTrackOptions;
  readonly #listener: SinkListener;
  readonly #senders = new Map<VideoSender, () => void>();
  /** Receivers that get nothing for now, and those that wait for a keyframe to continue. */
  readonly #resting = new Set<VideoSender>();
  readonly #waiting = new Set<VideoSender>();
  readonly #mailbox = new DepthMailbox((depth) => this.#encode(depth));
  readonly #encoder: SizedEncoder;
  readonly #shades: TrackShades;
  #keyframeAsked = true;
  #keyframeAt = -Infinity;
  #closed = false;

  constructor(options: GrayTrackOptions, listener: SinkListener) {
    this.codec = options.codec;
    this.layout = options.layout;
    this.#shades = new TrackShades(shadesOf(options.layout), options.matte);
    this.#options = options;
    this.#listener = listener;
    const { codec, layout, maxSide } = options;
    this.#encoder = new SizedEncoder(layout, maxSide, () => ({ codec, bitrate: this.#bitrate(), fps: 30 }));
  }

  get receivers(): number {
    return this.#senders.size;
  }

  add(sender: VideoSender): void {
    if (this.#senders.has(sender)) return;
    const askKeyframe = () => {
      this.#keyframeAsked = true;
    };
    const adaptBitrate = () => this.#encoder.setBitrate(this.#bitrate());
    sender.on('keyframe', askKeyframe);
    sender.on('bitrate', adaptBitrate);
    this.#senders.set(sender, () => {
      sender.off('keyframe', askKeyframe);
      sender.off('bitrate', adaptBitrate);
    });
    this.#keyframeAsked = true;
    this.#keyframeAt = -Infinity;
    adaptBitrate();
  }

  remove(sender: VideoSender): void {
    this.#senders.get(sender)?.();
    this.#senders.delete(sender);
    this.#resting.delete(sender);
    this.#waiting.delete(sender);
  }

  /** Sends a receiver nothing, or resumes it with the next keyframe. A paused one does not slow the others down. */
  rest(sender: VideoSender, resting: boolean): void {
    if (!this.#senders.has(sender) || this.#resting.has(sender) === resting) return;
    if (resting) this.#resting.add(sender);
    else {
      this.#resting.delete(sender);
      this.#waiting.add(sender);
      this.#keyframeAsked = true;
    }
    this.#encoder.setBitrate(this.#bitrate());
  }

  push(depth: LiveDepth): void {
    if (this.#senders.size > 0 && !this.#closed) this.#mailbox.put(depth);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#mailbox.close();
    for (const sender of [...this.#senders.keys()]) this.remove(sender);
    if (!this.#mailbox.busy) this.#free();
  }

  #free(): void {
    this.#encoder.close();
    this.#shades.close();
  }

  async #encode(depth: LiveDepth): Promise<void> {
    const { info } = depth;
    try {
      const began = performance.now();
      // Without a turn of the microtask queue where nothing is to wait for: the encoder works while other sinks are at the same map.
      const opened = this.#encoder.of(info);
      const encoder = opened instanceof Promise ? await opened : opened;
      const made = LAYOUT_PARTS[this.layout].shades === 'none' ? undefined : this.#shades.of(depth, encoder);
      const shades = made instanceof Promise ? await made : made;
      const keyframe = this.#keyframeAsked && began - this.#keyframeAt >= KEYFRAME_INTERVAL_MS;
      const frame = await encoder.encode(shades, depth.source?.picture, info.rtpTimestamp, { keyframe });
      if (frame.keyframe) {
        this.#keyframeAt = began;
        this.#keyframeAsked = false;
      }
      const encoded = performance.now();
      let latency: number | undefined;
      let sent = 0;
      for (const sender of this.#senders.keys()) {
        if (frame.keyframe) this.#waiting.delete(sender);
        if (this.#resting.has(sender) || this.#waiting.has(sender)) continue;
        sender.send(frame);
        sent++;
        if (depth.lastPacketAt !== undefined) latency ??= performance.now() - depth.lastPacketAt;
      }
      this.#options.metrics.trackFrames.inc({ outcome: 'sent' }, sent);
      this.#options.metrics.trackFrames.inc({ outcome: 'shed' }, this.#senders.size - sent);
      const bytes = frame.data.length * sent;
      this.#listener.sent({ encode: encoded - began, send: performance.now() - encoded, bytes, latency });
    } catch (thrown) {
      this.#encoder.close();
      if (!this.#closed) this.#listener.failed(thrown as Error);
    } finally {
      depth.release();
      if (this.#closed) this.#free();
    }
  }

  /** What the slowest receiver can take, within the configured bounds. */
  #bitrate(): number {
    let least = this.#options.maxBitrate;
    for (const sender of this.#senders.keys())
      if (!this.#resting.has(sender)) least = Math.min(least, sender.targetBitrate);
    return Math.max(this.#options.minBitrate, least);
  }
}
