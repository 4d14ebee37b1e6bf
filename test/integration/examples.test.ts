import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScene } from '../../src/scene/scene.ts';
import { y4mFrame, y4mFrameSize, y4mHeader } from '../../src/scene/y4m.ts';
import type { DepthServer } from '../../src/server/server.ts';
import { startApp } from '../e2e/support/app.ts';

const root = new URL('../../', import.meta.url).pathname;
const [width, height, fps, pictures] = [320, 240, 10, 60];

describe('the example node-recorder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-recorder-'));
  const input = join(folder, 'person.y4m');
  let server: (DepthServer & { base: string }) | undefined;
  beforeAll(async () => {
    const scene = createScene('person', { width, height, fps });
    const frames = Array.from({ length: pictures }, (_, n) =>
      y4mFrame(scene.renderFrame(n).rgba, width, height, new Uint8Array(y4mFrameSize(width, height))),
    );
    writeFileSync(input, Buffer.concat([y4mHeader(width, height, fps), ...frames].map((part) => Buffer.from(part))));
    server = await startApp();
  }, 120_000);
  afterAll(async () => {
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  const record = (...args: string[]) =>
    promisify(execFile)(
      process.execPath,
      [join(root, 'scripts/example.mjs'), 'node-recorder', '--server', server!.base, ...args],
      { timeout: 100_000 },
    );

  it('writes depth maps that NumPy reads, and what belongs to each', async () => {
    const out = join(folder, 'depth');
    const { stdout } = await record('--input', input, '--out', out, '--frames', '6');
    expect(stdout).toContain('6 depth maps');
    const npy = readFileSync(`${out}.npy`);
    // NumPy's format 1.0, byte by byte.
    expect(npy.toString('latin1', 0, 8)).toBe('\x93NUMPY\x01\x00');
    const header = npy.toString('latin1', 10, 10 + npy.readUInt16LE(8));
    expect(header).toMatch(/'descr': '<f4', 'fortran_order': False, 'shape': \(6, 192, 256\)/);
    expect((10 + npy.readUInt16LE(8)) % 64).toBe(0);
    const values = new Float32Array(Uint8Array.from(npy.subarray(10 + npy.readUInt16LE(8))).buffer);
    expect(values.length).toBe(6 * 192 * 256);
    expect(values.every(Number.isFinite)).toBe(true);
    // The person in the middle is nearer than the wall above: greater disparity.
    const last = values.subarray(5 * 192 * 256);
    expect(last[130 * 256 + 128]!).toBeGreaterThan(last[10 * 256 + 20]!);
    const lines = readFileSync(`${out}.jsonl`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(lines[0]).toMatchObject({ unit: 'disparity', sourceWidth: 320, sourceHeight: 240 });
  }, 120_000);

  it('says what is wrong', async () => {
    await expect(record('--input', input, '--out', join(folder, 'depth'))).rejects.toMatchObject({
      stderr: expect.stringContaining('is there already'),
    });
    const broken = join(folder, 'broken.y4m');
    writeFileSync(broken, 'RIFF and so on\n');
    await expect(record('--input', broken, '--out', join(folder, 'other'))).rejects.toMatchObject({
      stderr: expect.stringContaining('no YUV4MPEG2'),
    });
  }, 120_000);
});
