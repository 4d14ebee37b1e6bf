import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { EncodedFrame, VideoCodec } from '../../src/video/types.ts';
import { type DataChannel, type PeerOptions, RtcPeer } from '../../src/webrtc/index.ts';
import { needs } from '../support/needs.ts';
import { findChromium, launchBrowser, openBlankPage } from './support/browser.ts';
import { type EchoPage, openEchoPage, type PageOptions } from './support/echo-page.ts';
import { Firefox, findFirefox } from './support/firefox.ts';
import { injectLoss } from './support/packet-loss.ts';

const OPTIONS: PeerOptions = {
  role: 'duplex',
  hostAddresses: ['127.0.0.1'],
  receiveBitrate: 4_000_000,
  setupTimeoutMs: 20_000,
};
const PICTURE: PageOptions = { width: 640, height: 480 };
const PATIENCE = { timeout: 40_000, interval: 200 };

/** A peer that sends every frame back as it came. */
interface Echo {
  peer: RtcPeer;
  frames: EncodedFrame[];
  sent: Set<number>;
  gaps: number;
  ended: Promise<string>;
}

async function echo(
  page: EchoPage,
  options: Partial<PeerOptions> = {},
  picture: Partial<PageOptions> = {},
  onChannel: (channel: DataChannel) => void = () => {},
): Promise<Echo> {
  const peer = await RtcPeer.answer(await page.offer({ ...PICTURE, ...picture }), { ...OPTIONS, ...options });
  const ended = new Promise<string>((resolve) => peer.on('closed', ({ reason }) => resolve(reason)));
  const result: Echo = { peer, frames: [], sent: new Set(), gaps: 0, ended };
  peer.receiver!.on('frame', (frame) => {
    result.frames.push(frame);
    if (peer.sender!.send(frame) > 0) result.sent.add(frame.rtpTimestamp);
  });
  peer.receiver!.on('gap', () => result.gaps++);
  // Before the page has the answer: the channel may open at once.
  peer.on('channel', onChannel);
  peer.sender!.on('keyframe', () => peer.receiver!.requestKeyframe());
  await page.answer(peer.answerSdp);
  return result;
}

function sendPackets(channel: DataChannel): void {
  const timer = setInterval(() => channel.send(new Uint8Array(20_000)), 30);
  channel.on('close', () => clearInterval(timer));
}

/** Every picture that the page has shown is one of ours, under the timestamp that the source gave it. */
async function checkIdentity(page: EchoPage, { sent }: Echo): Promise<void> {
  const { timestamps } = await page.report();
  expect(timestamps.length).toBeGreaterThan(0);
  expect(timestamps.filter((timestamp) => !sent.has(timestamp))).toEqual([]);
}

