import { writeFileAtomically } from '../atomic-file.ts';
import { type MetricFrame, pointCloud, type Rgba, toGlb, toPly, triangles } from '../geometry/index.ts';
import type { Size } from '../model/size.ts';
import type { YuvMatrix } from '../video/yuv.ts';
import { diskError } from './disk.ts';
import type { PointFiles } from './paint-protocol.ts';

/** What of red, green and blue is luma (ITU-R BT.601 and BT.709). */
const WEIGHTS = { bt601: [0.299, 0.114], bt709: [0.2126, 0.0722] } as const;

/**
 * Writes the points of one frame in the colours of its picture. None where no pixel is a point.
 * @param metres [height * width]. @param yuv the picture, 4:2:0 in limited range, of the same size without padding
 * @returns how many. @throws DepthcastError DISK_FULL
 */
export async function writePoints(
  metres: Float32Array,
  yuv: Uint8Array,
  { ply, glb, intrinsics }: PointFiles,
  { size, matrix }: { size: Size; matrix: YuvMatrix },
): Promise<number> {
  const { width, height } = size;
  const frame: MetricFrame = {
    ...size,
    sourceWidth: width,
    sourceHeight: height,
    values: metres,
    unit: 'metres',
    intrinsics,
  };
  const cloud = pointCloud(frame, rgbaOf(yuv, size, matrix));
  const write = async (path: string, bytes: Uint8Array) =>
    writeFileAtomically(path, bytes, { temporary: `${path}.part` }).catch(diskError(path));
  if (ply && cloud.count > 0)
    await write(ply, toPly(cloud, `depthcast, metres, x right, y up, looking along -z, camera ${intrinsics.source}`));
  if (glb && cloud.count > 0) await write(glb, toGlb(cloud, triangles(cloud, frame)));
  return cloud.count;
}

function rgbaOf(yuv: Uint8Array, { width, height }: Size, matrix: YuvMatrix): Rgba {
  const [kr, kb] = WEIGHTS[matrix];
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  const half = (width + 1) >> 1;
  const [cb, cr] = [width * height, width * height + half * ((height + 1) >> 1)];
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const at = (y >> 1) * half + (x >> 1);
      const luma = (255 / 219) * (yuv[i]! - 16);
      const b = (255 / 112) * (1 - kb) * (yuv[cb + at]! - 128);
      const r = (255 / 112) * (1 - kr) * (yuv[cr + at]! - 128);
      data[4 * i] = luma + r;
      data[4 * i + 1] = luma - (kb * b + kr * r) / (1 - kr - kb);
      data[4 * i + 2] = luma + b;
    }
  return { data, width, height };
}
