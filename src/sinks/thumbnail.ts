import { colourAt } from '../protocol/colour-map.ts';
import type { DepthSink, SinkListener } from '../stream/depth-sink.ts';
import { type LiveDepth, toLuma } from '../stream/live-depth.ts';
import { rgbaPicture } from '../video/index.ts';
import { JpegEncoder } from '../video/jpeg-encoder.ts';

/** A thumbnail is made anew after this long (ms), however many ask. */
const FRESH_MS = 1000;
/** For so long after somebody asked, the stream is watched on behalf of the thumbnail (ms). */
const WANTED_MS = 10_000;
/** Whoever asks waits this long for the next depth map (ms), and then gets the last thumbnail, however old. */
const PATIENCE_MS = 1500;
/** Longest side in pixels. */
const SIDE = 320;

const COLOURS = Uint32Array.from({ length: 256 }, (_, i) => {
  const [r, g, b] = colourAt('inferno', i / 255).map((c) => Math.round(c * 255)) as [number, number, number];
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
});

export interface ThumbnailImage {
  /** Of a JPEG file. */
  bytes: Uint8Array;
  /** Of the depth map that it shows. */
  frameId: number;
}

/** The latest depth map as a small coloured picture, made when somebody asks and at most once a second. */
export class Thumbnail implements DepthSink {
  readonly name = 'thumbnail';
  readonly about = 'depth';
  readonly #listener: SinkListener;
  #wantedUntil = -Infinity;
  #image: (ThumbnailImage & { at: number }) | undefined;
  /** Those that wait for the next depth map. */
  #waiting: (() => void)[] = [];
  #next: Promise<void> | undefined;
  #busy = false;
  #encoder: JpegEncoder | undefined;
  #luma = new Uint8ClampedArray(0);
  #rgba = new Uint8ClampedArray(0);
  #closed = false;

  constructor(listener: SinkListener) {
    this.#listener = listener;
  }

  get receivers(): number {
    return performance.now() < this.#wantedUntil ? 1 : 0;
  }

  /** The present thumbnail; undefined as long as no depth map was made. */
  async take(): Promise<ThumbnailImage | undefined> {
    this.#wantedUntil = performance.now() + WANTED_MS;
    if (!this.#closed && !(this.#image && performance.now() - this.#image.at < FRESH_MS)) {
      this.#next ??= this.#nextMap();
      await this.#next;
    }
    return this.#image;
  }

  push(depth: LiveDepth): void {
    if (this.#waiting.length === 0 || this.#busy || this.#closed) return;
    this.#busy = true;
    void this.#show(depth.retain());
  }

  close(): void {
    this.#closed = true;
    this.#answer();
    if (!this.#busy) this.#encoder?.close();
  }

  #nextMap(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#answer(), PATIENCE_MS);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #answer(): void {
    this.#next = undefined;
    for (const answer of this.#waiting.splice(0)) answer();
  }

  async #show(depth: LiveDepth): Promise<void> {
    const began = performance.now();
    try {
      const { map, info } = depth;
      const step = Math.max(1, Math.ceil(Math.max(map.width, map.height) / SIDE));
      const [width, height] = [even(map.width / step), even(map.height / step)];
      if (this.#luma.length !== map.values.length) this.#luma = new Uint8ClampedArray(map.values.length);
      if (this.#rgba.length !== 4 * width * height) this.#rgba = new Uint8ClampedArray(4 * width * height);
      toLuma(map.values, info, { near: 255, far: 0 }, this.#luma);
      const pixels = new Uint32Array(this.#rgba.buffer);
      for (let y = 0, i = 0; y < height; y++)
        for (let x = 0; x < width; x++, i++) pixels[i] = COLOURS[this.#luma[y * step * map.width + x * step]!]!;
      const picture = rgbaPicture(this.#rgba, width, height);
      try {
        if (!this.#encoder?.fits(picture)) {
          this.#encoder?.close();
          this.#encoder = undefined;
          this.#encoder = await JpegEncoder.create(width, height);
        }
        const bytes = await this.#encoder.encode(picture);
        this.#image = { bytes, frameId: info.frameId, at: performance.now() };
        this.#listener.sent({ encode: this.#image.at - began, send: 0, bytes: bytes.byteLength, latency: undefined });
      } finally {
        picture.close();
      }
    } catch (thrown) {
      if (!this.#closed) this.#listener.failed(thrown as Error);
    } finally {
      depth.release();
      this.#busy = false;
      this.#answer();
      if (this.#closed) this.#encoder?.close();
    }
  }
}

/** JPEG's chroma is of half the size. */
const even = (side: number): number => Math.max(2, 2 * Math.floor(side / 2));
