import * as av from 'node-av';
import { emptyFrame, fillRows } from './native.ts';
import { Picture, type PictureOrigin } from './picture.ts';

/**
 * A picture of raw YUV 4:2:0 samples, BT.601 limited range, for sources that are not compressed.
 * @param planes Y [height*width], then U and V [ceil(height/2)*ceil(width/2)], one behind the other; copied
 * @throws DepthcastError CODEC_FAILED when memory cannot be had
 */
export function rawPicture(
  planes: Uint8Array,
  width: number,
  height: number,
  rtpTimestamp: number,
  origin: Partial<PictureOrigin> = {},
): Picture {
  const frame = emptyFrame(width, height, av.AV_PIX_FMT_YUV420P);
  let from = 0;
  frame.data!.forEach((plane, index) => {
    const w = index === 0 ? width : (width + 1) >> 1;
    const h = index === 0 ? height : (height + 1) >> 1;
    const stride = frame.linesize[index]!;
    for (let y = 0; y < h; y++, from += w) plane.set(planes.subarray(from, from + w), y * stride);
  });
  const at = performance.now();
  return new Picture(frame, { firstPacketAt: at, lastPacketAt: at, ...origin, rtpTimestamp });
}

/**
 * A picture of full-range RGB.
 * @param rgba [height*width*4], copied
 * @throws DepthcastError CODEC_FAILED when memory cannot be had
 */
export function rgbaPicture(rgba: Uint8ClampedArray, width: number, height: number): Picture {
  const frame = emptyFrame(width, height, av.AV_PIX_FMT_RGBA);
  frame.colorSpace = av.AVCOL_SPC_RGB;
  frame.colorRange = av.AVCOL_RANGE_JPEG;
  fillRows(frame, rgba, 4);
  return new Picture(frame, { rtpTimestamp: 0 });
}
