import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProgram } from '../../test/support/program.ts';
import { loadConfig } from '../config/load.ts';
import { modelCache } from './doctor/files.ts';
import { type Finding, look } from './doctor/finding.ts';
import { featuresOf, nodeVersion } from './doctor/machine.ts';
import { mediaPorts } from './doctor/network.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'depthcast-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const doctor = (args: string[], env: Record<string, string> = {}) => startProgram(['doctor', ...args], { env }).ended;
const byName = (findings: readonly Finding[], name: string) => findings.find((finding) => finding.name === name);

describe('doctor', { timeout: 180_000 }, () => {
  it('finds what there is, runs a real frame, and says what to do about each problem', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    try {
      const { code, out, err } = await doctor(['--json'], {
        DEPTHCAST_SERVER_PORT: String(port),
        DEPTHCAST_DEPTH_THREADS: '1',
        DEPTHCAST_MODELS_FOLDER: join(folder, 'not/yet/there'),
      });
      const report = JSON.parse(out) as { ok: boolean; findings: Finding[] };
      const state = (name: string) => [name, byName(report.findings, name)?.state];
      // The port that somebody holds is the one thing that fails.
      expect(
        report.findings.filter(({ state }) => state === 'fail').map(({ name }) => name),
        err,
      ).toEqual(['HTTP port']);
      expect([code, report.ok]).toEqual([1, false]);
      expect(byName(report.findings, 'HTTP port')).toMatchObject({ advice: expect.stringMatching(/--port/) });
      for (const name of ['Node', 'FFmpeg', 'onnxruntime', 'providers', 'model', 'media ports', 'cache writable'])
        expect(state(name)).toEqual([name, 'ok']);
      expect(byName(report.findings, 'FFmpeg')?.value).toMatch(/^8\..*GPL 3/);
      expect(byName(report.findings, 'providers')?.value).toMatch(/^cpu/);
      expect(byName(report.findings, 'one frame')?.value).toMatch(
        /ms a frame of 256x192 on CPU, 1 thread( \(\d+ for a stream alone\))?;/,
      );
      for (const finding of report.findings)
        expect(finding.state === 'ok' || finding.advice, finding.name).toBeTruthy();
    } finally {
      taken.close();
    }
  });

  it('uses the defaults when the settings cannot be read, in plain text in a pipe', async () => {
    const config = join(folder, 'broken.yaml');
    writeFileSync(config, 'server: { prot: 1 }\n');
    const { code, out } = await doctor(['--config', config]);
    expect(code).toBe(1);
    expect(out).toMatch(/fail {2}settings .*unknown key server\.prot; did you mean server\.port/);
    expect(out).toMatch(/ok {4}Node/);
    // The default port is another's where a server runs already.
    const failures = /fail {2}HTTP port /.test(out) ? 2 : 1;
    expect(out).toContain(`${failures} failed`);
    expect(out).not.toContain('\x1b');
  });
});

it('tells an old Node and a CPU without AVX2', () => {
  expect(nodeVersion('20.18.3')[0]).toMatchObject({ state: 'fail', advice: expect.stringMatching(/20\.19/) });
  expect(nodeVersion('22.1.0')[0]!.state).toBe('ok');
  expect(featuresOf(new Set(['sse4_2', 'avx']), 'x64')).toMatchObject({
    state: 'warn',
    value: expect.stringMatching(/^none/),
  });
  expect(featuresOf(new Set(['asimd', 'asimddp']), 'arm64')).toMatchObject({
    state: 'ok',
    value: expect.stringMatching(/^NEON, dot product/),
  });
});

it('tells a full range of media ports, and a folder that cannot be', async () => {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind({ port: 0, exclusive: true }, resolve));
  const { port } = socket.address();
  const config = loadConfig({ overrides: { 'rtc.portRange': [port, port] } });
  expect(byName(await mediaPorts(config), 'media ports')).toMatchObject({ state: 'fail', advice: expect.any(String) });
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  expect(byName(await mediaPorts(config), 'media ports')?.state).toBe('ok');
  writeFileSync(join(folder, 'file'), '');
  const cache = await modelCache(loadConfig({ overrides: { 'models.folder': join(folder, 'file') } }));
  expect(byName(cache, 'cache writable')).toMatchObject({ state: 'warn', advice: expect.any(String) });
});

it('does not wait for what never answers, nor fall over what throws', async () => {
  expect(await look('area', 'slow', 20, () => new Promise(() => {}))).toMatchObject([{ name: 'slow', state: 'warn' }]);
  const thrown = await look('area', 'broken', 1000, () => {
    throw new Error('out of order');
  });
  expect(thrown).toMatchObject([{ name: 'broken', state: 'warn', value: 'out of order' }]);
});
