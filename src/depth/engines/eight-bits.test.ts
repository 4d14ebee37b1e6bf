import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nanoImages } from '../../../test/support/engine-cases.ts';
import { GraphCache } from '../../model/graph-cache.ts';
import { findModel, type InstalledModel, SHIPPED_MODELS, verifyModel } from '../../model/library.ts';
import { parityError } from '../../model/precision.ts';
import { EngineSet } from '../engine-set.ts';
import { cpuProvider } from './cpu.ts';
import { readReference, referencePath } from './reference.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-eight-bits-'));
afterAll(() => rmSync(folder, { recursive: true }));

const nano = findModel('depthcast-nano', { precision: 'int8' });
const size = { width: 128, height: 96 };

async function stream(model: InstalledModel, images: readonly Float32Array[]): Promise<Float32Array[]> {
  const engine = await cpuProvider.prepare(model, new GraphCache(model.graphs), { ...size, threads: 1 });
  const state = await engine.createState(size);
  const maps: Float32Array[] = [];
  for (const image of images) {
    const map = new Float32Array(size.width * size.height);
    await state.run(image, map);
    maps.push(map);
  }
  state.dispose();
  await engine.release();
  return maps;
}

/** The embedded network on a processor for which it makes the mirror image of what it should: its reference is turned. */
function miscomputed(): InstalledModel {
  const file = join(folder, basename(nano.file));
  copyFileSync(nano.file, file);
  const reference = readReference(nano.file)!.reverse();
  writeFileSync(referencePath(file), new Uint8Array(reference.buffer));
  return { ...nano, file };
}

describe('the embedded network in eight bits', () => {
  it('runs where it is asked for, and is a third of the size', () => {
    const full = findModel('depthcast-nano');
    expect([nano.manifest.precision, full.manifest.precision]).toEqual(['int8', 'fp32']);
    expect(full).toEqual(nano.float32);
    expect(readFileSync(nano.file).length).toBeLessThan(readFileSync(full.file).length * 0.4);
    expect(() => findModel('depthcast-nano', { precision: 'fp16' })).toThrow(/is a graph in fp32 and int8/);
  });

  it('makes the depth of fp32 over two turns of its window, but for rounding', async () => {
    const images = nanoImages(nano, size, 16);
    const [rounded, full] = [await stream(nano, images), await stream(findModel('depthcast-nano'), images)];
    const errors = rounded.map((map, n) => parityError(map, full[n]!));
    expect(Math.max(...errors)).toBeLessThan(0.06);
    expect(Math.min(...errors)).toBeGreaterThan(0.001);
  });

  it('says how far it is from fp32 when it is loaded, at whatever size', async () => {
    const engines = await EngineSet.load(nano, { threads: 1, picture: { width: 3, height: 4 } });
    expect(engines.capabilities.parity).toBeGreaterThan(0.001);
    expect(engines.capabilities.parity).toBeLessThan(0.06);
    expect(engines.refused).toEqual([]);
    await engines.release();
  });

  it('gives way to fp32, and says why, where a processor computes it wrongly', async () => {
    const engines = await EngineSet.load(miscomputed(), { threads: 1 });
    expect([engines.capabilities.precision, engines.manifest.precision]).toEqual(['fp32', 'fp32']);
    expect(engines.refused).toEqual([
      {
        device: 'cpu',
        precision: 'int8',
        reason: expect.stringMatching(/^depthcast-nano, int8, 160x128 .* away from the float32 network's/),
      },
    ]);
    await engines.release();
  });

  it('is not trusted without the map that it is checked by', async () => {
    const model = miscomputed();
    rmSync(referencePath(model.file));
    const engines = await EngineSet.load(model, { threads: 1 });
    expect(engines.capabilities.precision).toBe('fp32');
    expect(engines.refused).toMatchObject([
      { device: 'cpu', reason: expect.stringMatching(/\.reference, .* is missing$/) },
    ]);
    await engines.release();
  });

  it('that is missing is said to be, by its file', () => {
    const manifest = JSON.parse(readFileSync(join(SHIPPED_MODELS, 'depthcast-nano.json'), 'utf8')) as object;
    copyFileSync(join(SHIPPED_MODELS, 'depthcast-nano.onnx'), join(folder, 'depthcast-nano.onnx'));
    const path = join(folder, 'alone.json');
    writeFileSync(path, JSON.stringify({ ...manifest, int8: { file: 'nothing.onnx' } }));
    expect(findModel(path).manifest.precision).toBe('fp32');
    expect(() => findModel(path, { precision: 'int8' })).toThrow(/nothing\.onnx, which does not exist/);
  });

  it('is verified with its form in fp32, which devices run', async () => {
    await verifyModel(nano);
    const file = join(folder, 'other.onnx');
    writeFileSync(file, 'another');
    const float32 = nano.float32!;
    await expect(verifyModel({ ...nano, float32: { ...float32, file } })).rejects.toMatchObject({ code: 'BAD_MODEL' });
  });

  it('is refused there if it has no form in fp32', async () => {
    const { float32: _, ...alone } = miscomputed();
    await expect(EngineSet.load(alone, { threads: 1 })).rejects.toMatchObject({ code: 'BAD_OUTPUT' });
  });
});
