import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { shiftingWindow } from '../../test/support/shifting-window.ts';
import { usableCores } from '../cgroup.ts';
import { findModel } from '../model/library.ts';
import { createScene } from '../scene/scene.ts';
import { WorkerInferencer } from './inferencer.ts';
import { PortInferencer } from './port-inferencer.ts';
import { StreamCount } from './stream-count.ts';
import type { DepthMap, InferenceStream } from './types.ts';

const model = findModel('depthcast-nano');
const [W, H] = [192, 160];
let inferencer: WorkerInferencer;
beforeAll(async () => {
  inferencer = await WorkerInferencer.create(model, { threads: 2 });
});
afterAll(() => inferencer.close());

/** A moving picture: a bright disc on a gradient, with a pattern that tells scenes apart. */
function paint(out: Float32Array, frame: number, scene = 0): void {
  const cx = 40 + 3 * frame;
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      const disc = (x - cx) ** 2 + (y - 80) ** 2 < 900 ? 0.6 : 0;
      const i = y * W + x;
      out[i] = Math.min(1, (scene ? x / W : y / H) * 0.4 + disc);
      out[W * H + i] = Math.min(1, scene ? 0.5 + 0.5 * Math.sin(x * y) : (0.3 * y) / H + disc);
      out[2 * W * H + i] = scene ? 0.9 : 0.1 + (0.5 * ((x >> 4) & 1) * y) / H;
    }
}

const street = createScene('street', { width: W, height: H }).render(0).rgba;
const room = createScene('room', { width: W, height: H });

/** A moment of a rendered scene. */
function photograph(out: Float32Array, rgba: Uint8ClampedArray): void {
  for (let i = 0; i < W * H; i++) for (let c = 0; c < 3; c++) out[c * W * H + i] = rgba[4 * i + c]! / 255;
}

async function watch(stream: InferenceStream, rgba: Uint8ClampedArray, time: number): Promise<DepthMap> {
  const image = stream.takeInput(W, H);
  photograph(image.data, rgba);
  return stream.infer(image, time);
}

async function run(stream: InferenceStream, frame: number, { scene = 0, time = frame / 30 } = {}): Promise<DepthMap> {
  const image = stream.takeInput(W, H);
  paint(image.data, frame, scene);
  return stream.infer(image, time);
}

/** A painted picture as the network takes it. */
function normalised(frame: number): Float32Array {
  const image = new Float32Array(3 * W * H);
  paint(image, frame);
  const { mean, std } = model.manifest.normalise;
  return image.map((value, i) => (value - mean[Math.floor(i / (W * H))]!) / std[Math.floor(i / (W * H))]!);
}

