import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { Session as Inspector } from 'node:inspector';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import foxglove from '@foxglove/ws-protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { pulledSourceSchema } from '../../src/config/pulled-source.ts';
import type { MediaWorkers } from '../../src/media/media-workers.ts';
import type { RecordingStatus } from '../../src/sinks/mcap/mcap-recorder.ts';
import type { EncodedFrame } from '../../src/video/types.ts';
import { film } from '../support/film.ts';
import { freePort } from '../support/free-port.ts';
import { sumMetric } from '../support/load/metrics.ts';
import { Fleet } from '../support/load/wrtc-fleet.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { startApp, until } from './support/app.ts';
import { postOffer } from './support/offer.ts';

// Peers in media workers, with the main thread's side as it is seen from outside and by the registry.

let server: Awaited<ReturnType<typeof startApp>>;
let folder: string;
let frames: EncodedFrame[];
const clients: RtcClient[] = [];
const ends: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'depthcast-test-'));
  frames = await film({ codec: 'VP8', encoder: 'libvpx', options: { deadline: 'realtime' }, width: 160, height: 120 });
  server = await startApp({
    'server.mediaWorkers': 2,
    // A new epoch tells of memory that was lost: a machine that passes pictures over makes a cut of what moves, or a gap.
    'depth.sceneCuts': false,
    'depth.gapSeconds': 60,
    'recording.folder': folder,
    'recording.reserveMegabytes': 0,
    'bridge.foxglove': { port: 0 },
    'outputs.apiHosts': ['127.0.0.1'],
  });
});
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await server?.close();
  rmSync(folder, { recursive: true });
});

const text = async (path: string) => (await fetch(server.base + path)).text();
const counted = async (name: string, labels = {}) => sumMetric(await text('/metrics'), `depthcast_${name}`, labels);
const stream = (name: string) => server.context.registry.streams.find((one) => one.name === name);
/** Which worker has so many sessions. */
const placeWith = (sessions: number) => server.context.peers.workers.findIndex((one) => one.sessions === sessions);
const allAlive = () => server.context.peers.workers.every(({ alive }) => alive);

async function post(path: string, direction: 'sendonly' | 'recvonly') {
  const client = await RtcClient.create({ direction });
  clients.push(client);
  return { client, resource: await postOffer(server.base + path, client) };
}

/** Publishes the film, over and over. */
async function publish(name: string) {
  const session = await post(`/whip/${name}`, 'sendonly');
  let n = 0;
  const timer = setInterval(() => {
    if (!session.client.connected) return;
    const frame = frames[n % frames.length]!;
    session.client.sender.send({ ...frame, rtpTimestamp: 3000 * n++ });
  }, 66);
  ends.push(() => clearInterval(timer));
  return session;
}

/** A two-way session of libwebrtc. */
async function twoWay() {
  const fleet = new Fleet({
    url: server.base,
    peers: 1,
    scene: 'room',
    width: 160,
    height: 120,
    fps: 10,
    data: 'u8',
    track: 'gray',
  });
  ends.push(() => fleet.stop());
  await fleet.flowing();
  return fleet;
}

/** What Foxglove gets of a stream: bytes of each topic's first message. It sets the network's size. */
async function seenInFoxglove(name: string, size: number): Promise<Record<string, number>> {
  const socket = new WebSocket(server.foxgloveUrl!, ['foxglove.sdk.v1']);
  ends.push(() => socket.terminate());
  const client = new foxglove.FoxgloveClient({ ws: socket as never });
  const topics = new Map<number, string>();
  const bytes: Record<string, number> = {};
  client.on('advertise', (channels) => {
    for (const { id, topic } of channels)
      if (topic.startsWith(`/${name}/`)) topics.set(client.subscribe(id), topic.slice(name.length + 2));
  });
  client.on('message', ({ subscriptionId, data }) => {
    bytes[topics.get(subscriptionId)!] ??= data.byteLength;
  });
  const told = new Map<string, unknown>();
  client.on('parameterValues', ({ parameters }) => {
    for (const { name: parameter, value } of parameters) told.set(parameter, value);
  });
  await until('its messages', () => topics.size === 4 && Object.keys(bytes).length === 4);
  const { epoch } = stream(name)!.last;
  client.setParameters([{ name: `/${name}.size`, value: size }], 'set');
  await until('its size', () => told.get(`/${name}.size`) === size && stream(name)!.last.epoch > epoch);
  client.getParameters([`/${name}.hfov`]);
  await until('its field of view', () => told.get(`/${name}.hfov`) === 65);
  socket.terminate();
  return bytes;
}