describe('Chromium', needs(findChromium(), 'Chromium'), () => {
  let browser: Browser;
  let page: EchoPage;
  let current: Echo | undefined;

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterEach(async () => {
    await current?.peer.close();
    current = undefined;
    for (const context of browser.contexts()) await context.close();
  });

  afterAll(async () => {
    await browser.close();
  });

  const open = async (in_: Browser = browser): Promise<EchoPage> => {
    const tab = await openBlankPage(in_);
    page = await openEchoPage((expression) => tab.evaluate(expression));
    return page;
  };

  it.each<[VideoCodec, number]>([
    ['VP8', 0],
    ['VP8', 0.02],
    ['VP8', 0.1],
    ['H264', 0],
    ['H264', 0.02],
    ['H264', 0.1],
  ])('plays back the %s that it sends, with a loss of %f', async (codec, share) => {
    const loss = injectLoss(share);
    try {
      current = await echo(await open(), { codecs: [codec] });
      const { peer, frames } = current;
      await vi.waitUntil(async () => (await page.report()).timestamps.length >= 150, PATIENCE);
      await checkIdentity(page, current);
      const report = await page.report();
      expect(report).toMatchObject({ codecIn: `video/${codec}`, codecOut: `video/${codec}` });
      // A sender that loses every tenth packet may choose a smaller picture.
      expect(report.videoWidth).toBeGreaterThanOrEqual(share < 0.1 ? 640 : 160);
      expect(frames[0]!.keyframe).toBe(true);
      expect(frames.every((frame) => frame.codec === codec)).toBe(true);
      expect(frames.every(({ firstPacketAt, lastPacketAt }) => firstPacketAt! <= lastPacketAt!)).toBe(true);
      // The fake camera stamps its frames: what arrives is from the last few seconds.
      expect(Math.abs(Date.now() - frames.at(-1)!.captureTime!)).toBeLessThan(10_000);
      const stats = peer.getStats();
      expect(stats.transport.rejected).toBe(0);
      if (share === 0) {
        expect(stats.receiver).toMatchObject({ lost: 0, discardedFrames: 0 });
        expect(current.gaps).toBe(0);
      } else {
        expect(loss.lost().received).toBeGreaterThan(0);
        expect(stats.receiver!.recovered).toBeGreaterThan(0);
        expect(stats.sender!.retransmitted).toBeGreaterThan(0);
      }
    } finally {
      loss.restore();
    }
  });

  it('changes codec and resolution without a break', async () => {
    current = await echo(await open());
    const { frames, peer } = current;
    await vi.waitUntil(() => frames.length > 30, PATIENCE);
    const first = frames.at(-1)!.codec;
    const other = first === 'VP8' ? 'H264' : 'VP8';
    await page.encode({ codec: other });
    await vi.waitUntil(() => frames.at(-1)!.codec === other, PATIENCE);
    const change = frames.findIndex((frame) => frame.codec === other);
    expect(frames[change]!.keyframe).toBe(true);
    expect(peer.receiver!.codec).toBe(other);
    await page.encode({ scale: 2 });
    await vi.waitUntil(async () => (await page.report()).videoWidth === 320, PATIENCE);
    await checkIdentity(page, current);
  });

  it('restarts ICE, with audio that stays silent and a second picture that is refused', async () => {
    current = await echo(await open(), {}, { audio: true, secondVideo: true });
    const { frames, peer } = current;
    await vi.waitUntil(() => frames.length > 20, PATIENCE);
    const sections = peer.answerSdp.split(/^(?=m=)/m).slice(1);
    expect(sections.map((section) => /^m=\w+ \d+/.exec(section)?.[0])).toEqual([
      'm=audio 9',
      'm=video 9',
      'm=video 0',
      'm=application 9',
    ]);
    expect(sections[0]).toContain('a=inactive');
    const before = peer.iceUfrag;
    await page.answer(await peer.restart(await page.restart()));
    expect(peer.iceUfrag).not.toBe(before);
    const there = frames.length;
    await vi.waitUntil(() => frames.length > there + 60, PATIENCE);
    expect((await page.report()).state).toBe('connected');
    await checkIdentity(page, current);
  });

  it('gets data on the channel that it opened, and the end of it is seen', async () => {
    current = await echo(await open(), {}, {}, sendPackets);
    await vi.waitUntil(async () => (await page.report()).messages > 30, PATIENCE);
    await page.close();
    expect(await current.ended).toBe('peer');
  });

  it('lets us be the DTLS server', async () => {
    await open();
    const offer = await page.offer(PICTURE);
    const peer = await RtcPeer.answer(offer.replaceAll('a=setup:actpass', 'a=setup:active'), OPTIONS);
    let frames = 0;
    peer.receiver!.on('frame', () => frames++);
    await page.answer(peer.answerSdp);
    await vi.waitUntil(() => frames > 10, PATIENCE);
    await peer.close();
  });

  it('reaches and keeps more than 1 Mbit/s with a picture that needs it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'camera-'));
    const file = join(folder, 'noise.y4m');
    await writeFile(file, noise(640, 480, 30));
    const noisy = await launchBrowser({ cameraFile: file });
    try {
      current = await echo(await open(noisy), { codecs: ['VP8'] });
      await vi.waitUntil(async () => (await page.report()).targetBitrate >= 1_000_000, PATIENCE);
      await page.report();
      await sleep(6000);
      const { sentBitrate, targetBitrate } = await page.report();
      expect(targetBitrate).toBeGreaterThanOrEqual(1_000_000);
      expect(sentBitrate).toBeGreaterThan(1_000_000);
    } finally {
      await noisy.close();
      await rm(folder, { recursive: true });
    }
  });
});

/** Moving blocks of noise: more detail than a small bitrate can carry. */
function noise(width: number, height: number, count: number): Buffer {
  const parts: Buffer[] = [Buffer.from(`YUV4MPEG2 W${width} H${height} F30:1 Ip A1:1 C420jpeg\n`)];
  let seed = 1;
  for (let n = 0; n < count; n++) {
    const planes = Buffer.alloc((width * height * 3) / 2, 128);
    for (let at = 0; at < width * height; at++) {
      if (at % 4 === 0) seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      planes[at] = 64 + ((seed >>> 24) & 0x7f);
    }
    parts.push(Buffer.from('FRAME\n'), planes);
  }
  return Buffer.concat(parts);
}

describe('Firefox', needs(findFirefox(), 'Firefox (Debian: firefox-esr)'), () => {
  let firefox: Firefox;
  let server: Server;

  beforeAll(async () => {
    server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><video autoplay muted playsinline></video>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    firefox = await Firefox.launch();
    await firefox.navigate(`http://localhost:${(server.address() as AddressInfo).port}/`);
  });

  afterAll(async () => {
    await firefox?.close();
    server.close();
  });

  it('plays back the VP8 that it sends, and gets data', async () => {
    const page = await openEchoPage((expression) => firefox.evaluate(expression));
    const current = await echo(page, { codecs: ['VP8'] }, {}, sendPackets);
    await vi.waitUntil(async () => {
      const { framesDecoded, messages, timestamps } = await page.report();
      return framesDecoded > 100 && messages > 30 && timestamps.length > 50;
    }, PATIENCE);
    await checkIdentity(page, current);
    expect(current.peer.getStats().receiver).toMatchObject({ codec: 'VP8', discardedFrames: 0 });
    await page.close();
    expect(await current.ended).toBe('peer');
  });
});
