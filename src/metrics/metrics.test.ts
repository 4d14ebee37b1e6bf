import { describe, expect, it } from 'vitest';
import { Metrics } from './metrics.ts';
import { exportState, type ServerState } from './server-state.ts';
import type { MetricSnapshot } from './snapshots.ts';

const build = { version: '1', model: 'm', device: 'cpu' };

describe('the registry', () => {
  it('begins the series that alerts watch at 0, so that their first event counts', async () => {
    const text = await new Metrics(build).text();
    expect(text).toContain('depthcast_frames_total{outcome="failed"} 0');
    expect(text).toContain('depthcast_rejected_total{code="INTERNAL"} 0');
    expect(text).toContain('depthcast_depth_worker_restarts_total 0');
    expect(text).toContain('depthcast_sessions{kind="whep"} 0');
  });

  it('explains each of its own metrics', async () => {
    const metrics = await new Metrics(build).registry.getMetricsAsJSON();
    for (const { name, help } of metrics.filter(({ name }) => name.startsWith('depthcast_')))
      expect(help.length, name).toBeGreaterThan(5);
  });

  it('files a setup time under its milestone, in seconds', async () => {
    const metrics = new Metrics(build);
    metrics.observeSetup('whip', 'first_depth', 420);
    expect(await metrics.text()).toContain(
      'depthcast_session_setup_seconds_sum{kind="whip",milestone="first_depth"} 0.42',
    );
  });
});

it("tells the event loop's lag beside the numbers of other threads, with every scrape", async () => {
  const metrics = new Metrics(build);
  const worker = new Metrics();
  metrics.others = async () => [(await worker.registry.getMetricsAsJSON()) as MetricSnapshot];
  for (let scrape = 0; scrape < 2; scrape++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const [, p99] = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(await metrics.text()) ?? [];
    // It holds the interval of sampling; of no sample at all it is some nanoseconds.
    expect(Number(p99)).toBeGreaterThan(0.01);
  }
});

it("reads the server's state at each scrape", async () => {
  const { registry } = new Metrics(build);
  const state: ServerState = {
    ready: true,
    accepting: true,
    streams: 3,
    streamsLimit: 16,
    workersAlive: 2,
    workersRestarting: 0,
    workersLimit: 2,
    utilisation: 1.5,
    mediaWorkers: [
      { number: 0, alive: true, starting: false, utilisation: 0.25 },
      { number: 1, alive: false, starting: true, utilisation: 0 },
      { number: 2, alive: false, starting: false, utilisation: 0 },
    ],
  };
  exportState(registry, () => state);
  const before = await registry.metrics();
  expect(before).toContain('depthcast_ready 1');
  for (const state of ['alive', 'starting', 'restarting'])
    expect(before).toContain(`depthcast_media_workers{state="${state}"} 1`);
  expect(before).toContain('depthcast_media_worker_utilisation_ratio{worker="0"} 0.25');
  expect(before).toContain('depthcast_media_worker_utilisation_ratio{worker="2"} 0');
  const mediaWorkers = state.mediaWorkers?.slice(0, 1);
  Object.assign(state, { ready: false, workersAlive: 1, workersRestarting: 1, mediaWorkers });
  const text = await registry.metrics();
  expect(text).toContain('depthcast_ready 0');
  expect(text).toContain('depthcast_depth_workers{state="restarting"} 1');
  expect(text).toContain('depthcast_streams_limit 16');
  expect(text).toContain('depthcast_depth_utilisation_ratio 1.5');
  expect(text).toContain('depthcast_media_workers{state="restarting"} 0');
  expect(text).toContain('depthcast_media_worker_utilisation_ratio{worker="0"} 0.25');
  // Workers that are there no longer leave nothing behind.
  expect(text).not.toContain('worker="1"');
});
