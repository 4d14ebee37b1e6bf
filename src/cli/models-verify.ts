import type { Config } from '../config/schema.ts';
import { WorkerInferencer } from '../depth/inferencer.ts';
import { OfflineEngine } from '../depth/offline.ts';
import { DepthcastError } from '../errors.ts';
import type { InstalledModel } from '../model/library.ts';
import { NpyFile } from '../model/npy.ts';
import { OFFLINE_WINDOW_FRAMES, OfflineStitcher, offlineWindows } from '../model/offline-windows.ts';
import { PARITY_TOLERANCE } from '../model/precision.ts';
import { resizeAligned } from '../model/resize.ts';
import { type CheckpointOptions, chosenModel } from './models-options.ts';
import { say, style } from './terminal.ts';

/** Of the official code's float16 and resizing on the way, over windows that are joined by least squares. */
const OFFLINE_TOLERANCE = 2e-3;

export interface VerifyOptions extends CheckpointOptions {
  inputs: string;
  expected: string;
  offline?: boolean;
  tolerance?: number;
}

/** @throws DepthcastError PARITY_FAILED past the tolerance; BAD_ARRAY, BAD_SIZE and what loading a model throws */
export async function verify(name: string, options: VerifyOptions, config: Config): Promise<void> {
  const model = chosenModel(name, options, config);
  const inputs = new NpyFile(options.inputs);
  const expected = new NpyFile(options.expected);
  checkShapes(model, inputs, expected, options.offline ?? false);
  const { precision } = model.manifest;
  const usual = options.offline ? OFFLINE_TOLERANCE : PARITY_TOLERANCE[precision];
  const tolerance = options.tolerance ?? usual;
  const difference = new Difference();
  const maps = options.offline ? offlineDepth(model, inputs, expected) : streamedDepth(model, inputs);
  let frame = 0;
  for await (const map of maps) difference.add(map, expected.item(frame), frame++);
  inputs.close();
  expected.close();

  const { max, mean, at, largest } = difference.result();
  const mode = options.offline ? 'offline' : 'streamed';
  say(`${frame} frames ${mode}, ${inputs.shape[3]}x${inputs.shape[2]}, ${precision}, values up to ${number(largest)}`);
  say(`  max abs error   ${number(max)} ${style.dim(`in frame ${at}`)}`);
  say(`  mean abs error  ${number(mean)}`);
  if (!(max <= tolerance))
    throw new DepthcastError('PARITY_FAILED', { detail: `${number(max)}, the tolerance is ${number(tolerance)}` });
  say(`  ${style.green('within')}          ${number(tolerance)}`);
}

function checkShapes({ manifest }: InstalledModel, inputs: NpyFile, expected: NpyFile, offline: boolean): void {
  const [frames, channels, height, width] = inputs.shape;
  if (inputs.shape.length !== 4 || channels !== 3)
    throw new DepthcastError('BAD_ARRAY', { detail: `the inputs are [${inputs.shape}], not [N,3,H,W]` });
  if ('fixed' in manifest.size && (manifest.size.fixed.width !== width || manifest.size.fixed.height !== height))
    throw new DepthcastError('BAD_SIZE', {
      detail: `${width}x${height}; the graph is for ${manifest.size.fixed.width}x${manifest.size.fixed.height}`,
    });
  const [maps, ...map] = expected.shape;
  const [rows, columns] = map.length === 3 && map[0] === 1 ? map.slice(1) : map;
  const fits = offline || (rows === height && columns === width);
  if (maps !== frames || rows === undefined || columns === undefined || map.length > 3 || !fits)
    throw new DepthcastError('BAD_ARRAY', {
      detail: `${expected.shape.join('x')} expected values for inputs of ${inputs.shape.join('x')}`,
    });
}

/** One frame after the other through the depth worker, as the server runs them; a map is valid until the next. */
async function* streamedDepth(model: InstalledModel, inputs: NpyFile): AsyncGenerator<Float32Array> {
  const [frames, , height, width] = inputs.shape as [number, number, number, number];
  // The inputs are normalised already: with these, the worker's own normalisation is exact and changes nothing.
  const manifest = { ...model.manifest, normalise: { mean: [0, 0, 0], std: [1, 1, 1] } } as typeof model.manifest;
  const inferencer = await WorkerInferencer.create({ ...model, manifest });
  try {
    const stream = inferencer.open({ sceneCuts: false });
    for (let n = 0; n < frames; n++) {
      const image = stream.takeInput(width, height);
      image.data.set(inputs.item(n));
      const map = await stream.infer(image, n / 30);
      yield map.values;
      map.release();
    }
  } finally {
    await inferencer.close();
  }
}

/** Windows of 32 frames, joined at the size of the expected maps, as the official code does. */
async function* offlineDepth(model: InstalledModel, inputs: NpyFile, expected: NpyFile): AsyncGenerator<Float32Array> {
  const [frames, , height, width] = inputs.shape as [number, number, number, number];
  const [rows, columns] = expected.shape.slice(-2) as [number, number];
  const engine = await OfflineEngine.load(model, { width, height });
  try {
    const stitcher = new OfflineStitcher(rows * columns, { metric: model.manifest.unit === 'metres' });
    const images = new Float32Array(OFFLINE_WINDOW_FRAMES * 3 * width * height);
    let made = 0;
    for (const window of offlineWindows(frames)) {
      for (const [i, n] of window.entries()) images.set(inputs.item(n), i * 3 * width * height);
      const depths = await engine.run(images);
      const same = rows === height && columns === width;
      const resized = same ? depths : resizeAligned(depths, { width, height }, { width: columns, height: rows });
      for (const map of stitcher.push(resized)) if (made++ < frames) yield map;
    }
    for (const map of stitcher.finish()) if (made++ < frames) yield map;
  } finally {
    await engine.release();
  }
}

class Difference {
  #max = 0;
  #at = 0;
  #sum = 0;
  #count = 0;
  #largest = 0;

  add(map: Float32Array, expected: Float32Array, frame: number): void {
    for (let i = 0; i < expected.length; i++) {
      const error = Math.abs(map[i]! - expected[i]!);
      // Written so that a NaN counts as the largest error.
      if (!(error <= this.#max)) {
        this.#max = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
        this.#at = frame;
      }
      this.#sum += error;
      this.#largest = Math.max(this.#largest, Math.abs(expected[i]!));
    }
    this.#count += expected.length;
  }

  result() {
    return { max: this.#max, mean: this.#sum / this.#count, at: this.#at, largest: this.#largest };
  }
}

const number = (value: number): string =>
  value >= 0.01 && value < 1e4 ? value.toPrecision(3) : value.toExponential(1);
