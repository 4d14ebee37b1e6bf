import type { LumaRange, MapMeaning } from './guided-upsampler.ts';

export interface EnlargeRequest {
  /** Of the map and of the picture, in pixels. */
  from: { width: number; height: number };
  to: { width: number; height: number };
  quality: 'fast' | 'best';
  meaning: MapMeaning;
  range: LumaRange;
  /** The map, as floats, and behind it Y, U and V of the picture, 4:2:0, without padding. */
  memory: ArrayBuffer;
}

/** The same memory: luma of the picture's size stands where Y was. */
export interface EnlargeAnswer {
  memory: ArrayBuffer;
}

export type UpsamplingCalls = {
  enlarge(request: EnlargeRequest): EnlargeAnswer;
};

/** Where the parts of `memory` begin, and its length, in bytes. */
export function partsOf({ from, to }: Pick<EnlargeRequest, 'from' | 'to'>) {
  const luma = 4 * from.width * from.height;
  const cb = luma + to.width * to.height;
  const chroma = ((to.width + 1) >> 1) * ((to.height + 1) >> 1);
  return { luma, cb, cr: cb + chroma, length: cb + 2 * chroma };
}
