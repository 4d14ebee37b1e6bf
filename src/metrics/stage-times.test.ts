import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { StageTimes } from './stage-times.ts';

it('counts each time of a stage once, however many come between two scrapes', async () => {
  const registry = new Registry();
  const times = new StageTimes(registry);
  for (let i = 0; i < 300; i++) times.observe('decode', 2);
  times.observe('send', 700);
  for (const count of [300, 301]) {
    const text = await registry.metrics();
    expect(text).toContain(`depthcast_stage_duration_seconds_count{stage="decode"} ${count}`);
    expect(text).toContain('depthcast_stage_duration_seconds_bucket{le="0.25",stage="send"} 0');
    expect(text).toContain('depthcast_stage_duration_seconds_sum{stage="send"} 0.7');
    times.observe('decode', 2);
  }
});
