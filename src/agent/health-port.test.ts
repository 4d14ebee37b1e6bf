import { afterEach, expect, test } from 'vitest';
import { Metrics } from '../metrics/metrics.ts';
import { HealthPort } from './health-port.ts';

let port: HealthPort;

afterEach(() => port.close());

test('it tells whether the agent lives, takes jobs, and its metrics, and nothing else', async () => {
  const metrics = new Metrics({ version: '0', model: 'm', device: 'cpu' });
  const reasons: string[] = [];
  const options = { host: '127.0.0.1', metrics, whyNotReady: () => reasons };
  port = await HealthPort.open({ ...options, port: 0 });
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port.port}${path}`, { method });
    return [response.status, await response.text()] as const;
  };
  expect(await get('/livez')).toEqual([200, 'live\n']);
  expect(await get('/readyz?a=b')).toEqual([200, '{"ready":true,"reasons":[]}']);
  reasons.push('draining');
  expect(await get('/readyz')).toEqual([503, '{"ready":false,"reasons":["draining"]}']);
  const [status, text] = await get('/metrics');
  expect(status).toBe(200);
  expect(text).toContain('depthcast_build_info');
  expect((await get('/'))[0]).toBe(404);
  expect((await get('/livez', 'DELETE'))[0]).toBe(404);
  await expect(HealthPort.open({ ...options, port: port.port })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
});
