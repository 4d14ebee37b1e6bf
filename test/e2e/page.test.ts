import { mkdirSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { trackOf } from '../../src/session/outputs.ts';
import { Publisher } from '../../src/session/publisher.ts';
import { GrayEncoder } from '../../src/video/index.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { metric, startApp, until } from './support/app.ts';
import { FAKE_CAMERA, launchBrowser } from './support/browser.ts';
import { openPage } from './support/page.ts';

/** Pictures that a person looks at; not compared. */
const ARTEFACTS = new URL('../../test-artefacts/', import.meta.url).pathname;

/** Of as few pictures as make a stream: rendering them takes most of a core. */
const SCENE = 'source=scene:room&fps=10';

let server: DepthServer & { base: string };
let browser: Browser;
let page: Page;

beforeAll(async () => {
  mkdirSync(ARTEFACTS, { recursive: true });
  server = await startApp();
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  await server.close();
});

const open = async (query: string, look?: BrowserContextOptions) => {
  page = await openPage(browser, server.base, query, look);
};

describe('a two-way session', () => {
  it('carries the camera: that of the scene, or what the page tells', async () => {
    await open(`${SCENE}&data=u16`);
    const seen = await page.evaluate(async () => {
      const session = window.depthcast.session!;
      const next = (wanted: string) =>
        new Promise<{ k: object; width: number }>((resolve) => {
          const stop = session.on('depth', ({ intrinsics, sourceWidth: width }) => {
            if (intrinsics.source !== wanted) return;
            stop();
            resolve({ k: intrinsics, width });
          });
        });
      const given = await next('given');
      session.setCamera({ hfov: 90 });
      return { given, derived: await next('derived'), known: session.source!.camera };
    });
    const { given, derived, known } = seen;
    const { fx, width } = known as { fx: number; width: number };
    expect(given.k).toMatchObject({ fx: expect.closeTo((fx * given.width) / width, 2) });
    expect(derived.k).toMatchObject({ fx: expect.closeTo(derived.width / 2, 2), cx: (derived.width - 1) / 2 });
    const response = await fetch(`${server.base}/api/sessions`);
    const [{ video }] = ((await response.json()) as { sessions: { video: object }[] }).sessions as [{ video: object }];
    expect(video).toMatchObject({ unit: 'disparity', intrinsics: { source: 'derived' } });
    await page.close();
  });

  it('makes metres of anchors, until a new epoch', async () => {
    await open(`${SCENE}&data=u16`);
    const seen = await page.evaluate(async () => {
      const session = window.depthcast.session!;
      type Frame = typeof window.depthcast.frame & object;
      const next = (unit: string) =>
        new Promise<Frame>((resolve) => {
          const stop = session.on('depth', (frame) => {
            if (frame.unit !== unit) return;
            stop();
            resolve(frame);
          });
        });
      // Distances that suit this very map: scale and shift of its own, which the server has to find.
      const { values, width, height } = await next('disparity');
      const [least, most] = [Math.min(...values), Math.max(...values)];
      const metresOf = (value: number) => 1 / (0.1 + (0.9 * (value - least)) / (most - least));
      const places = [0.2, 0.5, 0.8].flatMap((x) => [0.2, 0.5, 0.8].map((y) => ({ x, y })));
      const indexOf = ({ x, y }: { x: number; y: number }) => Math.floor(y * height) * width + Math.floor(x * width);
      session.anchor(places.map((place) => ({ ...place, metres: metresOf(values[indexOf(place)]!) })));
      const { values: metres, accuracy } = await next('metres');
      const errors = places.map((place) => metres[indexOf(place)]! / metresOf(values[indexOf(place)]!) - 1);
      let refused = '';
      try {
        session.anchor([{ x: 1.5, y: 0.5, metres: 2 }]);
      } catch (thrown) {
        refused = String(thrown);
      }
      session.reset();
      const after = await next('disparity');
      return { anchors: accuracy?.anchors, errors, refused, after: after.accuracy };
    });
    expect(seen.anchors).toBe(9);
    const absolute = seen.errors.map(Math.abs).sort((a, b) => a - b);
    // The scene moves between the map that was measured and the first in metres.
    expect(absolute[4], `${seen.errors}`).toBeLessThan(0.15);
    expect(seen.refused).toContain('no anchor: x 1.5');
    expect(seen.after).toBeUndefined();
    await page.close();
  });

  it('gets the gray track in the codec of its latest offer, and in no other', async () => {
    const client = await RtcClient.create();
    const publisher = await Publisher.open(server.context, client.offerSdp, {
      role: 'duplex',
      track: true,
      data: 'none',
    });
    client.accept(publisher.peer.answerSdp);
    await until('the connection', () => publisher.peer.connected && client.dtls.state === 'connected');
    let codec = '';
    client.receiver.on('frame', (frame) => (codec = frame.codec));
    const [width, height] = [128, 96];
    const encoder = await GrayEncoder.create({ codec: 'VP8', width, height, bitrate: 300_000, fps: 10 });
    let n = 0;
    const film = async (wanted: string) => {
      const luma = Uint8Array.from({ length: width * height }, (_, i) => 16 + ((i + 5 * n) % width));
      client.sender.send(await encoder.encode(luma, width, height, 9000 * n++, { keyframe: true }));
      return codec === wanted;
    };
    const { stream } = publisher;
    const receivers = () =>
      (['VP8', 'H264'] as const).map(
        (wanted) => trackOf(stream, wanted, { layout: 'depth', matte: stream.matte }, server.context).receivers,
      );
    await until('VP8', () => film('VP8'));
    expect(receivers()).toEqual([1, 0]);
    await publisher.peer.restart(client.offerSdp.replace('96 97 108 109', '108 109 96 97'));
    await until('H264', () => film('H264'));
    expect(receivers()).toEqual([0, 1]);
    publisher.setTrack(false);
    expect(stream.watched).toBe(false);
    encoder.close();
    await publisher.close('test');
    await client.close();
  });

  it('changes track, data, size and range while it runs', async () => {
    await open(`${FAKE_CAMERA}&data=u16`);
    const frameWhere = (condition: string) =>
      page.waitForFunction(`(() => { const f = window.depthcast.frame; return f && (${condition}); })()`, undefined, {
        timeout: 60_000,
      });
    const update = (output: object) => page.evaluate((o) => window.depthcast.session!.update(o), output);
    await update({ data: 'u8' });
    await frameWhere("f.format === 'u8' && f.values.length === 256 * 192");
    await update({ data: 'f16', size: 192 });
    await frameWhere("f.format === 'f16' && f.width === 192 && f.height === 160 && f.epoch === 1");
    await update({ range: { near: 2, far: -1 } });
    await frameWhere('f.near === 2 && f.far === -1');
    await update({ data: 'none' });
    await frameWhere("f.format === 'none' && f.values.length === 0");
    await update({ track: 'off', data: 'u16', range: 'auto', size: 256 });
    await frameWhere("f.format === 'u16' && f.width === 256 && f.near !== 2");
    expect(await page.evaluate(() => window.depthcast.output)).toMatchObject({
      track: 'off',
      data: 'u16',
      size: 256,
      range: 'auto',
    });
    await page.evaluate(() => window.depthcast.session!.reset());
    await frameWhere('f.epoch >= 3');
    // A setting that the model refuses is an error of its own; the session goes on.
    await update({ size: 300 });
    await page.waitForFunction(() => window.depthcast.errors.some((e) => e.code === 'BAD_SIZE'));
    const frames = await page.evaluate(() => window.depthcast.frames);
    await page.waitForFunction((n) => window.depthcast.frames > n + 10, frames);
    await page.close();
  });

  it('follows a new resolution and orientation of the camera, mid-stream', async () => {
    await open(`${SCENE}&data=u16`);
    const sizes: string[] = [];
    for (const [width, height] of [
      [320, 240],
      [480, 640],
      [640, 360],
    ]) {
      await page.evaluate(
        async ([w, h]) =>
          window.depthcast.session!.replaceSource({
            kind: 'scene',
            name: 'room',
            width: w!,
            height: h!,
            frameRate: 10,
          }),
        [width!, height!],
      );
      const frame = await page.waitForFunction(
        ([w, h]) => {
          const f = window.depthcast.frame;
          // Chromium may send fewer pixels of the same shape while it looks for the bandwidth.
          return (
            f &&
            f.sourceWidth <= w! &&
            Math.abs(f.sourceWidth / f.sourceHeight - w! / h!) < 0.05 &&
            `${f.width}x${f.height}`
          );
        },
        [width!, height!],
        { timeout: 60_000 },
      );
      sizes.push(String(await frame.jsonValue()));
    }
    expect(sizes).toEqual(['256x192', '192x256', '256x160']);
    expect(await metric(server, 'depthcast_frames_total', { outcome: 'failed' })).toBe(0);
    await page.close();
  });

  it('carries capture times, so that the page can tell how old depth is', async () => {
    await open(`${FAKE_CAMERA}&data=none`);
    const age = await page.waitForFunction(() => {
      const { frame } = window.depthcast;
      return frame?.captureTime === undefined ? undefined : Date.now() - frame.captureTime;
    });
    // A second's fraction, and never before it was captured.
    expect(await age.jsonValue()).toBeGreaterThan(0);
    expect(await age.jsonValue()).toBeLessThan(5000);
    await page.close();
  });

  it('reports numbers that make sense, and looks as it should', async () => {
    await open(`${SCENE}&data=u16`, { viewport: { width: 1440, height: 900 } });
    await page.waitForFunction(() => Object.keys(window.depthcast.stats?.stages ?? {}).length >= 8, undefined, {
      timeout: 60_000,
    });
    const stats = await page.evaluate(() => window.depthcast.stats!);
    expect(Object.keys(stats.stages).sort()).toEqual([
      'assemble',
      'decode',
      'encode',
      'inference',
      'postprocess',
      'preprocess',
      'queue',
      'send',
    ]);
    expect(stats.source).toMatchObject({ codec: 'VP8' });
    // Chromium may send fewer pixels of the same shape while it looks for the bandwidth.
    const { width, height } = stats.source!;
    expect(width / height).toBeCloseTo(4 / 3, 1);
    expect(width).toBeLessThanOrEqual(640);
    expect(stats.depth).toEqual({ width: 256, height: 192 });
    expect(stats.framesOut).toBeGreaterThan(0);
    expect(stats.latency.p95).toBeGreaterThanOrEqual(stats.latency.p50);
    await page.screenshot({ path: `${ARTEFACTS}page.png` });
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.screenshot({ path: `${ARTEFACTS}phone.png`, fullPage: true });
    await page.close();
    await until('every session to end', () => server.context.registry.sessions.length === 0);
  });

  it('shows what is wrong: no camera, busy, unreachable', async () => {
    const bare = await launchBrowser({ args: ['--deny-permission-prompts'] });
    const other = await bare.newPage();
    await other.goto(`${server.base}/bench?source=camera:nosuchdevice&autostart=1`);
    await other.waitForFunction(() => window.depthcast.errors.length > 0, undefined, { timeout: 60_000 });
    expect(await other.evaluate(() => window.depthcast.errors[0]!.code)).toMatch(/CAMERA|PERMISSION/);
    await other.screenshot({ path: `${ARTEFACTS}no-camera.png` });
    await bare.close();

    const small = await startApp({ 'limits.streams': 1 });
    await small.context.registry.reserve('taken');
    page = await browser.newPage();
    await page.goto(`${small.base}/bench?${FAKE_CAMERA}&autostart=1`);
    await page.waitForFunction(() => window.depthcast.errors.some((e) => e.code === 'BUSY'), undefined, {
      timeout: 60_000,
    });
    await page.screenshot({ path: `${ARTEFACTS}busy.png` });
    await small.close();
    await page.close();
  });
});

it('exposes the metrics that were promised, with few labels', async () => {
  const text = await (await fetch(`${server.base}/metrics`)).text();
  for (const name of [
    'depthcast_stage_duration_seconds_bucket{le="0.005",stage="inference"}',
    'depthcast_frame_latency_seconds_count{output="track"}',
    'depthcast_frames_total{outcome="depth"}',
    'depthcast_sessions{kind="ws"}',
    'depthcast_inference_target_seconds{model="vda-small",precision="fp16"} 0.0075',
    'depthcast_inference_target_seconds{model="vda-large",precision="fp16"} 0.014',
    'depthcast_inference_target_ratio{model="depthcast-nano",precision="fp32"}',
    'depthcast_channel_bytes_total',
    'depthcast_rtp_packets_total{direction="in"}',
    'depthcast_session_setup_seconds_count{kind="ws",milestone="first_depth"}',
    'depthcast_stream_frame_rate_count{direction="out"}',
    'depthcast_receiver_loss_ratio_count',
    'depthcast_round_trip_seconds_count',
    'depthcast_ready ',
    'depthcast_streams_limit ',
    'depthcast_depth_workers{state="alive"}',
    'depthcast_build_info{',
    'nodejs_eventloop_lag_seconds',
  ])
    expect(text).toContain(name);
  expect(text.split('\n').length).toBeLessThan(700);
});
