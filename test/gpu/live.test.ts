import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ServerProcess } from '../support/load/server-process.ts';
import { Fleet } from '../support/load/wrtc-fleet.ts';
import { microModel } from './micro.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-gpu-live-'));
afterAll(() => rmSync(folder, { recursive: true }));
const FLOWING_MS = 120_000;

it('serves a stream of an independent WebRTC peer from a device, and says so', async () => {
  microModel(folder);
  const server = await ServerProcess.start({
    overrides: {
      'depth.device': 'webgpu',
      'depth.model': join(folder, 'micro.json'),
      'limits.deviceMemory': 64,
      'server.host': '127.0.0.1',
    },
    quiet: true,
  });
  const peer = { scene: 'room', width: 320, height: 240, fps: 10, data: 'u8', track: 'gray' } as const;
  const fleet = new Fleet({ url: server.base, peers: 1, ...peer });
  try {
    const report = await fleet.flowing(FLOWING_MS);
    expect(report.peers[0]).toMatchObject({ connected: true, badPackets: 0, errors: [] });
    const more = async () => {
      const { frames, packets } = (await fleet.next()).peers[0]!;
      return Math.min(frames, packets);
    };
    await expect.poll(more, { timeout: FLOWING_MS }).toBeGreaterThan(20);
    const info = (await (await fetch(`${server.base}/api/info`)).json()) as { engines: unknown[] };
    expect(info.engines).toEqual([
      expect.objectContaining({
        model: 'micro',
        kind: 'webgpu',
        device: 'WebGPU',
        check: expect.objectContaining({ frames: 4 }),
        memory: { model: expect.any(Number), stream: 2 * 64 * 4 * 32 * 4 },
      }),
    ]);
    expect(await server.metric('depthcast_build_info', { device: 'WebGPU', model: 'micro' })).toBe(1);
    expect(await server.metric('depthcast_depth_worker_restarts_total')).toBe(0);
  } finally {
    await fleet.stop();
    await server.close();
  }
});
