import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { Metrics } from '../metrics/metrics.ts';
import { Admission } from '../session/admission.ts';
import { Registry } from '../session/registry.ts';
import { addHealth } from './health.ts';

it('is not ready while every place is taken, also by what has no stream yet, or none for the moment', async () => {
  const config = loadConfig({ overrides: { 'limits.streams': 1 } }) as never as ConstructorParameters<
    typeof Admission
  >[0]['config'];
  const registry = new Registry();
  const pool = { workersLimit: 1, models: [{ manifest: { name: 'm' } }], workers: [] } as never;
  const admission = new Admission({ registry, pool, config });
  const metrics = new Metrics();
  const app = Fastify();
  const context = { version: 'test', device: 'none', size: undefined, peers: { workers: [] } as never };
  addHealth(app, { ...context, config, registry, pool, admission, metrics }, { admit: async () => ({}) as never });
  const look = async () => {
    const { statusCode } = await app.inject('/readyz');
    return [statusCode, /^depthcast_accepting (\d)/m.exec(await metrics.text())?.[1]];
  };

  expect(await look()).toEqual([200, '1']);
  const place = registry.reserve('cam');
  expect(() => admission.checkStreams()).toThrow('1 streams');
  expect(await look()).toEqual([503, '0']);
  place.free();
  expect(await look()).toEqual([200, '1']);
  await app.close();
});
