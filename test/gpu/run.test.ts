import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { WorkerInferencer } from '../../src/depth/inferencer.ts';
import { findModel } from '../../src/model/library.ts';
import { modelFolder } from '../../src/model/store/folder.ts';
import { formulaCheckpoint } from '../support/checkpoint.ts';
import { TINY, TINY_CONFIG } from '../support/formula.ts';
import { maxDifference } from '../support/npy.ts';
import { writeVideo } from '../support/video-file.ts';

// The command as a shell runs it, with a checkpoint and a clip of another shape.

const folder = mkdtempSync(join(tmpdir(), 'depthcast-gpu-run-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const SIZE = { width: 64, height: 48 };
const FRAMES = 12;

/** The tiny checkpoint with a manifest beside it, as somebody would install it. */
function tinyModel(): string {
  const file = at('tiny.json');
  if (existsSync(file)) return file;
  writeFileSync(at('tiny.pth'), formulaCheckpoint(TINY));
  const { manifest } = findModel(at('tiny.pth'), { store: modelFolder(at('cache')) });
  const size = { multipleOf: 14, shortSides: { from: 28, to: 84 }, default: 28 };
  writeFileSync(
    file,
    JSON.stringify({ ...manifest, name: 'tiny', network: TINY_CONFIG, checkpoint: { file: 'tiny.pth' }, size }),
  );
  return file;
}

// At 28 the network has six places and groups that hardly vary: there float32 itself is no more exact than 2e-4, on the CPU too.
it('writes what --device cpu writes, within 1e-4', async () => {
  await writeVideo(at('clip.mp4'), { ...SIZE, frames: FRAMES });
  const model = tinyModel();
  const maps = (device: string) => {
    const args = ['run', at('clip.mp4'), '--model', model, '--device', device, '--input-size', '56'];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', 'src/cli/main.ts', ...args, '--out', at(device), '--save-npz', '--force'],
      { cwd: new URL('../..', import.meta.url), encoding: 'utf8' },
    );
    expect({ status, said: `${stdout}${stderr}` }).toEqual({ status: 0, said: expect.stringMatching(/./) });
    expect(stdout).toMatch(device === 'cpu' ? /CPU/ : /WebGPU/);
    const bytes = readFileSync(at(`${device}/${readdirSync(at(device)).find((name) => name.endsWith('.npz'))}`));
    expect(bytes.toString('latin1', 0, 300)).toContain(`'shape': (${FRAMES}, ${SIZE.height}, ${SIZE.width})`);
    const start = bytes.indexOf('\n', 60) + 1;
    const length = 4 * FRAMES * SIZE.height * SIZE.width;
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + start + length));
  };
  const [cpu, webgpu] = [maps('cpu'), maps('webgpu')];
  expect(cpu.reduce((most, value) => Math.max(most, value), 0)).toBeGreaterThan(1);
  expect(maxDifference(webgpu, cpu)).toBeLessThan(1e-4);
});

it('leaves the choice to auto: a device that is slower than the CPU is tried, not taken, and named', async () => {
  const model = findModel(tinyModel(), { store: modelFolder(at('cache')) });
  const inferencer = await WorkerInferencer.create(model, { device: 'auto', size: 28, yields: false });
  expect(inferencer.engine).toMatchObject({ kind: 'cpu' });
  expect(inferencer.refused).toEqual([
    { device: 'webgpu', reason: expect.stringMatching(/^\d+ ms a frame, the CPU takes \d+$/) },
  ]);
  await inferencer.close();
});
