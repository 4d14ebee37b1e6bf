import { afterEach, expect, it, vi } from 'vitest';
import { Metrics } from '../metrics/metrics.ts';
import { findModel } from '../model/library.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import { AdaptiveSize } from './adaptive-size.ts';

const { manifest } = findModel('depthcast-nano');

/** What the control sees of a stream. */
function stream(model: string, reducible: boolean) {
  const totals = { arrived: 0, dropped: {} as Record<string, number> };
  return { model, reducible, stats: { totals }, reduce: vi.fn<(steps: number) => void>() };
}

function server(streams: ReturnType<typeof stream>[]) {
  const metrics = new Metrics({ version: 'test', model: 'none', device: 'none' });
  const admission = { utilisation: 0 };
  const log = { info: vi.fn(), warn: vi.fn() };
  const registry = { streams: streams as unknown as LiveStream[] };
  const size = new AdaptiveSize({ registry, admission, metrics, log }, manifest, 256);
  const second = (utilisation: number, lost = 0) => {
    admission.utilisation = utilisation;
    for (const { stats } of streams) {
      stats.totals.arrived += 30;
      stats.totals.dropped['newer'] = (stats.totals.dropped['newer'] ?? 0) + lost;
    }
    size.tick();
  };
  return { size, second, metrics, log };
}

let open: AdaptiveSize | undefined;
afterEach(() => open?.close());

it('makes the networks of a busy server smaller and larger again, counts it, and tells once which cannot be', async () => {
  const streams = [stream('depthcast-nano', true), stream('vda-small', false)];
  const { size, second, metrics, log } = server(streams);
  open = size;
  for (let n = 0; n < 5; n++) second(0.5);
  expect(streams[0]!.reduce).toHaveBeenLastCalledWith(0);
  for (let n = 0; n < 4; n++) second(1.1, 3);
  const down = size.steps;
  expect(down).toBeGreaterThan(0);
  expect(streams[0]!.reduce).toHaveBeenLastCalledWith(down);
  expect(streams[1]!.reduce).not.toHaveBeenCalled();
  expect(log.warn.mock.calls.map(([facts]) => facts)).toEqual([{ model: 'vda-small' }]);
  expect(await metrics.text()).toMatch(new RegExp(`depthcast_size_steps ${down}\n`));
  for (let n = 0; n < 60; n++) second(0.2);
  expect(size.steps).toBe(0);
  expect(streams[0]!.reduce).toHaveBeenLastCalledWith(0);
  const text = await metrics.text();
  expect(text).toMatch('depthcast_size_changes_total{direction="down"} 1');
  expect(text).toMatch(`depthcast_size_changes_total{direction="up"} ${down}`);
  expect(log.warn).toHaveBeenCalledTimes(1);
});

it('goes by frames that lose their place where the workers seem to have time', () => {
  const { size, second } = server([stream('depthcast-nano', true)]);
  open = size;
  for (let n = 0; n < 4; n++) second(0.4, 6);
  expect(size.steps).toBe(1);
});