describe('WorkerInferencer', () => {
  it('equals the network run with a shifting window, over more than two turns of the ring', async () => {
    const images = Array.from({ length: 17 }, (_, frame) => normalised(frame));
    const expected = await shiftingWindow(model, images, W, H);
    const stream = inferencer.open({ sceneCuts: false });
    let worst = 0;
    for (const [f, map] of expected.entries()) {
      const depth = await run(stream, f);
      expect([depth.width, depth.height, depth.epoch]).toEqual([W, H, 0]);
      for (let i = 0; i < map.length; i++) worst = Math.max(worst, Math.abs(map[i]! - depth.values[i]!));
      depth.release();
    }
    stream.close();
    expect(worst).toBeLessThan(1e-5);
  });

  it('keeps streams apart', async () => {
    const [a, b, alone] = [inferencer.open(), inferencer.open(), inferencer.open()];
    let mixed: Float32Array | undefined;
    let pure: Float32Array | undefined;
    for (let f = 0; f < 5; f++) {
      const [x] = await Promise.all([run(a, f), run(b, f, { scene: 1 })]);
      const y = await run(alone, f);
      mixed = Float32Array.from(x.values);
      pure = Float32Array.from(y.values);
    }
    expect(mixed).toEqual(pure);
    for (const s of [a, b, alone]) s.close();
  });

  it('starts a new epoch at a size change, a gap, a request and a scene cut, and says why', async () => {
    const stream = inferencer.open({ gapSeconds: 1 });
    const reasons = [(await run(stream, 0)).reset, (await run(stream, 1)).reset];
    reasons.push((await run(stream, 2, { time: 5 })).reset);
    stream.reset();
    reasons.push((await run(stream, 3, { time: 5.03 })).reset);
    stream.reset();
    for (let f = 4; f < 9; f++) reasons.push((await watch(stream, room.render(f / 30).rgba, 5 + f / 30)).reset);
    const cut = await watch(stream, street, 5.3);
    reasons.push(cut.reset);
    const steady = Array(4).fill(undefined);
    expect(reasons).toEqual(['start', undefined, 'gap', 'request', 'request', ...steady, 'cut']);
    expect(cut.epoch).toBe(4);
    // The frame at a cut is made with no memory of the scene before: as if a stream began with it.
    const fresh = inferencer.open();
    const first = await watch(fresh, street, 0);
    expect(cut.values).toEqual(first.values);
    const image = stream.takeInput(160, 160);
    image.data.fill(0.5);
    expect((await stream.infer(image, 5.4)).reset).toBe('size');
    stream.close();
    fresh.close();
  });

  it('never writes over a map that is still held, and takes released ones back', async () => {
    const stream = inferencer.open();
    const held = await run(stream, 0);
    const copy = Float32Array.from(held.values);
    for (let f = 1; f < 8; f++) {
      const depth = await run(stream, f);
      depth.release();
      depth.release();
    }
    expect(held.values).toEqual(copy);
    held.release();
    stream.close();
  });

  it('refuses a second frame while one is under way, and frames of a closed stream', async () => {
    const stream = inferencer.open();
    const first = run(stream, 0);
    await expect(run(stream, 1)).rejects.toMatchObject({ code: 'INTERNAL' });
    await first;
    stream.close();
    await expect(run(stream, 2)).rejects.toMatchObject({ code: 'WORKER_DIED' });
    expect(() => inferencer.open({ size: 300 })).toThrowError(expect.objectContaining({ code: 'BAD_SIZE' }));
  });

  it('goes on in a new worker, with a new epoch, after the worker was killed under a frame', async () => {
    const victim = await WorkerInferencer.create(model, { threads: 1 });
    const restarts: string[] = [];
    victim.on('restart', (reason) => restarts.push(reason));
    const stream = victim.open();
    for (let f = 0; f < 3; f++) (await run(stream, f)).release();
    const last = run(stream, 3).then(
      (depth) => depth.release(),
      (error) => expect(error).toMatchObject({ code: 'WORKER_DIED' }),
    );
    await victim.kill();
    // The worker ends between two frames: the one under way may still be answered, but never waits for ever.
    await last;
    const deadline = performance.now() + 10_000;
    let next: DepthMap | undefined;
    while (!next && performance.now() < deadline) {
      next = await run(stream, 4).catch(() => undefined);
      if (!next) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(next).toMatchObject({ epoch: 1, reset: 'restart' });
    expect(restarts).toHaveLength(1);
    await victim.close();
  });

  it('counts every stream that is open, its own and those of other threads, once', async () => {
    const changes = vi.spyOn(StreamCount.prototype, 'add');
    const [one, two] = [inferencer.open(), inferencer.open()];
    inferencer.guests += 3;
    one.close();
    one.close();
    inferencer.guests -= 2;
    two.close();
    inferencer.guests--;
    expect(changes.mock.calls.flat()).toEqual([1, 1, 3, -1, -2, -1, -1]);
    expect(inferencer.streamCount).toBe(0);
    changes.mockRestore();
  });

  it('has the threads that it measured after a restart, and another worker of the model has them by asking', async () => {
    const first = await WorkerInferencer.create(model, { size: 192 });
    const { threads, threadsAlone } = first;
    const up = new Promise((resolve) => first.once('up', () => resolve(undefined)));
    await first.kill();
    await up;
    expect([first.threads, first.threadsAlone]).toEqual([threads, threadsAlone]);
    const cores = usableCores();
    const second = await WorkerInferencer.create(model, { threads: 1, threadsAlone: cores });
    expect(second.device).toBe(`CPU, 1 thread (${cores} for a stream alone)`);
    const stream = second.open();
    expect((await run(stream, 0)).reset).toBe('start');
    await Promise.all([first.close(), second.close()]);
  });

  it('serves streams of another thread by a port, apart from its own, and those go on in the next worker', async () => {
    const victim = await WorkerInferencer.create(model, { threads: 1 });
    const guest = new PortInferencer(victim);
    const { model: network, resamples, usesCamera } = victim;
    const connect = (device: string) =>
      guest.connect(victim.connect()!, { model: network, device, resamples, usesCamera });
    victim.on('restart', () => guest.lose()).on('up', () => connect('the next one'));
    connect('the first one');
    expect(guest.device).toBe('the first one');
    const [own, other] = [victim.open(), guest.open()];
    const alone = inferencer.open();
    // Both have the number 0 in the worker.
    for (let f = 0; f < 3; f++) {
      const [a, b, c] = await Promise.all([run(own, f, { scene: 1 }), run(other, f), run(alone, f)]);
      const worst = b.values.reduce((most, value, i) => Math.max(most, Math.abs(value - c.values[i]!)), 0);
      expect([a.epoch, b.epoch, worst < 1e-3]).toEqual([0, 0, true]);
      for (const map of [a, b, c]) map.release();
    }
    alone.close();
    const up = new Promise((resolve) => victim.once('up', () => resolve(undefined)));
    await victim.kill();
    await expect(run(other, 3)).rejects.toMatchObject({ code: 'WORKER_DIED' });
    await up;
    expect(await run(other, 4)).toMatchObject({ epoch: 1, reset: 'restart' });
    expect(guest.device).toBe('the next one');
    await guest.close();
    await victim.close();
  });
});

describe('a bad model', () => {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-model-'));
  const write = (name: string, manifest: object, graph?: Uint8Array) => {
    const file = join(folder, `${name}.json`);
    const { sha256: _, ...base } = { sha256: '', ...model.manifest };
    writeFileSync(file, JSON.stringify({ ...base, ...manifest }));
    if (graph) writeFileSync(join(folder, 'x.onnx'), graph);
    return file;
  };

  it.each([
    ['no such name', () => 'no-such-model', 'MODEL_NOT_FOUND', /there is depthcast-nano/],
    ['a path out of the folder', () => '../package', 'MODEL_NOT_FOUND', /./],
    ['a graph that is not there', () => write('gone', { file: 'gone.onnx' }), 'MODEL_NOT_FOUND', /gone\.onnx/],
    ['a manifest with an unknown key', () => write('odd', { colour: 1 }), 'BAD_MANIFEST', /colour|unrecognized/i],
    [
      'a file that is no graph',
      () => write('junk', { file: 'x.onnx' }, Buffer.from('not a graph')),
      'BAD_MODEL',
      /x\.onnx/,
    ],
    [
      'a window that is not the graph’s',
      () => write('window', { file: model.file, window: { rule: 'recent', frames: 5, emptyMask: -1 } }),
      'BAD_MODEL',
      /8 slots.*makes 6/,
    ],
  ])('%s is refused in a sentence', async (_name, name, code, message) => {
    const create = async () => WorkerInferencer.create(findModel(name()));
    const error = (await create().catch((e: unknown) => e)) as Error;
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(message);
  });
});
