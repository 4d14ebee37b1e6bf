import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { benchmarkProtocol, validMask } from '../../src/evaluation/align.ts';
import { spearman } from '../../src/evaluation/metrics.ts';
import type { DepthServer } from '../../src/server/server.ts';
import type { Impairment } from '../support/impair/impairment.ts';
import { Network } from '../support/impair/network.ts';
import { peerOf, startApp, until } from './support/app.ts';
import { launchBrowser } from './support/browser.ts';
import { depthAt, type TruthCamera, truthCamera, watchNumbers } from './support/truth.ts';

/** As in truth.test.ts: a smeared, stale or wrong picture would agree less with the depth that its timestamp names. */
const WORST_RANK = 0.8;
/** Of the 256x192 maps: every fourth pixel. */
const STEP = 4;
const [W, H] = [256 / STEP, 192 / STEP];

let camera: TruthCamera;
let watch: ReturnType<typeof watchNumbers>;
let server: DepthServer & { base: string };
let network: Network;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  camera = truthCamera('room', 45);
  watch = watchNumbers();
  server = await startApp();
  network = await Network.open({ server: server.base });
  browser = await launchBrowser({ cameraFile: camera.file });
  page = await browser.newPage();
  await page.goto(`${network.url}/bench?source=camera&autostart=1&data=u16&width=640&height=480`);
  await moreFrames(60);
});
afterAll(async () => {
  watch.stop();
  await browser.close();
  await network.close();
  await server.close();
  camera.remove();
});
beforeEach(() => network.impair({ up: {}, down: {} }));

/**
 * Errors that the page was told of, but for those that say why no depth came for a while: that a keyframe was lost, or that this
 * machine was too busy to decode. These are told on purpose, and the session goes on.
 */
const unexpectedErrors = () =>
  page.evaluate(() =>
    window.depthcast.errors
      .filter(({ code }) => code !== 'NO_KEYFRAME')
      .map(({ code, message }) => `${code}: ${message}`),
  );

interface Received {
  rtpTimestamp: number;
  /** Milliseconds between capture and arrival, where both clocks are this machine's. */
  age: number;
  values: number[];
}

/** Waits for `count` depth frames from now on, and gives them. */
async function moreFrames(count: number, timeout = 60_000): Promise<Received[]> {
  await page.waitForFunction(() => window.depthcast?.session, undefined, { timeout });
  return page.evaluate(
    ({ count, step, timeout }) =>
      new Promise<Received[]>((resolve, reject) => {
        const frames: Received[] = [];
        const { session } = window.depthcast;
        const stop = session!.on('depth', ({ rtpTimestamp, captureTime = Number.NaN, values, width }) => {
          const columns = width / step;
          const few = Array.from(
            { length: values.length / step ** 2 },
            (_, i) => values[Math.floor(i / columns) * step * width + (i % columns) * step]!,
          );
          frames.push({ rtpTimestamp, age: Date.now() - captureTime, values: few });
          if (frames.length < count) return;
          stop();
          resolve(frames);
        });
        const { errors, session: live } = window.depthcast;
        const state = () =>
          `${frames.length} of ${count} frames, ${live?.state.name}, ${errors.map(({ message }) => message).join('; ')}`;
        setTimeout(() => reject(new Error(state())), timeout);
      }),
    { count, step: STEP, timeout },
  );
}

/** Each of them is the depth of the very picture that its timestamp names. */
function checkTruth(frames: Received[]): void {
  const protocol = benchmarkProtocol(10);
  for (const { rtpTimestamp, values } of frames) {
    const number = watch.numbers.get(rtpTimestamp);
    expect(number, `no picture had timestamp ${rtpTimestamp}`).toBeDefined();
    const depth = depthAt(camera.depths[number!]!, W, H);
    const disparity = depth.map((z) => 1 / z);
    expect(spearman(Float32Array.from(values), disparity, validMask(depth, protocol))).toBeGreaterThan(WORST_RANK);
  }
}

describe('a bad network between a browser and the server', () => {
  it.each<[string, Impairment, number]>([
    ['5 % loss', { loss: 0.05 }, 15],
    ['loss in bursts of five packets', { burst: { enter: 0.01, leave: 0.2 } }, 15],
    ['a delay of 40 ms with 30 ms of jitter', { delayMs: 40, jitterMs: 30 }, 15],
    ['every tenth packet 25 ms late', { reorder: 0.1, reorderMs: 25 }, 8],
    ['every fifth packet twice', { duplicate: 0.2 }, 20],
  ])('%s, both ways: right depth keeps coming', async (_name, impairment, count) => {
    network.impair({ up: impairment, down: impairment });
    const before = network.getStats();
    checkTruth(await moreFrames(count));
    const { up, down } = network.getStats();
    expect(up.received).toBeGreaterThan(before.up.received);
    expect(down.received).toBeGreaterThan(before.down.received);
    expect(await page.evaluate(() => window.depthcast.session?.state.name)).toBe('live');
  });

  it('a cut to 400 kbit/s: the sender is told, depth goes on, and the rate comes back after it', async () => {
    const asked = () => server.context.registry.sessions[0]!.peer.getStats().receiver!.requestedBitrate;
    const lost = () => network.getStats().up.lost.queue;
    await until('the full rate', () => asked() > 1_000_000, 90_000);
    network.impair({ up: { bitrate: 400_000 } });
    await until('the request for less', () => asked() < 400_000);
    checkTruth(await moreFrames(30));
    const before = lost();
    checkTruth(await moreFrames(30));
    // A sender that went on as before would lose some 200 packets a second.
    expect(lost() - before).toBeLessThan(200);
    const cut = asked();
    network.impair({ up: {} });
    await until('a higher rate', () => asked() > 1.2 * cut);
    expect(await unexpectedErrors()).toEqual([]);
  });
});

