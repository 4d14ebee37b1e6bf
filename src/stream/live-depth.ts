import type { DepthMap } from '../depth/types.ts';
import type { DepthFrameInfo, MetricMap } from '../protocol/index.ts';

/**
 * One depth map on its way to several sinks. Each sink that reads it later than `push` retains and releases it;
 * with the last release its memory goes back to the inferencer.
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
  #holders = 1;

  constructor(
    map: DepthMap,
    info: DepthFrameInfo,
    lastPacketAt: number | undefined,
    metric?: MetricMap,
    identity?: unknown,
  ) {
    this.map = map;
    this.info = info;
    this.lastPacketAt = lastPacketAt;
    this.metric = metric;
    this.identity = identity;
  }

  retain(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    if (--this.#holders > 0) return;
    this.map.release();
  }
}

/** Luma of `far` and `near`: the ends of video range (ITU-R BT.601), which players show as black and white. */
const LUMA_FAR = 16;
const LUMA_NEAR = 235;

/**
 * Luma of a depth map: 235 at `near`, 16 at `far`, linear in disparity. Values beyond the range go on into foot- and
 * headroom as far as they fit; NaN is the farthest.
 * @param values [height*width] in the unit given; metres are inverted first
 * @param out [height*width]; its element type rounds and clamps
 */
export function toLuma(
  values: Float32Array,
  { near, far, unit }: Pick<DepthFrameInfo, 'near' | 'far' | 'unit'>,
  out: Uint8ClampedArray,
): void {
  const span = LUMA_NEAR - LUMA_FAR;
  if (unit === 'disparity') {
    const scale = span / (near - far);
    const shift = LUMA_FAR - far * scale;
    for (let i = 0; i < values.length; i++) out[i] = values[i]! * scale + shift;
    return;
  }
  const scale = span / (1 / near - 1 / far);
  const shift = LUMA_FAR - scale / far;
  for (let i = 0; i < values.length; i++) out[i] = scale / values[i]! + shift;
}
