import { workerData } from 'node:worker_threads';
import { AlignedResizer } from '../model/resize.ts';
import type { Size } from '../model/size.ts';
import { Painter, toShades, type YuvPlanes } from '../video/painter.ts';
import { answerRequests } from '../worker-channel.ts';
import { NpzWriter } from './npz.ts';
import type { PaintAnswer, PaintBoot, PaintCalls, PaintRequest } from './paint-protocol.ts';

// Maps are brought to their size, painted and written as numbers here: work in JavaScript, milliseconds a frame, kept off
// the thread that feeds the network. No codecs: they work in the libuv pool anyway.

const boot = workerData as PaintBoot;
const { width, height } = boot.size;
const painter = new Painter(width, height, boot.grayscale ? 'gray' : 'inferno', boot.matrix);
const pixels = (width + (width & 1)) * (height + (height & 1));
const full = new Float32Array(width * height);
const shades = new Uint8ClampedArray(width * height);
let resizer: { key: string; resizer: AlignedResizer } | undefined;
let npz: NpzWriter | undefined;

answerRequests<PaintCalls, void>({ paint, finish }, async () => {
  if (boot.npz !== undefined) npz = await NpzWriter.create(boot.npz, width, height, boot.keep);
});

async function paint(request: PaintRequest, transfer: ArrayBuffer[]): Promise<PaintAnswer> {
  const { values, shades: enlarged, near, far } = request;
  const picture = boot.wantsPicture ? (request.picture ?? new Uint8Array((3 * pixels) / 2)) : undefined;
  const needsMap = npz !== undefined || boot.wantsMap;
  const sized = needsMap ? fullSize(request) : undefined;
  if (picture) {
    const yuv = planesOf(picture);
    if (sized) painter.paint(sized, near, far, yuv);
    else if (enlarged) painter.paintShades(enlarged.data, yuv, enlarged);
    else {
      // Only to be looked at: enlarged as shades, which takes half the time.
      toShades(values, near, far, values);
      resizerFor(request.size).resize(values, shades);
      painter.paintShades(shades, yuv);
    }
  }
  if (sized) await npz?.write(sized);
  const map = boot.wantsMap ? (request.map ?? new Float32Array(full.length)) : undefined;
  if (sized) map?.set(sized);
  for (const memory of [values, enlarged?.data, picture, map]) if (memory) transfer.push(memory.buffer);
  return { values, shades: enlarged?.data, picture, map };
}

function planesOf(picture: Uint8Array): YuvPlanes {
  const row = width + (width & 1);
  const planes = [
    picture.subarray(0, pixels),
    picture.subarray(pixels, (5 * pixels) / 4),
    picture.subarray((5 * pixels) / 4),
  ];
  return { planes, strides: [row, row / 2, row / 2] };
}

function fullSize({ values, size }: PaintRequest): Float32Array {
  if (size.width === width && size.height === height) return values;
  resizerFor(size).resize(values, full);
  return full;
}

function resizerFor(size: Size): AlignedResizer {
  const key = `${size.width}x${size.height}`;
  if (resizer?.key !== key) resizer = { key, resizer: new AlignedResizer(size, boot.size) };
  return resizer.resizer;
}

async function finish(): Promise<void> {
  await npz?.finish();
}