/**
 * Sends a stream by SRT to a source of this very server's, which need not keep up: that what is sent can be decoded is tested where a
 * machine has time for it. @returns a wait for so many connections, of which each begins anew
 */
async function sendBack(stream: string): Promise<(connections: number) => Promise<unknown>> {
  const { sources, outputs } = server.context;
  const url = `srt://127.0.0.1:${await freePort()}`;
  const back = { name: 'back', url: `${url}?mode=listener`, size: 160, timeoutSeconds: 60 };
  const arrives = async (connections: number) => {
    await sources.add(pulledSourceSchema.parse(back), 'api');
    const { frames } = outputs.get('out');
    await until('what is sent', () => {
      const now = outputs.get('out');
      return now.connections >= connections && now.state === 'live' && now.frames > frames + 3;
    });
    sources.remove('back');
  };
  const body = JSON.stringify({ name: 'out', stream, url, layout: 'stacked' });
  const headers = { 'content-type': 'application/json' };
  expect((await fetch(`${server.base}/api/outputs`, { method: 'POST', headers, body })).status).toBe(201);
  return arrives;
}

/** What must stay as it is while another worker dies: no packet and no frame is lost, no memory is forgotten. */
function losses(name: string) {
  const { dropped } = stream(name)!.stats.totals;
  const session = server.context.registry.sessions.find((one) => one.stream.name === name && one.kind === 'whip')!;
  // A newer picture takes another's place wherever a machine is too busy for its network.
  return { dropped: { ...dropped, newer: 0 }, epoch: stream(name)!.last.epoch, lost: session.report().packets?.lost };
}

/** Runs code in the oldest media worker, as a bug of its own would. */
async function inOldestWorker(code: string): Promise<void> {
  const inspector = new Inspector();
  inspector.connect();
  const found: { id: string; threadId: number }[] = [];
  const answers = new Map<string, (value: unknown) => void>();
  inspector.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) =>
    answers.get(sessionId)?.(JSON.parse(message).result?.result?.value),
  );
  const run = (sessionId: string, expression: string) => {
    const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } });
    // The answer may be there before this returns.
    const answer = new Promise((resolve) => answers.set(sessionId, resolve));
    inspector.post('NodeWorker.sendMessageToWorker', { sessionId, message });
    return answer;
  };
  const attached: string[] = [];
  inspector.on('NodeWorker.attachedToWorker', ({ params }) => attached.push(params.sessionId));
  inspector.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  const own = "process.getBuiltinModule('node:worker_threads')";
  for (const id of attached) {
    const threadId = await run(id, `${own}.workerData?.config ? ${own}.threadId : 0`);
    if (Number(threadId) > 0) found.push({ id, threadId: Number(threadId) });
  }
  const [oldest] = found.toSorted((a, b) => a.threadId - b.threadId);
  void run(oldest!.id, code);
  await new Promise((resolve) => setTimeout(resolve, 100));
  inspector.disconnect();
}

