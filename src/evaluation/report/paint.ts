import { colourAt } from '../../protocol/colour-map.ts';
import { pictureUrl, rgbUrl } from '../../video/jpeg.ts';
import type { Mask } from '../align.ts';
import type { Snapshot } from '../judge.ts';

type Colour = readonly [number, number, number];

const SHADES = 256;
const UNKNOWN: Colour = [96, 96, 96];
/** Relative error at which the colours of an error map end: half as far again, or two thirds as far. */
export const ERROR_END = 1.5;
const TOO_NEAR: Colour = [28, 92, 200];
const RIGHT: Colour = [244, 244, 240];
const TOO_FAR: Colour = [200, 40, 32];
/** Share of the truth's depths left out at each end of the colours. */
const TAIL = 0.02;

const DEPTH_COLOURS = Array.from({ length: SHADES }, (_, i): Colour => {
  const [r, g, b] = colourAt('inferno', i / (SHADES - 1));
  return [255 * r, 255 * g, 255 * b];
});

/** The pictures of one frame, as addresses of inline images. */
export interface PaintedSnapshot {
  index: number;
  colour: string;
  truth: string;
  /** Undefined for those that are not shown. */
  contenders: ({ depth: string; error: string } | undefined)[];
}

/** @param shown which contenders get pictures: those of a baseline say nothing */
export async function paint(
  { index, frame, width, height, mask, depths }: Snapshot,
  shown: readonly boolean[],
): Promise<PaintedSnapshot> {
  const range = depthRange(frame.depth, mask);
  const depthUrl = (depth: Float32Array, known?: Mask) => rgbUrl(depthColours(depth, range, known), width, height);
  const contenders: PaintedSnapshot['contenders'] = [];
  for (const [n, depth] of depths.entries())
    contenders.push(
      shown[n]
        ? {
            depth: await depthUrl(depth),
            error: await rgbUrl(errorColours(depth, frame.depth, mask), width, height),
          }
        : undefined,
    );
  return { index, colour: await pictureUrl(frame.picture), truth: await depthUrl(frame.depth, mask), contenders };
}

/** Colour of the error `ratio` = predicted / true. */
export function errorColour(ratio: number): Colour {
  const t = Math.min(1, Math.abs(Math.log(ratio)) / Math.log(ERROR_END));
  const end = ratio < 1 ? TOO_NEAR : TOO_FAR;
  return [0, 1, 2].map((c) => RIGHT[c]! + (end[c]! - RIGHT[c]!) * t) as unknown as Colour;
}

/** Colour of `nearness`, 0 far to 1 near. */
export const depthColour = (nearness: number): Colour =>
  DEPTH_COLOURS[Math.round(Math.min(1, Math.max(0, nearness)) * (SHADES - 1))]!;

/** Equal ratios of depth are equal steps of colour, so that what is far shows as well as what is near. */
function depthColours(depth: Float32Array, [near, far]: [number, number], known?: Mask): Uint8Array {
  const span = Math.log(far / near) || 1;
  return coloured(depth.length, (i) => (known?.[i] === 0 ? UNKNOWN : depthColour(Math.log(far / depth[i]!) / span)));
}

function errorColours(depth: Float32Array, truth: Float32Array, mask: Mask): Uint8Array {
  return coloured(depth.length, (i) => (mask[i] === 0 ? UNKNOWN : errorColour(depth[i]! / truth[i]!)));
}

function coloured(length: number, at: (i: number) => Colour): Uint8Array {
  const rgb = new Uint8Array(3 * length);
  for (let i = 0; i < length; i++) rgb.set(at(i), 3 * i);
  return rgb;
}

function depthRange(depth: Float32Array, mask: Mask): [number, number] {
  const values = depth.filter((_, i) => mask[i] === 1).sort();
  const at = (share: number) => values[Math.round(share * (values.length - 1))] ?? 1;
  return [at(TAIL), at(1 - TAIL)];
}
