import * as av from 'node-av';
import { Picture } from '../src/video/picture.ts';

/** The 8-bit planes of a decoded picture, without padding: [Y, U, V]. */
export async function planesOf(picture: Picture): Promise<Uint8Array[]> {
  return picture.read(async (frame) => {
    const strides = frame.linesize;
    return frame.data!.map((plane, i) => {
      const width = i === 0 ? frame.width : (frame.width + 1) >> 1;
      const height = i === 0 ? frame.height : (frame.height + 1) >> 1;
      const packed = new Uint8Array(width * height);
      for (let y = 0; y < height; y++) packed.set(plane.subarray(y * strides[i]!, y * strides[i]! + width), y * width);
      return packed;
    });
  });
}

export interface Yuv {
  width: number;
  height: number;
  /** Y, U, V at a pixel; chroma is sampled at even pixels of even rows. */
  at(x: number, y: number): [number, number, number];
  colorSpace?: av.AVColorSpace;
  colorRange?: av.AVColorRange;
}

/** A 4:2:0 picture made from a formula, as a decoder would hand it out. */
export function pictureOf({ width, height, at, colorSpace, colorRange }: Yuv): Picture {
  const frame = new av.Frame();
  frame.alloc();
  frame.width = width;
  frame.height = height;
  frame.format = av.AV_PIX_FMT_YUV420P;
  if (frame.getBuffer() < 0) throw new Error('no memory for a picture');
  if (colorSpace !== undefined) frame.colorSpace = colorSpace;
  if (colorRange !== undefined) frame.colorRange = colorRange;
  const planes = frame.data!;
  const strides = frame.linesize;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [luma, u, v] = at(x, y);
      planes[0]![y * strides[0]! + x] = luma;
      if (x % 2 === 0 && y % 2 === 0) {
        planes[1]![(y >> 1) * strides[1]! + (x >> 1)] = u;
        planes[2]![(y >> 1) * strides[2]! + (x >> 1)] = v;
      }
    }
  return new Picture(frame, { rtpTimestamp: 0 });
}
