import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formulaCheckpoint } from '../../test/support/checkpoint.ts';
import { formulaFrame, networkInput, TINY, TINY_CONFIG } from '../../test/support/formula.ts';
import { maxDifference, readNpy, thin } from '../../test/support/npy.ts';
import { findModel, type InstalledModel } from '../model/library.ts';
import { modelFolder } from '../model/store/folder.ts';
import { measureSize } from './auto-size.ts';
import { WorkerInferencer } from './inferencer.ts';
import type { DepthMap, InferenceStream } from './types.ts';

// A Video Depth Anything checkpoint in the server's own path: worker thread, graphs by size, window, cuts.

const folder = mkdtempSync(join(tmpdir(), 'depthcast-checkpoint-'));
const store = modelFolder(join(folder, 'cache'));
const [W, H] = [112, 84];
let model: InstalledModel;
let inferencer: WorkerInferencer;

/** A manifest beside the tiny network, with what its shapes do not tell. */
function manifest(name: string, change: object = {}): string {
  const file = join(folder, `${name}.json`);
  const { manifest } = findModel(join(folder, 'tiny.pth'), { store });
  const tiny = { ...manifest, name, network: TINY_CONFIG, checkpoint: { file: 'tiny.pth' } };
  writeFileSync(
    file,
    JSON.stringify({ ...tiny, size: { multipleOf: 14, shortSides: { from: 42, to: 84 }, default: 84 }, ...change }),
  );
  return file;
}

beforeAll(async () => {
  writeFileSync(join(folder, 'tiny.pth'), formulaCheckpoint(TINY));
  model = findModel(manifest('tiny', { normalise: { mean: [0, 0, 0], std: [1, 1, 1] } }), { store });
  inferencer = await WorkerInferencer.create(model, { threads: 1 });
}, 60_000);
afterAll(async () => {
  await inferencer.close();
  rmSync(folder, { recursive: true });
});

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

function run(stream: InferenceStream, t: number, [width, height] = [W, H]): Promise<DepthMap> {
  const image = stream.takeInput(width!, height!);
  image.data.set(
    networkInput(formulaFrame(t, 128, 96), { width: 128, height: 96 }, { width: width!, height: height! }, imagenet),
  );
  return stream.infer(image, t / 30);
}

