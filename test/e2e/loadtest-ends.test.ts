import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { needs } from '../support/needs.ts';
import { loadtest } from './loadtest-process.ts';
import { until } from './support/app.ts';

/** Processes that a process has started, by what their command line ends with. Linux alone. */
async function childrenOf(pid: number, ending: string): Promise<number[]> {
  const pids = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean).map(Number);
  const lines = await Promise.all(pids.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8')));
  return pids.filter((_, i) => lines[i]!.replace(/\0$/, '').endsWith(ending));
}

describe('a load test', () => {
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

  it('fails where nothing comes back, and says why', async () => {
    const { code, printed, report } = await loadtest(
      '--url http://127.0.0.1:9 --publishers 1 --size 160x120 --duration 2',
    );
    expect(code).toBe(1);
    expect(report.targets[0]!.result).toMatchObject({ depth: 0, crashes: 0 });
    expect(printed).toMatch(/ECONNREFUSED/);
  });
});
