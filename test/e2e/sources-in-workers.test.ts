import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { MediaWorkers } from '../../src/media/media-workers.ts';
import type { DepthServer } from '../../src/server/server.ts';
import type { SourceReport } from '../../src/session/pulled-sources.ts';
import type { RecordingStatus } from '../../src/sinks/mcap/mcap-recorder.ts';
import { RtcPeer } from '../../src/webrtc/index.ts';
import { sumMetric } from '../support/load/metrics.ts';
import { writeLumaModel } from '../support/luma-model.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { writeVideo } from '../support/video-file.ts';
import { metric, startApp, until } from './support/app.ts';
import { postOffer } from './support/offer.ts';

// Streams that nobody publishes, and who watches them, in media workers.

let server: DepthServer & { base: string };
let folder: string;
const clients: RtcClient[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'depthcast-test-'));
  const clip = join(folder, 'clip.mp4');
  await writeVideo(clip, { width: 160, height: 120, frames: 60, fps: 15 });
  server = await startApp({
    'server.mediaWorkers': 2,
    'depth.model': writeLumaModel(folder, 64, 48),
    'sources.scenes': ['room'],
    'sources.width': 160,
    'sources.height': 120,
    'sources.fps': 10,
    'sources.pull': [{ name: 'loop', url: clip }],
    'sources.apiHosts': ['127.0.0.1'],
    'recording.folder': folder,
    'recording.reserveMegabytes': 0,
  });
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await server?.close();
  rmSync(folder, { recursive: true });
});

const api = async (method: string, path: string, body?: unknown) => {
  const headers = { 'content-type': 'application/json' };
  const json = body === undefined ? {} : { body: JSON.stringify(body), headers };
  return fetch(`${server.base}/api/${path}`, { method, ...json });
};
const told = async <T>(method: string, path: string, body?: unknown) =>
  (await (await api(method, path, body)).json()) as T;
const report = (name: string) => told<SourceReport>('GET', `sources/${name}`);
const live = (name: string, connections: number) =>
  until(`${name} to give depth`, async () => {
    const now = await report(name);
    return now.state === 'live' && now.connections === connections && now.depth > 3 ? now : undefined;
  });
const stream = (name: string) => server.context.registry.streams.find((one) => one.name === name);
const kill = (place: number) => (server.context.peers as MediaWorkers).kill(place);
const sources = () => server.context.peers.workers.map((worker) => worker.sources);

/** What is seen as soon as the present stream of a name has ended. */
const whenClosed = <T>(name: string, look: () => T) =>
  new Promise<T>((resolve) => stream(name)!.once('closed', () => setImmediate(() => resolve(look()))));

async function watch(name: string) {
  const client = await RtcClient.create({ direction: 'recvonly' });
  clients.push(client);
  const resource = await postOffer(`${server.base}/whep/${name}`, client);
  const seen = () => client.receiver?.getStats().frames ?? 0;
  await until(`a viewer of ${name} to get its track`, () => seen() > 5);
  return { resource, seen };
}

/** Processes of this one that read a source, and have not ended. */
const readers = () =>
  readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const [, state, parent] = /\) (\w) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      if (Number(parent) !== process.pid || state === 'Z') return false;
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('reader-process');
    } catch {
      return false;
    }
  });

/** What the main thread itself has counted. */
async function ownCount(name: string): Promise<number> {
  const own = await server.context.metrics.registry.getMetricsAsJSON();
  const values = own.find((one) => one.name === name)?.values ?? [];
  return values.reduce((sum, { value }) => sum + Number(value), 0);
}