describe('a checkpoint in the depth worker', () => {
  it('gives what the official code gives: 60 frames within 1e-4, window included', async () => {
    const reference = readNpy(new URL('../../test/vectors/vda/tiny_stream_net.npy', import.meta.url));
    const [frames, rows, columns] = reference.shape as [number, number, number];
    const stream = inferencer.open({ sceneCuts: false });
    expect(stream.networkSize(128, 96)).toEqual({ width: W, height: H });
    let worst = 0;
    for (let t = 0; t < frames; t++) {
      const map = await run(stream, t);
      const expected = reference.data.subarray(t * rows * columns, (t + 1) * rows * columns);
      worst = Math.max(worst, maxDifference(thin(map.values, W, 4), expected));
      map.release();
    }
    stream.close();
    expect(frames).toBe(60);
    expect(worst).toBeLessThanOrEqual(1e-4);
  });

  it('runs streams of several sizes side by side, each with a graph from the cache', async () => {
    const sizes: [number, number][] = [
      [56, 42],
      [70, 56],
      [112, 84],
    ];
    const alone: Float32Array[] = [];
    for (const size of sizes) {
      const stream = inferencer.open();
      for (let t = 0; t < 4; t++) alone[sizes.indexOf(size)] = Float32Array.from((await run(stream, t, size)).values);
      stream.close();
    }
    const streams = sizes.map(() => inferencer.open());
    const last: Float32Array[] = [];
    for (let t = 0; t < 4; t++)
      for (const [i, size] of sizes.entries()) last[i] = Float32Array.from((await run(streams[i]!, t, size)).values);
    expect(last).toEqual(alone);
    const graphs = readdirSync(store.graphs).filter((name) => /-stream-/.test(name));
    expect(graphs.map((name) => name.split('-')[2]).sort()).toEqual(['112x84', '56x42', '70x56']);

    // A stream that changes its size gives its network back, so that sizes in use stay bounded.
    const changing = inferencer.open();
    for (const size of [84, 98, 112, 126, 140]) {
      const map = await run(changing, size, [size, 42]);
      expect([map.width, map.reset !== undefined]).toEqual([size, true]);
    }
    const tooMany = inferencer.open();
    await expect(run(tooMany, 0, [154, 42])).rejects.toMatchObject({ code: 'BUSY' });
    changing.close();
    expect((await run(tooMany, 1, [154, 42])).reset).toBe('start');
    for (const s of [...streams, tooMany]) s.close();
  });

  it('starts a new epoch at a scene cut, found by the class token', async () => {
    const file = manifest('cuts', { cutThreshold: 0.02 });
    const cutting = await WorkerInferencer.create(findModel(file, { store }), { threads: 1 });
    const stream = cutting.open();
    const infer = async (n: number, scene: number) => {
      const image = stream.takeInput(W, H);
      for (let i = 0; i < image.data.length; i++) {
        const [x, y, c] = [i % W, Math.floor(i / W) % H, Math.floor(i / (W * H))];
        image.data[i] = scene ? 0.5 + 0.5 * Math.sin((x * y + 40 * c) / 9) : (y + n) / (H + 20) / (c + 1);
      }
      return (await stream.infer(image, n / 30)).reset;
    };
    const resets: unknown[] = [];
    for (let n = 0; n < 10; n++) resets.push(await infer(n, n < 6 ? 0 : 1));
    expect(resets).toEqual(['start', ...Array(5).fill(undefined), 'cut', ...Array(3).fill(undefined)]);
    await cutting.close();
  });

  it('measures the largest size that holds a frame rate', async () => {
    const easy = await measureSize(inferencer, 0.1);
    expect(easy).toMatchObject({ size: 84, holds: true });
    expect(await measureSize(inferencer, 1e5)).toMatchObject({ size: 42, holds: false });
    expect(inferencer.streamCount).toBe(0);
  });

  it('refuses a network that answers with a flat map, and names the backend', async () => {
    const silent = formulaCheckpoint(TINY, (name, values) => {
      if (name === 'head.scratch.output_conv2.2.weight') values.fill(0);
    });
    writeFileSync(join(folder, 'flat.pth'), silent);
    const file = manifest('flat', { checkpoint: { file: 'flat.pth' } });
    const error = await WorkerInferencer.create(findModel(file, { store })).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'BAD_OUTPUT', message: expect.stringMatching(/flat.*fp32.*112x84.*CPU/) });
  });

  it.each([
    ['fp16', 1e-5, 3e-3],
    ['int8', 1e-3, 3e-2],
  ] as const)(
    'compares %s with fp32 at every load, and refuses what is not the same network',
    async (precision, least, most) => {
      const lower = findModel(manifest(`low-${precision}`), { store, precision });
      expect(lower.manifest.precision).toBe(precision);
      const create = () => WorkerInferencer.create(lower, { threads: 1 });
      const first = await create();
      expect(first.parity).toBeGreaterThan(least);
      expect(first.parity).toBeLessThan(most);
      await first.close();

      const [graph] = readdirSync(store.graphs).filter((name) =>
        name.includes(`-${precision === 'fp16' ? 'float16' : 'int8'}-`),
      );
      const reference = join(store.graphs, graph!, 'model.reference');
      const values = new Float32Array(readFileSync(reference).buffer.slice(0));
      expect(values).toHaveLength(W * H);
      // As if this backend computed something else: the map upside down.
      writeFileSync(reference, values.reverse());
      const error = await create().catch((e: unknown) => e);
      const message = expect.stringMatching(
        new RegExp(`low-${precision}, ${precision}, 112x84 on onnxruntime's CPU backend`),
      );
      expect(error).toMatchObject({ code: 'BAD_OUTPUT', message });
      rmSync(reference);
      await (await create()).close();
    },
  );

  it.each([
    [
      'a file that is no checkpoint',
      'BAD_CHECKPOINT',
      () => writeFileSync(join(folder, 'junk.pth'), 'no zip at all'),
      'junk.pth',
    ],
    ['a checkpoint that is not there', 'MODEL_NOT_FOUND', () => {}, 'gone.pth'],
    ['one whose heads must be told', 'BAD_CHECKPOINT', () => {}, 'tiny.pth'],
  ])('refuses %s', async (_name, code, prepare, file) => {
    prepare();
    const create = async () => WorkerInferencer.create(findModel(join(folder, file), { store }));
    await expect(create()).rejects.toMatchObject({ code });
  });

  it('tells what to do about a model that is not pulled, and takes a checkpoint for metres by its name', () => {
    expect(() => findModel('vda-small', { store })).toThrowError(/depthcast models pull vda-small/);
    writeFileSync(join(folder, 'Metric VDA.pth'), '');
    const named = findModel(join(folder, 'Metric VDA.pth'), { store }).manifest;
    expect(named).toMatchObject({ name: 'metric-vda', unit: 'metres' });
    expect(findModel(join(folder, 'tiny.pth'), { store, metric: true }).manifest.unit).toBe('metres');
  });
});
