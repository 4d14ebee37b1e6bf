import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { needs } from '../support/needs.ts';
import { loadtest } from './loadtest-process.ts';

// Debian's python3-aiortc, which the comparison is made with; the test of it is skipped without.
const hasAiortc = spawnSync('/usr/bin/python3', ['-c', 'import aiortc, numpy']).status === 0;

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
});
