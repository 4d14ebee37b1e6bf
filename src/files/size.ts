import { roundEven, type Size } from '../model/size.ts';

/** The size of what is written for a picture: no side above `maxRes` (-1: any), the aspect kept, sides even where it shrinks. */
export function writtenSize({ width, height }: Size, maxRes: number): Size {
  const longest = Math.max(width, height);
  if (maxRes <= 0 || longest <= maxRes) return { width, height };
  const along = (side: number) => {
    const scaled = roundEven((side * maxRes) / longest);
    return scaled + (scaled & 1);
  };
  return { width: along(width), height: along(height) };
}
