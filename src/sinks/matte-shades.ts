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

let count = 0;

/**
 * One matte of a stream, for all tracks that show it: of each depth map once, steady in time, and enlarged along the edges of the
 * map's picture, whatever depth itself is enlarged by.
 */
export class MatteShades {
  readonly #id = ++count;
  readonly #view: MatteView;
  readonly #filter = new MatteFilter();
  readonly #steadier = new MatteSteadier();
  readonly #range: { near: number; far: number };
  #plain = new Uint8ClampedArray(0);

  /** @param range luma of white (`near`) and black (`far`) */
  constructor(view: MatteView, range: { near: number; far: number }) {
    this.#view = view;
    this.#range = range;
  }

  /**
   * @param converter brings the picture to that size
   * @returns valid until the next call, and as long as the depth is retained
   * @throws DepthcastError CODEC_FAILED, BUSY, INTERNAL
   */
  async of(depth: LiveDepth, size: Size, converter: () => FrameConverter): Promise<Shades> {
    const { source, map } = depth;
    if (source === undefined || !mayEnlarge(map, size)) return this.#plainly(depth);
    const quality = source.upsampling === 'off' ? 'fast' : source.upsampling;
    return depth.shared(`matte ${this.#id} ${size.width}x${size.height}`, async (): Promise<EnlargedLuma> => {
      const colour = await converter().convert(source.picture);
      try {
        const alpha = this.#update(depth);
        const moving = Uint8Array.from(this.#filter.moving);
        const meant = { ...MEANING, values: alpha, width: map.width, height: map.height };
        const enlarged = await enlargeLuma(meant, colour, quality, this.#range);
        this.#steadier.steady(enlarged.data, size, moving, map);
        return enlarged;
      } finally {
        colour.free();
      }
    });
  }

  #update({ map, info, metric }: LiveDepth): Float32Array {
    const { unit, near, far, epoch } = info;
    const { values, width, height } = map;
    return this.#filter.update({ values, width, height, unit, near, far, epoch, metric }, this.#view.settings);
  }

  #plainly(depth: LiveDepth): Shades {
    const alpha = this.#update(depth);
    const { near, far } = this.#range;
    if (this.#plain.length !== alpha.length) this.#plain = new Uint8ClampedArray(alpha.length);
    for (let i = 0; i < alpha.length; i++) this.#plain[i] = far + (near - far) * alpha[i]!;
    return { data: this.#plain, width: depth.map.width, height: depth.map.height };
  }
}
