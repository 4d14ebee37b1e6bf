import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadReport } from '../../loadtest/report.ts';
import { needs } from '../support/needs.ts';
import { until } from './support/app.ts';

// Debian's python3-aiortc, which the comparison is made with; the test of it is skipped without.
const hasAiortc = spawnSync('/usr/bin/python3', ['-c', 'import aiortc, numpy']).status === 0;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'depthcast-load-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Processes that a process has started, by what their command line ends with. Linux alone. */
async function childrenOf(pid: number, ending: string): Promise<number[]> {
  const pids = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean).map(Number);
  const lines = await Promise.all(pids.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8')));
  return pids.filter((_, i) => lines[i]!.replace(/\0$/, '').endsWith(ending));
}

async function loadtest(options: string, during?: (child: ChildProcess, printed: () => string) => Promise<void>) {
  const [json, html] = [join(folder, 'report.json'), join(folder, 'report.html')];
  const words = [...options.split(' '), '--json', json, '--html', html];
  const child = spawn(process.execPath, ['--import', 'tsx', 'loadtest/main.ts', ...words], { stdio: 'pipe' });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => {
      printed += text;
    });
  const exit = once(child, 'exit') as Promise<[number]>;
  // What the test itself runs into ends the load test too, and is what the test fails with.
  const [[code]] = await Promise.all([
    exit,
    during?.(child, () => printed).catch((thrown) => {
      child.kill('SIGKILL');
      throw thrown;
    }),
  ]);
  const report = JSON.parse(await readFile(json, 'utf8')) as LoadReport;
  return { code, printed, report, html: await readFile(html, 'utf8') };
}

describe('the load test', () => {
  it('measures streams that lose packets, leave and come back, and finds every depth map right', async () => {
    const { code, printed, report, html } = await loadtest(
      '--publishers 2 --viewers 1 --fps 10 --size 320x240 --duration 20 --ramp 2/s --loss 0.02 --churn 0.06/s --check 1',
    );
    expect(code, printed).toBe(0);
    const { result, timeline } = report.targets[0]!;
    expect(result.streams).toHaveLength(2);
    for (const stream of result.streams) {
      expect(stream.depth, printed).toBeGreaterThan(15);
      expect(stream.latency.data.count).toBeGreaterThan(5);
      expect(stream.latency.track.count).toBeGreaterThan(5);
      // Agrees with the exact depth of the very picture that its timestamp names.
      expect(stream.truth.rank).toBeGreaterThan(0.75);
      expect(stream.lost.up + stream.lost.down).toBeGreaterThan(0);
    }
    expect(result.verified).toBeGreaterThan(20);
    expect(result.wrong).toEqual({ unknown: 0, code: 0, implausible: 0 });
    expect(result.reconnects).toBeGreaterThan(0);
    expect(result.latency.server.p50).toBeLessThan(result.latency.track.p50);
    expect(result.server.msPerDepth).toBeGreaterThan(0);
    expect(timeline.length).toBeGreaterThan(8);
    expect(timeline.some(({ connected, fps }) => connected === 2 && fps > 5)).toBe(true);
    expect(html).toContain('<svg');
    // In a pipe: plain lines, no escape sequences.
    expect(printed).not.toContain('\u001b[');
  });

  it(
    'replaces a load process that crashes, and ends in order at Ctrl-C',
    needs(process.platform === 'linux', '/proc (Linux)'),
    async () => {
      const line = '--publishers 1 --fps 10 --size 320x240 --duration 600';
      const { code, report, printed } = await loadtest(line, async (child, printed) => {
        // Three lines: the first may tell of what was before.
        const flowing = (from: number) =>
          until('depth', () => /(streams 1\/1 {2}depth [1-9].*\n[\s\S]*){3}/.test(printed().slice(from)));
        const load = () => childrenOf(child.pid!, 'loadtest/child.ts');
        await flowing(0);
        const before = await load();
        expect(before).toHaveLength(1);
        process.kill(before[0]!, 'SIGKILL');
        await until('another process', async () => (await load()).some((pid) => pid !== before[0]));
        await flowing(printed().length);
        child.kill('SIGINT');
      });
      expect(code, printed).toBe(130);
      expect(report.stoppedEarly).toBe(true);
      const { result } = report.targets[0]!;
      expect(result.crashes).toBe(1);
      expect(result.reconnects).toBe(1);
      expect(result.wrong).toEqual({ unknown: 0, code: 0, implausible: 0 });
    },
  );

  it(
    'compares with an aiortc server, which returns the same depth',
    needs(hasAiortc, 'aiortc for /usr/bin/python3 (Debian: python3-aiortc)'),
    async () => {
      const { code, printed, report } = await loadtest(
        '--compare aiortc --rounds 1 --publishers 1 --fps 10 --size 320x240 --warm-up 3 --duration 5 --check 1',
      );
      expect(code, printed).toBe(0);
      expect(report.targets.map(({ name }) => name)).toEqual(['depthcast', 'aiortc, inline']);
      for (const { result } of report.targets) {
        expect(result.depth, printed).toBeGreaterThan(10);
        expect(result.latency.server.count, printed).toBeGreaterThan(5);
        expect(result.server.msPerDepth).toBeGreaterThan(1);
        expect(result.streams[0]!.truth.rank).toBeGreaterThan(0.75);
      }
      expect(report.comparison!.ratios).toHaveLength(1);
      expect(report.comparison!.ratios[0]!.p95).toBeGreaterThan(0);
    },
  );

  it('fails where nothing comes back, and says why', async () => {
    const { code, printed, report } = await loadtest(
      '--url http://127.0.0.1:9 --publishers 1 --size 160x120 --duration 2',
    );
    expect(code).toBe(1);
    expect(report.targets[0]!.result).toMatchObject({ depth: 0, crashes: 0 });
    expect(printed).toMatch(/ECONNREFUSED/);
  });
});
