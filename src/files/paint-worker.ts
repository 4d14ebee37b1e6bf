import { workerData } from 'node:worker_threads';
import { metresOf } from '../geometry/metric-values.ts';
import { AlignedResizer } from '../model/resize.ts';
import type { Size } from '../model/size.ts';
import type { MetricMap } from '../protocol/index.ts';
import { GuidedUpsampler } from '../video/guided-upsampler.ts';
import { Painter, toShades, type YuvPlanes } from '../video/painter.ts';
import { answerRequests } from '../worker-answers.ts';
import { NpzWriter } from './npz.ts';
import type { PaintAnswer, PaintBoot, PaintCalls, PaintRequest } from './paint-protocol.ts';
import { writePoints } from './points-files.ts';

// Maps are brought to their size, painted and written as numbers here: work in JavaScript, milliseconds a frame, kept off
// the thread that feeds the network. No codecs: they work in the libuv pool anyway.

const boot = workerData as PaintBoot;
const { width, height } = boot.size;
const painter = new Painter(width, height, boot.grayscale ? 'gray' : 'inferno', boot.matrix);
const pixels = (width + (width & 1)) * (height + (height & 1));
const full = new Float32Array(width * height);
const shades = new Uint8ClampedArray(width * height);
let resizer: { key: string; resizer: AlignedResizer } | undefined;
let anchored: Float32Array | undefined;
let npz: NpzWriter | undefined;
let upsampler: { key: string; upsampler: GuidedUpsampler } | undefined;

answerRequests<PaintCalls, void>({ paint, finish }, async () => {
  if (boot.npz !== undefined) npz = await NpzWriter.create(boot.npz, width, height, boot.keep);
});

async function paint(request: PaintRequest, transfer: ArrayBuffer[]): Promise<PaintAnswer> {
  const { values, shades: enlarged, guide, points, metres, near, far } = request;
  const picture = boot.wantsPicture ? (request.picture ?? new Uint8Array((3 * pixels) / 2)) : undefined;
  const needsMap = npz !== undefined || boot.wantsMap || points !== undefined;
  const sized = needsMap || guide ? fullSize(request) : undefined;
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
  const numbers = sized && needsMap ? numbersOf(sized, metres) : undefined;
  const written = numbers && points && guide ? await writePoints(numbers, guide, points, boot) : undefined;
  if (numbers) await npz?.write(numbers);
  const map = boot.wantsMap ? (request.map ?? new Float32Array(full.length)) : undefined;
  if (numbers) map?.set(numbers);
  for (const memory of [values, enlarged?.data, guide, picture, map]) if (memory) transfer.push(memory.buffer);
  return { values, shades: enlarged?.data, guide, picture, map, points: written };
}

/** What is written of a map: itself, or metres by its anchors, NaN without any. */
function numbersOf(sized: Float32Array, metres: MetricMap | undefined): Float32Array {
  if (!boot.anchored) return sized;
  anchored ??= new Float32Array(full.length);
  if (metres === undefined) return anchored.fill(Number.NaN);
  metresOf(sized, boot.metric ? 'metres' : 'disparity', metres, anchored);
  return anchored;
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

function fullSize({ values, size, guide, near, far }: PaintRequest): Float32Array {
  if (guide && boot.upsampling !== 'off' && GuidedUpsampler.fits(size, boot.size)) {
    const guided = upsamplerFor(size);
    guided.map.set(values);
    let at = 0;
    for (const plane of guided.guide) {
      plane.set(guide.subarray(at, at + plane.length));
      at += plane.length;
    }
    return guided.values(boot.upsampling, { unit: boot.metric ? 'metres' : 'disparity', near, far });
  }
  if (size.width === width && size.height === height) return values;
  resizerFor(size).resize(values, full);
  return full;
}

function upsamplerFor(size: Size): GuidedUpsampler {
  const key = `${size.width}x${size.height}`;
  if (upsampler?.key !== key) upsampler = { key, upsampler: new GuidedUpsampler(size, boot.size) };
  return upsampler.upsampler;
}

function resizerFor(size: Size): AlignedResizer {
  const key = `${size.width}x${size.height}`;
  if (resizer?.key !== key) resizer = { key, resizer: new AlignedResizer(size, boot.size) };
  return resizer.resizer;
}

async function finish(): Promise<void> {
  await npz?.finish();
}
