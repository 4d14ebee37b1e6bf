import type { ModelManifest } from './manifest.ts';

/** Network sizes as the official Depth Anything and Video Depth Anything code chooses them. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** From this ratio of the sides on, the input size shrinks, so that wide videos do not take more memory than 16:9. */
const WIDEST = 1.78;
const MAX_TARGET_RATIO = 1.777;

/**
 * The network size for a picture: its shorter side about `inputSize`, the aspect ratio kept as well as multiples of
 * `multipleOf` allow, neither side below `inputSize`.
 *
 * @param inputSize Length of the shorter side in pixels; 518 is what the networks were trained at.
 */
export function networkSize(picture: Size, inputSize: number, multipleOf = 14): Size {
  const { width, height } = picture;
  const ratio = Math.max(width, height) / Math.min(width, height);
  const narrowed = roundEven(Math.trunc((inputSize * MAX_TARGET_RATIO) / ratio) / multipleOf) * multipleOf;
  const side = ratio > WIDEST ? Math.max(multipleOf, narrowed) : inputSize;
  const scale = Math.max(side / width, side / height);
  const along = (length: number) => {
    const rounded = roundEven((scale * length) / multipleOf) * multipleOf;
    return rounded < side ? Math.ceil((scale * length) / multipleOf) * multipleOf : rounded;
  };
  return { width: along(width), height: along(height) };
}

/** Halves go to the even neighbour, as in Python and NumPy. */
export function roundEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The network size of a stream: the one that is wanted where the model has it, else the model's own. */
export function resolveSize(model: Pick<ModelManifest, 'size'>, wanted: number | null | undefined): number {
  const { sizes, default: own } = allowedSizes(model);
  return wanted != null && sizes.includes(wanted) ? wanted : own;
}

/** The sizes that may be chosen, in pixels, and the one taken when nothing is said. */
export function allowedSizes({ size }: Pick<ModelManifest, 'size'>): { sizes: number[]; default: number } {
  if ('longSides' in size) return { sizes: size.longSides, default: size.default };
  if ('fixed' in size) {
    const only = Math.min(size.fixed.width, size.fixed.height);
    return { sizes: [only], default: only };
  }
  const { from, to } = size.shortSides;
  const sizes: number[] = [];
  for (let s = Math.ceil(from / size.multipleOf) * size.multipleOf; s <= to; s += size.multipleOf) sizes.push(s);
  return { sizes, default: size.default };
}
