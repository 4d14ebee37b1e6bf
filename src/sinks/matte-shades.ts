import { MatteFilter, MatteSteadier } from '../geometry/matte.ts';
import type { LiveDepth } from '../stream/live-depth.ts';
import type { MatteView } from '../stream/matte-control.ts';
import type { FrameConverter } from '../video/frame-converter.ts';
import type { Shades } from '../video/index.ts';
import { type EnlargedLuma, enlargeLuma, mayEnlarge } from '../video/upsampling.ts';

interface Size {
  width: number;
  height: number;
}

/** What a matte counts as on its way through the upsampler: depth from 0 to 1. */
const MEANING = { unit: 'disparity', near: 1, far: 0 } as const;

/** Sizes of one matte that are kept steady at a time. */
const MAX_SIZES = 4;

interface Shaded {
  alpha: Float32Array;
  moving: Uint8Array;
  release(): void;
}

let count = 0;

/**
 * One matte of a stream, for all tracks that show it: of each depth map once, steady in time, and enlarged along the edges of the
 * map's picture, whatever depth itself is enlarged by.
 */
export class MatteShades {
  readonly #id = ++count;
  readonly #view: MatteView;
  readonly #filter = new MatteFilter();
  /** By the picture's size: viewers and outputs may have others. The last used last. */
  readonly #steadiers = new Map<string, MatteSteadier>();
  readonly #range: { near: number; far: number };

  /** @param range luma of white (`near`) and black (`far`) */
  constructor(view: MatteView, range: { near: number; far: number }) {
    this.#view = view;
    this.#range = range;
  }

  /**
   * @param converter brings the picture to that size
   * @returns valid as long as the depth is retained
   * @throws DepthcastError CODEC_FAILED, BUSY, INTERNAL
   */
  async of(depth: LiveDepth, size: Size, converter: () => FrameConverter): Promise<Shades> {
    const { source, map } = depth;
    if (source === undefined || !mayEnlarge(map, size)) return this.#plainly(depth);
    const quality = source.upsampling === 'off' ? 'fast' : source.upsampling;
    return depth.shared(`matte ${this.#id} ${size.width}x${size.height}`, async (): Promise<EnlargedLuma> => {
      const colour = await converter().convert(source.picture);
      try {
        const { alpha, moving } = await this.#shaded(depth);
        const meant = { ...MEANING, values: alpha, width: map.width, height: map.height };
        const enlarged = await enlargeLuma(meant, colour, quality, this.#range);
        this.#steadierOf(size).steady(enlarged.data, size, moving, map);
        return enlarged;
      } finally {
        colour.free();
      }
    });
  }

  /** The filter looks at each map once, whatever the number of sizes. */
  #shaded(depth: LiveDepth): Promise<Shaded> {
    return depth.shared(`matte ${this.#id}`, async () => {
      const alpha = this.#update(depth).slice();
      return { alpha, moving: this.#filter.moving.slice(), release() {} };
    });
  }

  #steadierOf({ width, height }: Size): MatteSteadier {
    const key = `${width}x${height}`;
    const steadier = this.#steadiers.get(key) ?? new MatteSteadier();
    this.#steadiers.delete(key);
    this.#steadiers.set(key, steadier);
    if (this.#steadiers.size > MAX_SIZES) this.#steadiers.delete(this.#steadiers.keys().next().value!);
    return steadier;
  }

  #update({ map, info, metric }: LiveDepth): Float32Array {
    const { unit, near, far, epoch } = info;
    const { values, width, height } = map;
    return this.#filter.update({ values, width, height, unit, near, far, epoch, metric }, this.#view.settings);
  }

  /** Of the map's own size. */
  #plainly(depth: LiveDepth): Promise<Shades> {
    return depth.shared(`matte ${this.#id} plain`, async () => {
      const { alpha } = await this.#shaded(depth);
      const { near, far } = this.#range;
      const data = new Uint8ClampedArray(alpha.length);
      for (let i = 0; i < alpha.length; i++) data[i] = far + (near - far) * alpha[i]!;
      return { data, width: depth.map.width, height: depth.map.height, release() {} };
    });
  }
}