describe('another address', () => {
  const session = () => server.context.registry.sessions[0]!;
  const remote = () => session().peer.getStats().pair?.remote;
  const ufrag = () => peerOf(session()).iceUfrag;

  it('a NAT that forgets its mappings: the session goes on at the new port, without a restart', async () => {
    const { id } = session();
    for (let i = 0; i < 3; i++) {
      const [from, credentials] = [remote(), ufrag()];
      network.rebind();
      checkTruth(await moreFrames(10));
      expect(remote()).not.toBe(from);
      expect(ufrag()).toBe(credentials);
    }
    expect(session().id).toBe(id);
    expect(await unexpectedErrors()).toEqual([]);
  });

  it('a path that is dead for a while: the SDK restarts ICE over its signalling, in the same session', async () => {
    const { id } = session();
    const [credentials, epoch] = [ufrag(), await page.evaluate(() => window.depthcast.frame!.epoch)];
    network.blackout();
    await until('the ICE restart', () => ufrag() !== credentials);
    network.rebind();
    network.impair({});
    checkTruth(await moreFrames(15));
    expect(session().id).toBe(id);
    // Pictures were missing for longer than the gap that temporal memory bridges.
    expect(await page.evaluate(() => window.depthcast.frame!.epoch)).toBeGreaterThan(epoch);
    await page.waitForFunction(() => window.depthcast.session?.state.name === 'live');
  });

  // With an answer that is late, Chromium checks from its new sockets under the server's old name, and never takes the new one for them.
  it.each([
    ['', 0],
    [', its answer late', 400],
  ])(
    'WHIP: a publisher restarts ICE by PATCH from another address, and the stream goes on%s',
    async (_late, lateMs) => {
      const tab = await browser.newPage();
      onTestFinished(() => tab.close());
      await tab.goto(`${network.url}/livez`);
      const name = `moving-${lateMs}`;
      const post = await tab.evaluate(
        async ({ url, name }) => {
          const media = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
          const pc = new RTCPeerConnection();
          (window as unknown as { pc: RTCPeerConnection }).pc = pc;
          pc.addTransceiver(media.getVideoTracks()[0]!, { direction: 'sendonly' });
          await pc.setLocalDescription();
          const response = await fetch(`${url}/whip/${name}`, {
            method: 'POST',
            body: pc.localDescription!.sdp,
            headers: { 'content-type': 'application/sdp' },
          });
          await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
          return { location: response.headers.get('location')!, etag: response.headers.get('etag')! };
        },
        { url: network.url, name },
      );
      const publisher = server.context.registry.sessions.findLast(({ kind }) => kind === 'whip')!;
      const frames = () => publisher.peer.getStats().receiver!.frames;
      await until('the first frames', () => frames() > 10);
      const [credentials, from] = [peerOf(publisher).iceUfrag, publisher.peer.getStats().pair!.remote];
      network.rebind();
      const restarted = await tab.evaluate(
        async ({ url, location, etag, lateMs }) => {
          const { pc } = window as unknown as { pc: RTCPeerConnection };
          await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
          const { sdp } = pc.localDescription!;
          const line = (name: string) => new RegExp(`^a=${name}:.*`, 'm').exec(sdp)![0].trim();
          const body = [line('ice-ufrag'), line('ice-pwd'), 'm=video 9 UDP/TLS/RTP/SAVPF 0', line('mid'), ''].join(
            '\r\n',
          );
          const headers = { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': etag };
          const response = await fetch(`${url}${location}`, { method: 'PATCH', body, headers });
          const fragment = await response.text();
          const pick = (name: string) => new RegExp(`^a=${name}:(.*)`, 'm').exec(fragment)![1]!.trim();
          const answer = pc
            .currentRemoteDescription!.sdp.replace(/a=ice-ufrag:.*/g, `a=ice-ufrag:${pick('ice-ufrag')}`)
            .replace(/a=ice-pwd:.*/g, `a=ice-pwd:${pick('ice-pwd')}`);
          await new Promise((resolve) => setTimeout(resolve, lateMs));
          await pc.setRemoteDescription({ type: 'answer', sdp: answer });
          return { status: response.status, etag: response.headers.get('etag') };
        },
        { url: network.url, ...post, lateMs },
      );
      expect(restarted.status).toBe(200);
      expect(restarted.etag).not.toBe(post.etag);
      expect(peerOf(publisher).iceUfrag).not.toBe(credentials);
      // Pictures come from the new address before the peer nominates the pair with it.
      await until('the pair of the new address', () => (publisher.peer.getStats().pair?.remote ?? from) !== from);
      const there = frames();
      await until('frames after the restart', () => frames() > there + 30);
    },
  );
});
