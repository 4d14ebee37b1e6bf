import { WorkerInferencer } from '../src/depth/inferencer.ts';
import { benchmarkProtocol, ScaleShiftFit, validMask } from '../src/evaluation/align.ts';
import { boundaryF1 } from '../src/evaluation/boundary.ts';
import { findModel } from '../src/model/library.ts';
import { AlignedResizer } from '../src/model/resize.ts';
import { createScene, createTarget } from '../src/scene/scene.ts';
import { FrameConverter } from '../src/video/frame-converter.ts';
import { GuidedUpsampler } from '../src/video/guided-upsampler.ts';
import { rgbaPicture } from '../src/video/index.ts';
import { Picture } from '../src/video/picture.ts';
import { InputScaler } from '../src/video/scaler.ts';
import { planesOf } from '../test/pictures.ts';
import { printTable, quantile } from '../test/support/load/table.ts';

const SIZE = { width: 640, height: 480 };
const PIXELS = SIZE.width * SIZE.height;
const SCENES = { room: 10, person: 10, tabletop: 10, street: 80, hall: 80 };
/** Frames of each scene, 0.1 s apart, behind those that fill the network's memory. */
const WARM = 8;
const FRAMES = 5;
/** Repetitions of each map's enlargement, for its time. */
const TIMES = 5;
/** Pixels from any edge of the truth at which depth counts as flat. */
const REACH = 8;

class Score {
  readonly f1: number[] = [];
  readonly near: number[] = [];
  readonly rough: number[] = [];
  readonly absRel: number[] = [];
  readonly ms: number[] = [];
}

/**
 * Depth maps brought to 640x480 in each way, against the exact depth of synthetic scenes: those of the embedded network, and
 * true depth at its size, which shows what a better network would gain. Boundary F1 is Depth Pro's, without a pixel of
 * tolerance and with one. Roughness: the mean step of log depth between neighbours that the truth does not have, away from all
 * its edges, in percent; texture that is copied into depth would show there, and on the textured wall, which is flat.
 */
export async function benchEdges(): Promise<void> {
  const model = findModel('depthcast-nano');
  const inferencer = await WorkerInferencer.create(model, { threads: 1, picture: SIZE, yields: false });
  const scores = new Map<string, Score>();
  const scoreOf = (name: string) => scores.get(name) ?? scores.set(name, new Score()).get(name)!;
  for (const [name, maxDepth] of Object.entries(SCENES)) {
    const stream = inferencer.open({ sceneCuts: false });
    const network = stream.networkSize(SIZE.width, SIZE.height);
    const scene = createScene(name, { ...SIZE, fps: 10 });
    const target = createTarget(SIZE.width, SIZE.height);
    const scaler = new InputScaler();
    const converter = new FrameConverter(SIZE.width, SIZE.height, 'bt601');
    const resizer = new AlignedResizer(network, SIZE);
    const upsampler = new GuidedUpsampler(network, SIZE);
    const out = new Float32Array(PIXELS);
    for (let n = 0; n < WARM + FRAMES; n++) {
      const { depth } = scene.renderFrame(n, target);
      const picture = rgbaPicture(target.rgba, SIZE.width, SIZE.height);
      const image = stream.takeInput(network.width, network.height);
      await scaler.scaleInto(picture, image.data, network.width, network.height);
      const yuv = new Picture(await converter.convert(picture), { rtpTimestamp: 0 });
      const planes = await planesOf(yuv);
      for (const one of [picture, yuv]) one.close();
      const map = await stream.infer(image, n / 10);
      if (n >= WARM) {
        const judge = (way: string, values: Float32Array, range: { near: number; far: number }) => {
          const measure = (label: string, enlarge: () => Float32Array) => {
            const score = scoreOf(label);
            let enlarged = enlarge();
            for (let i = 0; i < TIMES; i++) {
              const before = process.cpuUsage();
              enlarged = enlarge();
              const { user, system } = process.cpuUsage(before);
              score.ms.push((user + system) / 1000);
            }
            rate(enlarged, depth, maxDepth, score);
          };
          measure(`${way}, off`, () => {
            resizer.resize(values, out);
            return out;
          });
          for (const quality of ['fast', 'best'] as const)
            measure(`${way}, ${quality}`, () => {
              upsampler.map.set(values);
              for (const [i, plane] of upsampler.guide.entries()) plane.set(planes[i]!);
              return upsampler.values(quality, { unit: 'disparity', ...range });
            });
        };
        judge('network', map.values, map.range);
        const truth = shrunk(depth, network.width, network.height);
        judge('true depth', truth, { near: Math.max(...truth), far: 0 });
      }
      map.release();
    }
    scaler.close();
    converter.close();
    stream.close();
  }
  await inferencer.close();
  const mean = (list: number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  printTable(
    `${Object.keys(SCENES).length * FRAMES} frames of ${Object.keys(SCENES).length} scenes, 256x192 to ${SIZE.width}x${SIZE.height}`,
    ['', 'boundary F1', 'F1, 1 px', 'roughness, %', 'AbsRel', 'CPU ms'],
    [...scores].map(([way, { f1, near, rough, absRel, ms }]) => [
      way,
      mean(f1).toFixed(3),
      mean(near).toFixed(3),
      (100 * mean(rough)).toFixed(3),
      mean(absRel).toFixed(3),
      quantile(ms, 0.5).toFixed(1),
    ]),
  );
  printWall();
}

/** A slanted wall under noise of full contrast: by how much the picture bends it, against plain interpolation. */
function printWall(): void {
  const [width, height] = [256, 192];
  const upsampler = new GuidedUpsampler({ width, height }, SIZE);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) upsampler.map[y * width + x] = 0.5 + (0.4 * x) / width + (0.2 * y) / height;
  let seed = 1;
  for (const plane of upsampler.guide)
    for (let i = 0; i < plane.length; i++) {
      seed = (seed * 1664525 + 1013904223) >>> 0;
      plane[i] = seed >>> 24;
    }
  const meaning = { unit: 'disparity', near: 2, far: 0 } as const;
  const worst = (quality: 'fast' | 'best') => {
    let most = 0;
    const values = upsampler.values(quality, meaning);
    for (let y = 8; y < SIZE.height - 8; y++)
      for (let x = 8; x < SIZE.width - 8; x++) {
        const [across, down] = [((x + 0.5) * width) / SIZE.width - 0.5, ((y + 0.5) * height) / SIZE.height - 0.5];
        const plane = 0.5 + (0.4 * across) / width + (0.2 * down) / height;
        most = Math.max(most, Math.abs(values[y * SIZE.width + x]! / plane - 1));
      }
    return `${quality} ${(100 * most).toFixed(4)} %`;
  };
  console.log(`a slanted wall under coloured noise, bent by at most: ${worst('fast')}, ${worst('best')}`);
}

