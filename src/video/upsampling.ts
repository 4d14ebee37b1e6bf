import type * as av from 'node-av';
import type { Upsampling } from '../protocol/output.ts';
import { startThread } from '../threads.ts';
import { WorkerChannel } from '../worker-channel.ts';
import type { LumaRange, MapMeaning } from './guided-upsampler.ts';
import { GuidedUpsampler } from './guided-upsampler.ts';
import { partsOf, type UpsamplingCalls } from './upsampling-protocol.ts';

/** Memory of requests that is kept for later ones. */
const SPARE = 4;

let channel: WorkerChannel<UpsamplingCalls> | undefined;
const spare: ArrayBuffer[] = [];

/** One thread for all streams of this one (the main thread, or a media worker), started with the first request; it does not keep the process from ending. */
function open(): WorkerChannel<UpsamplingCalls> {
  if (channel !== undefined) return channel;
  const thread = startThread(import.meta.url, './upsampling-worker', { name: 'upsampling' });
  thread.unref();
  const opened = new WorkerChannel<UpsamplingCalls>(thread, 'INTERNAL');
  channel = opened;
  // The next request starts another.
  void opened.gone.then(() => {
    if (channel === opened) channel = undefined;
  });
  return opened;
}

/** A map and what its values mean. */
export interface MeantMap extends MapMeaning {
  values: Float32Array;
  width: number;
  height: number;
}

/** Luma of a picture's size, [height * width], in memory that `release` gives back. */
export interface EnlargedLuma {
  data: Uint8Array;
  width: number;
  height: number;
  release(): void;
}

/** Whether a map is small enough to be enlarged to a picture's size. */
export const mayEnlarge = GuidedUpsampler.fits;

/** Values of a picture's size, [height * width], in memory that `release` gives back. */
export interface EnlargedValues {
  values: Float32Array;
  width: number;
  height: number;
  release(): void;
}

/**
 * Depth as luma, enlarged along the edges of its picture.
 * @param map read before this returns. @param picture 4:2:0, 8 bits, of the size wanted; read before this returns
 * @throws DepthcastError BUSY when there is no memory; INTERNAL when the thread died, which the next call starts again
 */
export async function enlargeLuma(
  map: MeantMap,
  picture: av.Frame,
  quality: 'fast' | 'best',
  range: LumaRange,
): Promise<EnlargedLuma> {
  const { width, height } = picture;
  const { memory, release, luma } = await enlarge(map, picture, quality, range);
  return { data: new Uint8Array(memory, luma, width * height), width, height, release };
}

/** Depth in the unit of the map, of its picture's size: the same, or with `off` interpolated. */
export async function enlargeValues(map: MeantMap, picture: av.Frame, quality: Upsampling): Promise<EnlargedValues> {
  const { width, height } = picture;
  const { memory, release } = await enlarge(map, picture, quality, undefined);
  return { values: new Float32Array(memory, 0, width * height), width, height, release };
}

async function enlarge(map: MeantMap, picture: av.Frame, quality: Upsampling, range: LumaRange | undefined) {
  const { width, height } = picture;
  const sizes = { from: { width: map.width, height: map.height }, to: { width, height }, range };
  const { luma, cb, cr, length } = partsOf(sizes);
  const at = spare.findIndex(({ byteLength }) => byteLength === length);
  const memory = at < 0 ? new ArrayBuffer(length) : spare.splice(at, 1)[0]!;
  new Float32Array(memory, 0, luma / 4).set(map.values);
  for (const [n, offset] of [luma, cb, cr].entries()) {
    const [row, rows] = n === 0 ? [width, height] : [(width + 1) >> 1, (height + 1) >> 1];
    const [plane, stride] = [picture.data![n]!, picture.linesize[n]!];
    const target = new Uint8Array(memory, offset, row * rows);
    for (let y = 0; y < rows; y++) target.set(plane.subarray(y * stride, y * stride + row), y * row);
  }
  const { unit, near, far } = map;
  const request = { ...sizes, quality, meaning: { unit, near, far }, memory };
  const { memory: back } = await open().request('enlarge', request, [memory]);
  const release = () => {
    spare.push(back);
    if (spare.length > SPARE) spare.shift();
  };
  return { memory: back, luma, release };
}
