import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { ServerMessage } from '../../src/protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/versions.ts';
import type { DepthServer } from '../../src/server/server.ts';
import { GrayEncoder } from '../../src/video/index.ts';
import { type ClientOptions, RtcClient } from '../support/rtc-client.ts';
import { metric, SMALL_DEPTH, startApp, until } from './support/app.ts';

let server: DepthServer & { base: string };

beforeAll(async () => {
  server = await startApp({
    ...SMALL_DEPTH,
    'sources.scenes': ['room'],
    'sources.fps': 10,
    'limits.slowViewerSeconds': 4,
    'server.redirectWhenBusy': 'https://other.example/depth/',
  });
});
afterAll(() => server.close());
// What a failed test leaves behind would be taken for the next one's.
afterEach(() => Promise.all(server.context.registry.sessions.map((session) => session.close('test'))));

/** bit/s that a slow client says it can take: less than any machine sends, however few frames it makes. */
const NEXT_TO_NOTHING = 2000;

async function open(path: string, options: ClientOptions) {
  const client = await RtcClient.create(options);
  const response = await fetch(server.base + path, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/sdp' },
    body: client.offerSdp,
  });
  const body = await response.text();
  if (response.status === 201) client.accept(body);
  return { client, response };
}
const watch = (options: ClientOptions = {}) => open('/whep/scene-room', { direction: 'recvonly', ...options });
/** Of the media packets that come to it, as long as `when` says so. */
function loseHalf({ media }: RtcClient, when: () => boolean = () => true): void {
  const receive = media.receive.bind(media);
  let received = 0;
  media.receive = (packet, now) => {
    if (!when() || received++ % 2 === 0) receive(packet, now);
  };
}
const packets = ({ client }: { client: RtcClient }) => client.receiver?.getStats().packets ?? 0;
const ends = (reason: string) => metric(server, 'depthcast_session_ends_total', { kind: 'whep', reason });

it('refuses or redirects a publisher that would ask too much of the depth workers, as measured', async () => {
  const { limits, server: settings } = server.context.config;
  // Nobody watches, so the scene stands still and asks for nothing.
  expect(server.context.admission.utilisation).toBe(0);
  const viewer = await watch();
  const utilisation = await until('a measurement', () => server.context.admission.utilisation);
  expect(await metric(server, 'depthcast_depth_utilisation_ratio')).toBeGreaterThan(0);
  limits.utilisation = utilisation / 10;
  expect(server.context.admission.predict()).toBeGreaterThan(utilisation);
  expect((await fetch(`${server.base}/readyz`)).status).toBe(503);

  const redirected = await open('/whip/cam', { direction: 'sendonly' });
  expect(redirected.response.status).toBe(307);
  expect(redirected.response.headers.get('location')).toBe('https://other.example/depth/whip/cam');
  expect(await metric(server, 'depthcast_redirected_total')).toBe(1);
  settings.redirectWhenBusy = null;
  const refused = await open('/whip/cam', { direction: 'sendonly' });
  expect(refused.response.status).toBe(503);
  expect(Number(refused.response.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(server.context.registry.streams).toHaveLength(1);

  limits.utilisation = 100;
  const taken = await open('/whip/cam', { direction: 'sendonly' });
  expect(taken.response.status).toBe(201);
  await Promise.all(server.context.registry.sessions.map((session) => session.close('test')));
  await Promise.all([viewer, redirected, refused, taken].map(({ client }) => client.close()));
});

it('sheds the frames of a viewer that loses half of the least bitrate, then ends it; others see all', async () => {
  const [good, slow] = [await watch(), await watch({ receiveBitrate: NEXT_TO_NOTHING })];
  loseHalf(slow.client);
  await until('depth for both', () => packets(good) > 5 && packets(slow) > 5);
  await until('frames shed', () => metric(server, 'depthcast_track_frames_total', { outcome: 'shed' }));
  await until('its end', () => ends('slow viewer'));
  expect(await metric(server, 'depthcast_rejected_total', { code: 'SLOW_VIEWER' })).toBe(1);
  expect(server.context.registry.sessions).toHaveLength(1);
  const before = packets(good);
  await until('the other going on', () => packets(good) > before + 10);
  await Promise.all(server.context.registry.sessions.map((session) => session.close('test')));
  await Promise.all([good, slow].map(({ client }) => client.close()));
});

it('ends a viewer whose data channel takes nothing any more', async () => {
  const before = await ends('slow viewer');
  const viewer = await watch({ data: true });
  await until('the transport', () => packets(viewer) > 0);
  let messages = 0;
  viewer.client.openChannel('depth', { ordered: true }).onMessage.subscribe(() => messages++);
  await until('depth packets', () => messages > 3);
  // It goes on with ICE and RTCP, but acknowledges no data.
  viewer.client.dtls.receive = () => {};
  await until('its end', async () => (await ends('slow viewer')) > before);
  await viewer.client.close();
});

it('pauses the gray track, and no more, of a two-way session that loses half of the least bitrate', async () => {
  const client = await RtcClient.create({ data: true, receiveBitrate: NEXT_TO_NOTHING });
  const socket = new WebSocket(`${server.base.replace('http', 'ws')}/ws`);
  const said: ServerMessage[] = [];
  const send = (message: object) => socket.send(JSON.stringify(message));
  // The waits below say what did not come.
  socket.on('error', () => {});
  socket.on('open', () => send({ type: 'hello', protocol: PROTOCOL_VERSION }));
  socket.on('message', (text) => {
    const message = JSON.parse(String(text)) as ServerMessage;
    said.push(message);
    if (message.type === 'welcome')
      send({ type: 'offer', sdp: client.offerSdp, output: { track: 'gray', data: 'u8' } });
    if (message.type === 'answer') {
      client.accept(message.sdp);
      loseHalf(client, () => slow);
    }
  });
  let slow = false;
  const session = await until('the session', () => server.context.registry.sessions.find(({ kind }) => kind === 'ws'));
  await until('its connection', () => session.peer.connected);
  let messages = 0;
  const channel = client.openChannel('depth', { ordered: false, maxRetransmits: 0 });
  channel.onMessage.subscribe(() => messages++);
  let filming = true;
  const film = (async () => {
    const [width, height] = [128, 96];
    const encoder = await GrayEncoder.create({ codec: 'VP8', width, height, bitrate: 300_000, fps: 10 });
    for (let n = 0; filming; n++) {
      const luma = Uint8Array.from({ length: width * height }, (_, i) => 16 + ((i + 5 * n) % width));
      client.sender.send(await encoder.encode(luma, width, height, 9000 * n, { keyframe: n % 10 === 0 }));
      await sleep(100);
    }
    encoder.close();
  })();

  await until('the gray track', () => packets({ client }) > 5);
  slow = true;
  const told = () => said.find((message) => message.type === 'error' && message.code === 'TRACK_PAUSED');
  await until('its pause', told);
  expect(told()).toMatchObject({ fatal: false, about: 'track' });
  const before = messages;
  await until('depth packets going on', () => messages > before + 5);
  expect(session.stream.watched).toBe(true);

  // The path has become better, which the next try finds out.
  slow = false;
  const seen = packets({ client });
  await until('the gray track again', () => packets({ client }) > seen + 5);
  filming = false;
  await film;
  socket.close();
  await client.close();
});