/** Disparity at each place of a smaller grid. */
function shrunk(depth: Float32Array, width: number, height: number): Float32Array {
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [column, row] = [((x + 0.5) * SIZE.width) / width, ((y + 0.5) * SIZE.height) / height];
      const metres = depth[Math.floor(row) * SIZE.width + Math.floor(column)]!;
      out[y * width + x] = metres > 0 && Number.isFinite(metres) ? 1 / metres : 0;
    }
  return out;
}

function rate(prediction: Float32Array, depth: Float32Array, maxDepth: number, into: Score): void {
  const protocol = { ...benchmarkProtocol(maxDepth), predictionFloor: Number.NEGATIVE_INFINITY };
  const mask = validMask(depth, protocol);
  const { scale, shift } = new ScaleShiftFit().add(prediction, depth, mask, protocol).solve();
  const metres = prediction.map((value) => 1 / Math.max(scale * value + shift, 1 / maxDepth));
  const { width, height } = SIZE;
  const f1 = boundaryF1(metres, depth, width, height);
  if (f1 !== undefined) into.f1.push(f1);
  const near = tolerantF1(metres, depth, maxDepth);
  if (near !== undefined) into.near.push(near);
  let [error, count] = [0, 0];
  for (let i = 0; i < mask.length; i++)
    if (mask[i] === 1) {
      error += Math.abs(metres[i]! - depth[i]!) / depth[i]!;
      count++;
    }
  into.absRel.push(error / count);
  const edges = grown(edgesOf(capped(depth, maxDepth), 1.05), REACH);
  let [rough, steps] = [0, 0];
  for (let i = 0; i + 1 < PIXELS; i++) {
    if ((i + 1) % width === 0 || edges[i] === 1 || edges[i + 1] === 1 || mask[i] !== 1 || mask[i + 1] !== 1) continue;
    rough += Math.abs(Math.log(metres[i + 1]! / metres[i]!) - Math.log(depth[i + 1]! / depth[i]!));
    steps++;
  }
  if (steps > 0) into.rough.push(rough / steps);
}

/** Boundary F1 with a pixel of tolerance, a mean over five ratios. */
function tolerantF1(metres: Float32Array, depth: Float32Array, maxDepth: number): number | undefined {
  const truth = capped(depth, maxDepth);
  const found: number[] = [];
  for (const ratio of [1.05, 1.1, 1.15, 1.2, 1.25]) {
    const [theirs, ours] = [edgesOf(truth, ratio), edgesOf(metres, ratio)];
    const [nearTheirs, nearOurs] = [grown(theirs, 1), grown(ours, 1)];
    let [all, hits, made, right] = [0, 0, 0, 0];
    for (let i = 0; i < PIXELS; i++) {
      all += theirs[i]!;
      hits += theirs[i]! & nearOurs[i]!;
      made += ours[i]!;
      right += ours[i]! & nearTheirs[i]!;
    }
    if (all === 0) continue;
    const [recall, precision] = [hits / all, right / Math.max(1, made)];
    found.push((2 * recall * precision) / Math.max(1e-9, recall + precision));
  }
  return found.length === 0 ? undefined : found.reduce((a, b) => a + b, 0) / found.length;
}

const capped = (depth: Float32Array, most: number): Float32Array =>
  depth.map((metres) => (metres > 0 && metres < most ? metres : most));

function edgesOf(metres: Float32Array, ratio: number): Uint8Array {
  const { width } = SIZE;
  const differs = (i: number, j: number) => metres[i]! > ratio * metres[j]! || metres[j]! > ratio * metres[i]!;
  const edges = new Uint8Array(PIXELS);
  for (let i = 0; i < PIXELS; i++)
    if ((i % width > 0 && differs(i, i - 1)) || (i >= width && differs(i, i - width))) edges[i] = 1;
  return edges;
}

/** Edges, and all within `reach` pixels of them. */
function grown(edges: Uint8Array, reach: number): Uint8Array {
  const { width, height } = SIZE;
  const [across, out] = [new Uint8Array(PIXELS), new Uint8Array(PIXELS)];
  for (let i = 0; i < PIXELS; i++)
    if (edges[i] === 1)
      across.fill(1, i - Math.min(reach, i % width), i + 1 + Math.min(reach, width - 1 - (i % width)));
  for (let i = 0; i < PIXELS; i++) {
    if (across[i] === 0) continue;
    const y = Math.floor(i / width);
    for (let row = Math.max(0, y - reach); row <= Math.min(height - 1, y + reach); row++)
      out[row * width + (i % width)] = 1;
  }
  return out;
}
