import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { trackReports } from '../../src/session/outputs.ts';
import type { PeerHost } from '../../src/session/peer-host.ts';
import type { Session } from '../../src/session/session.ts';
import { LiveStream } from '../../src/stream/live-stream.ts';
import type { EncodedFrame } from '../../src/video/types.ts';
import { film } from '../support/film.ts';
import { writeFocalModel } from '../support/focal-model.ts';
import { sumMetric } from '../support/load/metrics.ts';
import { type ClientOptions, RtcClient } from '../support/rtc-client.ts';
import { metric, startApp, until } from './support/app.ts';

// What signalling, admission and reports may rely on, the same wherever peers live.
const NETWORK = { width: 64, height: 48 };
const PUBLISH = { role: 'publish', track: false, data: 'none' } as const;
const folder = mkdtempSync(join(tmpdir(), 'depthcast-test-'));
let frames: EncodedFrame[];
beforeAll(async () => {
  frames = await film({ codec: 'VP8', encoder: 'libvpx', options: { deadline: 'realtime' }, width: 128, height: 96 });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each([
  ['on the main thread', 0],
  ['in a media worker', 1],
])('peers %s', (_, mediaWorkers) => {
  let server: DepthServer;
  let peers: PeerHost;
  const ends: (() => unknown)[] = [];
  beforeAll(async () => {
    server = await startApp({
      'server.mediaWorkers': mediaWorkers,
      // It goes by the camera, of which its manifest says nothing.
      'depth.model': writeFocalModel(folder, NETWORK.width, NETWORK.height, 'disparity'),
      'limits.encodesPerStream': 1,
    });
    peers = server.context.peers;
  });
  afterEach(async () => {
    await Promise.all(server.context.registry.sessions.map((session) => session.close('test over')));
    await Promise.all(ends.splice(0).map((end) => end()));
  });
  afterAll(() => server?.close());

  const client = async (options: ClientOptions) => {
    const made = await RtcClient.create(options);
    ends.push(() => made.close());
    return made;
  };
  const accept = (made: RtcClient, session: Session) => made.accept(session.peer.answerSdp);
  const depthStreams = () => server.context.pool.workers.reduce((sum, { streamCount }) => sum + streamCount, 0);
  /** A publisher that sends the film. */
  async function publish(name: string) {
    const made = await client({ direction: 'sendonly' });
    const session = await peers.publish(made.offerSdp, { ...PUBLISH, stream: name });
    accept(made, session);
    let n = 0;
    const timer = setInterval(() => {
      if (made.connected) made.sender.send({ ...frames[n % frames.length]!, rtpTimestamp: 3000 * n++ });
    }, 40);
    ends.push(() => clearInterval(timer));
    return session;
  }

  it('refuses with the codes of the catalogue, and keeps nothing of what it refused', async () => {
    const { registry } = server.context;
    const { offerSdp } = await client({ direction: 'sendonly' });
    const refused = async (asked: Promise<unknown>) => asked.then(String, ({ code }) => code);
    expect(await refused(peers.publish('v=0', { ...PUBLISH, stream: 'cam' }))).toBe('BAD_SDP');
    const silent = await client({ direction: 'recvonly' });
    expect(await refused(peers.publish(silent.offerSdp, { ...PUBLISH, stream: 'cam' }))).toBe('NO_VIDEO');
    expect(await refused(peers.publish(offerSdp, { ...PUBLISH, stream: 'cam', size: 3 }))).toBe('BAD_SIZE');
    expect(await refused(peers.publish(offerSdp, { ...PUBLISH, model: 'none' }))).toBe('MODEL_NOT_FOUND');
    expect(await refused(peers.view(silent.offerSdp, 'cam'))).toBe('NO_PUBLISHER');
    expect([registry.placesTaken, registry.sessions.length, depthStreams()]).toEqual([0, 0, 0]);

    const session = await peers.publish(offerSdp, { ...PUBLISH, stream: 'cam' });
    expect(await refused(peers.publish(offerSdp, { ...PUBLISH, stream: 'cam' }))).toBe('STREAM_TAKEN');
    expect(await refused(Promise.resolve().then(() => session.peer.addCandidate({ candidate: 'nonsense' })))).toBe(
      'BAD_REQUEST',
    );
    expect(await refused(session.peer.restart('v=0'))).toBe('BAD_SDP');
    expect([registry.placesTaken, depthStreams(), session.report().state]).toEqual([1, 1, 'connecting']);
    await session.close('test', undefined);
    expect([session.closed, session.stream.closed, registry.placesTaken, depthStreams()]).toEqual([true, true, 0, 0]);
    expect(await refused(session.peer.restart(offerSdp))).toBe('SESSION_NOT_FOUND');
  });

  it('shows a stream and its viewer, and ends both', async () => {
    const { registry, admission } = server.context;
    const session = await publish('cam');
    const events: string[] = [];
    session.peer.once('connected', () => events.push('connected'));
    session.stream.once('started', () => events.push('started'));
    session.once('report', ({ framesIn }) => events.push(framesIn > 0 ? 'report' : 'empty report'));
    const watching = await client({ direction: 'recvonly' });
    const viewer = await peers.view(watching.offerSdp, 'cam');
    accept(watching, viewer);
    await until('depth at the viewer', () => (watching.receiver?.getStats().frames ?? 0) > 3);
    await until('the events', () => events.length === 3);
    expect(events.toSorted()).toEqual(['connected', 'report', 'started']);
    await until('a measurement of its demand', () => session.stream.demand.rate && admission.utilisation > 0);

    expect(registry.streams).toEqual([session.stream]);
    expect(session.stream).toMatchObject({
      name: 'cam',
      unlisted: false,
      closed: false,
      model: 'focal',
      watched: true,
    });
    expect(session.stream.last).toMatchObject({ width: 128, height: 96, depthWidth: NETWORK.width });
    expect(session.peer).toMatchObject({ connected: true, closed: false });
    expect(session.peer.getStats()).toMatchObject({ state: 'connected', receiver: { codec: 'VP8' } });
    const { video, ...report } = session.report();
    expect(report).toMatchObject({ kind: 'whip', stream: 'cam', state: 'connected', model: 'focal' });
    expect(video).toMatchObject({ codec: 'VP8', width: 128, height: 96 });
    expect(video!.depth).toBeGreaterThan(3);
    expect(viewer.report()).toMatchObject({ kind: 'whep', stream: 'cam', state: 'connected' });
    const text = await server.context.metrics.text();
    expect(sumMetric(text, 'depthcast_frames_total', { outcome: 'depth' })).toBeGreaterThan(3);
    expect(sumMetric(text, 'depthcast_sessions', { kind: 'whep' })).toBe(1);

    const ended: string[] = [];
    viewer.once('closed', (reason) => ended.push(reason));
    await session.close('enough');
    await until('the end of the viewer', () => ended.length);
    expect([ended, registry.sessions.length, depthStreams()]).toEqual([['enough'], 0, 0]);
    expect(session.report().state).toBe('closed');
    expect(sumMetric(await server.context.metrics.text(), 'depthcast_session_ends_total', { reason: 'enough' })).toBe(
      2,
    );
  });

  it('hosts a stream that nobody publishes, and its viewers, until it is closed', async () => {
    const { admission, registry } = server.context;
    const origin = { kind: 'scene', scene: 'room', width: 128, height: 96, fps: 15 } as const;
    const codeOf = async (asked: Promise<unknown>) => asked.then(String, ({ code }) => code);
    expect(await codeOf(peers.host({ name: 'bad', origin, still: false, model: 'none' }))).toBe('MODEL_NOT_FOUND');
    expect(await codeOf(peers.host({ name: 'bad', origin, still: false, size: 3 }))).toBe('BAD_SIZE');
    expect(depthStreams()).toBe(0);

    const place = admission.reserve('hosted');
    const source = await peers.host({ name: 'hosted', origin, still: false, camera: { hfov: 80 } });
    const { stream } = source;
    place.filled(stream);
    const ended: string[] = [];
    stream.once('started', () => ended.push('started'));
    source.once('closed', (reason) => {
      ended.push(reason);
      place.free();
    });
    source.start();
    expect([depthStreams(), source.status, stream.still]).toEqual([1, undefined, 'off']);
    const watching = await client({ direction: 'recvonly' });
    const viewer = await peers.view(watching.offerSdp, 'hosted');
    accept(watching, viewer);
    await until('depth at the viewer', () => (watching.receiver?.getStats().frames ?? 0) > 3);
    await until('numbers of the stream', () => stream.frames > 3 && stream.watched);
    expect(stream.last).toMatchObject({ width: 128, height: 96, depthWidth: NETWORK.width });
    expect(stream.hfov).toBeCloseTo(80);
    stream.setRange({ near: 1, far: 0 });
    await until('the range', () => stream.last.near === 1 && stream.last.far === 0);

    const left: string[] = [];
    viewer.once('closed', (reason) => left.push(reason));
    source.close('enough');
    expect([ended, stream.closed, registry.isTaken('hosted'), depthStreams()]).toEqual([
      ['started', 'enough'],
      true,
      false,
      0,
    ]);
    await until('the end of the viewer', () => left.length);
    expect(left).toEqual(['enough']);
    const next = await peers.host({ name: 'hosted', origin, still: false });
    next.close('enough');
    expect(depthStreams()).toBe(0);
  });

  it('changes what a two-way session returns, while it runs', async () => {
    const made = await client({ direction: 'sendrecv', data: true });
    const session = await peers.publish(made.offerSdp, { role: 'duplex', track: false, data: 'u8' });
    accept(made, session);
    await until('the connection', () => made.connected);
    let messages = 0;
    made.openChannel('depth').onMessage.subscribe(() => messages++);
    let n = 0;
    const timer = setInterval(() => {
      made.sender.send({ ...frames[n % frames.length]!, rtpTimestamp: 3000 * n++ });
    }, 40);
    ends.push(() => clearInterval(timer));
    await until('depth packets', () => messages > 3);
    expect(made.receiver.getStats().frames).toBe(0);
    session.setTrack(true);
    await until('the gray track', () => made.receiver.getStats().frames > 3);

    await expect((async () => session.checkLayout('depth'))()).resolves.toBeUndefined();
    session.setLayout('stacked');
    const { stream } = session;
    const tracks = () => (stream instanceof LiveStream ? trackReports(stream) : (stream.tracks ?? []));
    await until('the layout', () => tracks().some(({ layout, viewers }) => layout === 'stacked' && viewers === 1));
    const shown = made.receiver.getStats().frames;
    await until('the stacked track', () => made.receiver.getStats().frames > shown + 3);
    const assumed = session.stream.last.epoch;
    session.stream.setCamera({ hfov: 90 });
    await until('the camera', () => session.report().video?.intrinsics?.source === 'derived');
    await until('the epoch of that camera', () => session.stream.last.epoch > assumed);
    const { epoch } = session.stream.last;
    session.stream.setRange({ near: 1, far: 0 });
    session.stream.reset();
    await until('the next epoch', () => session.stream.last.epoch > epoch);
    await until('the range', () => session.stream.last.near === 1 && session.stream.last.far === 0);
    expect(session.report()).toMatchObject({ kind: 'ws', stream: null });

    const answer = await session.peer.restart(await made.restart());
    expect(session.peer.answerSdp).toBe(answer);
    made.resume(answer);
    const before = messages;
    await until('depth after the ICE restart', () => messages > before + 3);
    expect(await metric(server, 'depthcast_media_worker_restarts_total')).toBe(0);
  });
});