it('live in a media worker with their viewers, and begin again when it dies', { timeout: 300_000 }, async () => {
  expect(sources()).toEqual([1, 1]);
  const loop = await watch('loop');
  const place = server.context.peers.workers.findIndex(({ sessions }) => sessions === 1);
  const scene = await watch('scene-room');
  expect(await live('loop', 1)).toMatchObject({ kind: 'file', codec: 'h264', width: 160, height: 120 });

  // No packet, picture or map is of the main thread.
  const { registry } = server.context;
  expect(registry.liveStreams).toEqual([]);
  expect(registry.sessions.map(({ kind, peer }) => [kind, peer instanceof RtcPeer])).toEqual([
    ['whep', false],
    ['whep', false],
  ]);
  for (const name of ['depthcast_frames_total', 'depthcast_peer_packets_total', 'depthcast_rtp_packets_total']) {
    expect(sumMetric(await server.context.metrics.text(), name), name).toBeGreaterThan(10);
    expect(await ownCount(name), name).toBe(0);
  }
  expect(await metric(server, 'depthcast_pulled_sources', { state: 'live' })).toBe(1);
  await until('one reader', () => readers().length === 1);

  // What is made of a stream is made by its worker.
  const thumbnail = await api('GET', 'streams/loop/thumbnail');
  expect([thumbnail.status, thumbnail.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
  expect(await told('POST', 'streams/loop/recording')).toMatchObject({ state: 'recording' });
  await until('recorded frames', async () => (await told<RecordingStatus>('GET', 'streams/loop/recording')).frames > 3);
  expect(await told('DELETE', 'streams/loop/recording')).toMatchObject({ state: 'stopped', files: 1, problem: null });
  const change = { range: { near: 2, far: 1 }, still: 'off', layout: 'stacked' };
  expect(await told('PATCH', 'streams/loop', change)).toMatchObject(change);
  stream('loop')!.setCamera({ hfov: 40 });
  const hfov = () => Math.round(stream('loop')?.hfov ?? 0);
  await until('the range and the camera', () => stream('loop')!.last.near === 2 && hfov() === 40);

  // Its viewers are told, its name stays taken, and the stream beside it goes on.
  const beside = stream('scene-room')!;
  const shown = scene.seen();
  const meanwhile = whenClosed('loop', () => server.context.sources.get('loop'));
  await kill(place);
  expect(await meanwhile).toMatchObject({
    state: 'waiting',
    problem: { code: 'MEDIA_WORKER_DIED' },
    connections: 1,
    framesIn: 0,
  });
  expect(await told('POST', 'sources', { name: 'loop', url: 'rtsp://127.0.0.1:1/x' })).toMatchObject({
    code: 'STREAM_TAKEN',
  });
  expect((await fetch(loop.resource, { method: 'DELETE' })).status).toBe(404);
  expect(await metric(server, 'depthcast_session_ends_total', { kind: 'whep', reason: 'media worker died' })).toBe(1);
  await until('more of the scene', () => scene.seen() > shown + 10);
  expect([beside.closed, stream('scene-room')]).toEqual([false, beside]);

  const back = await live('loop', 2);
  expect(back.problem).toBeNull();
  expect(await told('GET', 'streams/loop')).toMatchObject(change);
  await until('the range and the camera once more', () => stream('loop')!.last.near === 2 && hfov() === 40);
  await until('the next worker', () => server.context.peers.workers.every(({ alive }) => alive));
  await watch('loop');
  await until('the reader of the dead worker to be gone', () => readers().length === 1);

  // Every worker at once: the scene too is back, and what was removed meanwhile is not.
  const gone = { name: 'gone', url: 'rtsp://127.0.0.1:1/x' };
  expect((await api('POST', 'sources', gone)).status).toBe(201);
  const ended = whenClosed('gone', () => registry.isTaken('gone'));
  await Promise.all([kill(0), kill(1)]);
  expect(await ended).toBe(true);
  expect((await api('DELETE', 'sources/gone')).status).toBe(204);
  await live('loop', 3);
  await watch('scene-room');
  expect((await api('GET', 'sources/gone')).status).toBe(404);
  expect(registry.isTaken('gone')).toBe(false);
  expect(sources().reduce((sum, count) => sum + count)).toBe(2);
});
