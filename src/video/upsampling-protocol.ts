import type { Upsampling } from '../protocol/output.ts';
import type { LumaRange, MapMeaning } from './guided-upsampler.ts';

export interface EnlargeRequest {
  /** Of the map and of the picture, in pixels. */
  from: { width: number; height: number };
  to: { width: number; height: number };
  /** `off` only for values. */
  quality: Upsampling;
  meaning: MapMeaning;
  /** Luma is wanted; without it, values. */
  range: LumaRange | undefined;
  /** The map, as floats, and behind it Y, U and V of the picture, 4:2:0, without padding. */
  memory: ArrayBuffer;
}

/** The same memory: luma of the picture's size stands where Y was, or values of its size at the beginning. */
export interface EnlargeAnswer {
  memory: ArrayBuffer;
}

export type UpsamplingCalls = {
  enlarge(request: EnlargeRequest): EnlargeAnswer;
};

/** Where the parts of `memory` begin, and its length, in bytes. */
export function partsOf({ from, to, range }: Pick<EnlargeRequest, 'from' | 'to' | 'range'>) {
  const luma = 4 * from.width * from.height;
  const pixels = to.width * to.height;
  const cb = luma + pixels;
  const chroma = ((to.width + 1) >> 1) * ((to.height + 1) >> 1);
  const sent = cb + 2 * chroma;
  return { luma, cb, cr: cb + chroma, sent, length: range ? sent : Math.max(sent, 4 * pixels) };
}
