import type { DepthMap } from '../depth/types.ts';
import type { DepthFrameInfo, MetricMap } from '../protocol/index.ts';
import type { Upsampling } from '../protocol/output.ts';
import type { Picture } from '../video/index.ts';

/** The picture that a map was made of, and how the map is brought to its size. */
export interface DepthSource {
  /** Closed with the map's last release. */
  picture: Picture;
  upsampling: Upsampling;
}

/**
 * One depth map on its way to several sinks, with the very picture that it was made of. Each sink that reads it later than
 * `push` retains and releases it; with the last release its memory goes back to the inferencer, and the picture's to the decoder.
 */
export class LiveDepth {
  readonly map: DepthMap;
  readonly info: DepthFrameInfo;
  /** performance.now() at the source frame's last packet, where there was one. */
  readonly lastPacketAt: number | undefined;
  /** What makes metres of the values, where the stream has anchors. */
  readonly metric: MetricMap | undefined;
  /** What the source knows the picture by that this was made of. */
  readonly identity: unknown;
  readonly source: DepthSource | undefined;
  /** Seconds since the stream began, on its sender's clock; never goes back. */
  readonly mediaTime: number;
  #holders = 1;
  readonly #shared = new Map<string, Promise<{ release(): void }>>();

  constructor(
    map: DepthMap,
    info: DepthFrameInfo,
    lastPacketAt: number | undefined,
    metric?: MetricMap,
    identity?: unknown,
    source?: DepthSource,
    mediaTime = 0,
  ) {
    this.map = map;
    this.info = info;
    this.lastPacketAt = lastPacketAt;
    this.metric = metric;
    this.identity = identity;
    this.source = source;
    this.mediaTime = mediaTime;
  }

  /** Something that several sinks make of it, made once; given back with the last release. */
  shared<T extends { release(): void }>(key: string, make: () => Promise<T>): Promise<T> {
    const made = (this.#shared.get(key) as Promise<T> | undefined) ?? make();
    this.#shared.set(key, made);
    return made;
  }

  retain(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    if (--this.#holders > 0) return;
    this.map.release();
    this.source?.picture.close();
    for (const made of this.#shared.values())
      made.then(
        (one) => one.release(),
        () => {},
      );
  }
}

/**
 * Luma of a depth map, linear in disparity. Values beyond the range go on into foot- and
 * headroom as far as they fit; NaN is the farthest.
 * @param values [height*width] in the unit given; metres are inverted first
 * @param luma of `near` and `far`
 * @param out [height*width]; its element type rounds and clamps
 */
export function toLuma(
  values: Float32Array,
  { near, far, unit }: Pick<DepthFrameInfo, 'near' | 'far' | 'unit'>,
  luma: { near: number; far: number },
  out: Uint8ClampedArray,
): void {
  if (unit === 'disparity') {
    const { scale, shift } = linearLuma({ near, far }, luma);
    for (let i = 0; i < values.length; i++) out[i] = values[i]! * scale + shift;
    return;
  }
  const { scale, shift } = linearLuma({ near: 1 / near, far: 1 / far }, luma);
  for (let i = 0; i < values.length; i++) out[i] = scale / values[i]! + shift;
}

/** Luma of disparity: disparity * scale + shift. @param range of disparity. @param luma of its ends */
export function linearLuma(
  range: { near: number; far: number },
  luma: { near: number; far: number },
): { scale: number; shift: number } {
  const scale = (luma.near - luma.far) / (range.near - range.far);
  return { scale, shift: luma.far - range.far * scale };
}
