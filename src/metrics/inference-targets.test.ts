import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { InferenceTargets } from './inference-targets.ts';
import { type MetricSnapshot, textOf } from './snapshots.ts';

it('compares what models take with their targets, and passes over those without one', async () => {
  const registry = new Registry();
  const targets = new InferenceTargets(registry);
  targets.set([{ model: 'small', precision: 'fp32', seconds: 0.02 }]);
  targets.observe('small', 'fp16', 40);
  targets.observe('large', 'fp32', 40);
  expect(await registry.metrics()).toContain('depthcast_inference_target_seconds{model="small",precision="fp32"} 0.02');
  expect(await registry.metrics()).not.toContain('depthcast_inference_target_ratio{');
  targets.observe('small', 'fp32', 40);
  expect(await registry.metrics()).toContain('depthcast_inference_target_ratio{model="small",precision="fp32"} 2\n');
  // One frame moves the average by a thirtieth of the way.
  targets.observe('small', 'fp32', 100);
  expect(await registry.metrics()).toContain('depthcast_inference_target_ratio{model="small",precision="fp32"} 2.1\n');

  targets.set([{ model: 'large', precision: 'fp32', seconds: 0.1 }]);
  targets.observe('small', 'fp32', 40);
  const text = await registry.metrics();
  expect(text).toContain('depthcast_inference_target_seconds{model="large",precision="fp32"} 0.1');
  expect(text).not.toContain('small');
});

it('forgets the ratio of a model whose streams have ended, and begins anew with the next', async () => {
  let now = 1000;
  const registry = new Registry();
  const targets = new InferenceTargets(registry, () => now);
  targets.set(['ended', 'live'].map((model) => ({ model, precision: 'fp32', seconds: 0.02 })));
  targets.observe('ended', 'fp32', 80);
  for (const end = now + 12_000; now < end; now += 1000) targets.observe('live', 'fp32', 10);
  const text = await registry.metrics();
  expect(text).toContain('depthcast_inference_target_ratio{model="live",precision="fp32"} 0.5\n');
  expect(text).not.toContain('depthcast_inference_target_ratio{model="ended"');
  expect(text).toContain('depthcast_inference_target_seconds{model="ended",precision="fp32"} 0.02');

  targets.observe('ended', 'fp32', 20);
  expect(await registry.metrics()).toContain('depthcast_inference_target_ratio{model="ended",precision="fp32"} 1\n');
});

it('a thread whose streams have ended counts no longer in the average over threads', async () => {
  let now = 1000;
  const [ended, live] = [new Registry(), new Registry()];
  const threads = [ended, live].map((registry) => new InferenceTargets(registry, () => now));
  for (const thread of threads) thread.set([{ model: 'small', precision: 'fp32', seconds: 0.02 }]);
  threads[0]!.observe('small', 'fp32', 80);
  threads[1]!.observe('small', 'fp32', 20);
  const snapshotOf = async (registry: Registry) => (await registry.getMetricsAsJSON()) as MetricSnapshot;
  const line = 'depthcast_inference_target_ratio{model="small",precision="fp32"}';
  expect(await textOf(live, [await snapshotOf(ended)])).toContain(`${line} 2.5\n`);
  now += 11_000;
  threads[1]!.observe('small', 'fp32', 20);
  expect(await textOf(live, [await snapshotOf(ended)])).toContain(`${line} 1\n`);
});
