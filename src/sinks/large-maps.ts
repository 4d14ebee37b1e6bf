import type { LiveDepth } from '../stream/live-depth.ts';
import { FrameConverter } from '../video/frame-converter.ts';
import { type EnlargedValues, enlargeValues, mayEnlarge } from '../video/upsampling.ts';

/** A depth map, row-major. */
interface SizedMap {
  values: Float32Array;
  width: number;
  height: number;
}

/** Depth maps of their pictures' size, enlarged as their stream says, once for all that want them. */
export class LargeMaps {
  readonly #maxSide: number;
  #converter: { width: number; height: number; converter: FrameConverter } | undefined;

  /** @param maxSide pictures count as scaled down to this side */
  constructor(maxSide: number) {
    this.#maxSide = maxSide;
  }

  /**
   * @returns of the network's size where the picture is unknown or no larger; valid as long as the depth is retained
   * @throws DepthcastError CODEC_FAILED, BUSY, INTERNAL
   */
  async of(depth: LiveDepth): Promise<SizedMap> {
    const { map, info, source } = depth;
    const { sourceWidth, sourceHeight, unit, near, far } = info;
    const shrink = Math.min(1, this.#maxSide / Math.max(sourceWidth, sourceHeight));
    const even = (side: number) => Math.max(2, 2 * Math.round((side * shrink) / 2));
    const [width, height] = [even(sourceWidth), even(sourceHeight)];
    if (!source || !mayEnlarge(map, { width, height })) return map;
    const { picture, upsampling } = source;
    return depth.shared<EnlargedValues>(`values ${width}x${height}`, async () => {
      const colour = await this.#converterFor(width, height).convert(picture);
      try {
        const { values, width, height } = map;
        return await enlargeValues({ values, width, height, unit, near, far }, colour, upsampling);
      } finally {
        colour.free();
      }
    });
  }

  /** Idempotent. */
  close(): void {
    this.#converter?.converter.close();
    this.#converter = undefined;
  }

  #converterFor(width: number, height: number): FrameConverter {
    const kept = this.#converter;
    if (kept?.width === width && kept.height === height) return kept.converter;
    kept?.converter.close();
    const converter = new FrameConverter(width, height, 'bt601');
    this.#converter = { width, height, converter };
    return converter;
  }
}
