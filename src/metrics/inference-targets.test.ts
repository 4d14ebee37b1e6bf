import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { InferenceTargets } from './inference-targets.ts';

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
