import { setImmediate as nextTurn } from 'node:timers/promises';
import { LAYOUT_PARTS, type Layout } from '../../protocol/output.ts';
import { DepthMailbox } from '../../stream/depth-mailbox.ts';
import type { DepthSink, SinkListener } from '../../stream/depth-sink.ts';
import type { LiveDepth } from '../../stream/live-depth.ts';
import { type LayoutEncoder, shadesOf } from '../../video/index.ts';
import type { MatteShades } from '../matte-shades.ts';
import { SizedEncoder } from '../sized-encoder.ts';
import { TrackShades } from '../track-shades.ts';
import type { PushTarget } from './push-target.ts';

const CLOCK = 90_000;
/** Seconds between keyframes, at which a reader can begin. */
const KEYFRAME_SECONDS = 1;
/**
 * Seconds between two frames: of more the picture before is repeated, in such steps, so that receivers make out a video. Where nothing promises a
 * frame rate (see `untimed`), FFmpeg wants more than thirty frames, at two a second a quarter of a minute, and MPEG-TS has its clock beside frames alone.
 */
const MAX_GAP_SECONDS = 0.24;
const HOLD_SECONDS = 0.1;
/** A longer pause is an interruption, and stays one. */
const MAX_HELD_SECONDS = 5;
/** Repeats of one gap: a longer one has twice the step, still below MAX_GAP_SECONDS. Each is an encoder's call, before a frame that waits. */
const MAX_REPEATS = 24;

export interface PushSinkOptions {
  layout: Layout;
  bitrate: number;
  /** Longest side of one picture in pixels. */
  maxSide: number;
  /** What a layout with a matte shows. */
  matte?: MatteShades | undefined;
}

/**
 * A stream's depth as H.264 for one target. Each frame's time is its stream's media time: outputs of one stream, as key and fill, have
 * the same time for the same frame.
 */
export class PushSink implements DepthSink {
  readonly name = 'push';
  readonly about = 'track';
  readonly receivers = 1;
  readonly #options: PushSinkOptions;
  readonly #target: PushTarget;
  readonly #listener: SinkListener;
  readonly #shades: TrackShades;
  readonly #mailbox = new DepthMailbox((depth) => this.#encode(depth));
  readonly #encoder: SizedEncoder;
  #keyframeAt = Number.NEGATIVE_INFINITY;
  #lastPts = -1;
  #closed = false;

  constructor(options: PushSinkOptions, target: PushTarget, listener: SinkListener) {
    this.#options = options;
    this.#target = target;
    this.#listener = listener;
    const { layout, maxSide, bitrate, matte } = options;
    this.#shades = new TrackShades(shadesOf(layout), matte);
    this.#encoder = new SizedEncoder(layout, maxSide, () => ({ codec: 'H264', bitrate, fps: 30, labelled: true }));
  }

  push(depth: LiveDepth): void {
    if (!this.#closed && this.#target.wants !== 'nothing') this.#mailbox.put(depth);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#mailbox.close();
    this.#target.close();
    if (!this.#mailbox.busy) this.#free();
  }

  async #encode(depth: LiveDepth): Promise<void> {
    const { layout } = this.#options;
    try {
      let began = performance.now();
      const last = this.#encoder.current;
      const encoder = await this.#encoder.of(depth.info);
      const pts = Math.round(depth.mediaTime * CLOCK);
      let held = 0;
      if (encoder === last) {
        held = await this.#hold(encoder, pts, depth.info.rtpTimestamp);
        if (this.#closed) return;
        began = performance.now();
      }
      const shades = LAYOUT_PARTS[layout].shades === 'none' ? undefined : await this.#shades.of(depth, encoder);
      const due = pts - this.#keyframeAt >= KEYFRAME_SECONDS * CLOCK;
      const keyframe = due || this.#target.wants === 'keyframe';
      const frame = await encoder.encode(shades, depth.source?.picture, depth.info.rtpTimestamp, { keyframe });
      if (frame.keyframe) this.#keyframeAt = pts;
      const encoded = performance.now();
      // Two frames of one tick: muxers want rising times.
      if (this.#closed || pts <= this.#lastPts) return;
      this.#lastPts = pts;
      this.#target.put(frame, pts, encoder.video);
      const latency = depth.lastPacketAt === undefined ? undefined : performance.now() - depth.lastPacketAt;
      this.#listener.sent({
        encode: encoded - began,
        send: performance.now() - encoded,
        bytes: held + frame.data.length,
        latency,
      });
    } catch (thrown) {
      this.#encoder.close();
      if (!this.#closed) this.#listener.failed(thrown as Error);
    } finally {
      depth.release();
      if (this.#closed) this.#free();
    }
  }

  /**
   * The picture before a gap, at every step of it: receivers hear of the gap when it has ended, and no frame's own time changes. (Repeats
   * sent while a gap lasts would have times that frames may still come with: those of a sender that stalled, or is slower than the clock.)
   *
   * @returns bytes of the repeats
   */
  async #hold(encoder: LayoutEncoder, pts: number, rtpTimestamp: number): Promise<number> {
    const gap = (pts - this.#lastPts) / CLOCK;
    if (this.#lastPts < 0 || gap < MAX_GAP_SECONDS || gap > MAX_HELD_SECONDS) return 0;
    const least = HOLD_SECONDS * CLOCK;
    const step = least * Math.ceil((pts - this.#lastPts) / (least * (MAX_REPEATS + 1)));
    let bytes = 0;
    for (let at = this.#lastPts + step; at <= pts - least / 2; at += step) {
      if (this.#closed || this.#target.wants !== 'frame') break;
      const frame = await encoder.repeat((rtpTimestamp - (pts - at)) >>> 0);
      if (this.#closed) break;
      this.#lastPts = at;
      this.#target.put(frame, at, encoder.video);
      bytes += frame.data.length;
      // In a media worker the encoder's calls are synchronous: packets and other streams have their turns in between.
      await nextTurn();
    }
    return bytes;
  }

  #free(): void {
    this.#encoder.close();
    this.#shades.close();
  }
}