it('carries WHIP, WHEP and two-way sessions, and loses no more than the sessions of a worker that dies or stalls', {
  timeout: 300_000,
}, async () => {
  const cam = await publish('cam');
  const viewer = await post('/whep/cam', 'recvonly');
  const seen = () => viewer.client.receiver?.getStats().frames ?? 0;
  await until('the gray track of the viewer', () => seen() > 5);

  // Sent by its worker; a receiver that goes is told of, and found again.
  const { outputs } = server.context;
  const arrives = await sendBack('cam');
  await arrives(1);
  await until('the loss', () => outputs.get('out').problem?.code === 'OUTPUT_FAILED');
  await arrives(2);

  const fleet = await twoWay();
  expect(server.context.peers.workers.map(({ sessions }) => sessions).toSorted()).toEqual([1, 2]);
  await until('numbers of the stream', () => stream('cam')!.frames > 10);

  // Recorded by its worker.
  const recording = async (method: string) =>
    (await fetch(`${server.base}/api/streams/cam/recording`, { method })).json() as Promise<RecordingStatus>;
  expect(await recording('POST')).toMatchObject({ state: 'recording', problem: null });
  await until('recorded frames', async () => (await recording('GET')).frames > 3);
  const ended = await recording('DELETE');
  expect(ended).toMatchObject({ state: 'stopped', files: 1, problem: null });
  expect(statSync(ended.file!).size).toBe(ended.bytes);

  // What Foxglove shows is made by its worker.
  const shownBytes = await seenInFoxglove('cam', 160);
  expect(shownBytes['relative_disparity/image']).toBeGreaterThan(4 * 256 * 192);
  expect(Object.keys(shownBytes).toSorted()).toEqual([
    'image/camera_info',
    'image/compressed',
    'relative_disparity/camera_info',
    'relative_disparity/image',
  ]);

  // Its thumbnail is made by its worker.
  const thumbnail = await fetch(`${server.base}/api/streams/cam/thumbnail`);
  expect([thumbnail.status, thumbnail.headers.get('content-type')]).toEqual([200, 'image/jpeg']);

  // Killed: the two-way session is told; the stream beside it loses nothing.
  const before = losses('cam');
  await (server.context.peers as MediaWorkers).kill(placeWith(1));
  await until('the message', () => fleet.last?.peers[0]?.errors.some((error) => error.startsWith('MEDIA_WORKER_DIED')));
  const [frames, shown] = [stream('cam')!.frames, seen()];
  await until('more depth', () => stream('cam')!.frames > frames + 20 && seen() > shown + 20);
  expect(losses('cam')).toEqual(before);
  await until('the next worker', allAlive);
  expect(await counted('media_worker_restarts_total')).toBe(1);
  expect(await counted('session_ends_total', { kind: 'ws', reason: 'media worker died' })).toBe(1);
  expect(await counted('rejected_total', { code: 'MEDIA_WORKER_DIED' })).toBe(1);

  // Stalled: found by its silence, and replaced; the new worker's stream loses nothing.
  await publish('other');
  expect(server.context.peers.workers.map(({ sessions }) => sessions).toSorted()).toEqual([1, 2]);
  await until('depth of the other', () => stream('other')!.frames > 10);
  const others = losses('other');
  await inOldestWorker('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)');
  await until('the end of the stalled', () => stream('cam') === undefined);
  expect((await fetch(cam.resource, { method: 'DELETE' })).status).toBe(404);
  expect(outputs.get('out')).toMatchObject({ state: 'idle' });
  const made = stream('other')!.frames;
  await until('more depth of the other', () => stream('other')!.frames > made + 20);
  expect(losses('other')).toEqual(others);
  await until('the next worker', allAlive);
  expect(await counted('session_ends_total', { kind: 'whep', reason: 'media worker died' })).toBe(1);

  // A bug: the worker still tells its peers, by DTLS, before it ends.
  await publish('cam');
  await until('depth once more', () => stream('cam')!.frames > 3);
  await arrives(3);
  expect((await fetch(`${server.base}/api/outputs/out`, { method: 'DELETE' })).status).toBe(204);
  const total = await counted('frames_total', { outcome: 'depth' });
  let told = false;
  for (const client of clients) client.dtls.on('closed', () => (told = true));
  await inOldestWorker("setTimeout(() => { throw new Error('a bug') })");
  await until('the end by DTLS', () => told);
  await until('the next worker', async () => allAlive() && (await counted('media_worker_restarts_total')) === 3);
  expect(await counted('frames_total', { outcome: 'depth' })).toBeGreaterThanOrEqual(total);
});
