import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RtcPeer } from '../../src/webrtc/index.ts';
import { needs } from '../support/needs.ts';
import { findChromium } from './support/browser.ts';
import { checkIdentity, chromiumForEach, echo, OPTIONS, PATIENCE, PICTURE, sendPackets } from './support/echo.ts';
import { openEchoPage } from './support/echo-page.ts';
import { Firefox, findFirefox } from './support/firefox.ts';

describe('Chromium', needs(findChromium(), 'Chromium'), () => {
  const chromium = chromiumForEach();

  it('changes codec and resolution without a break', async () => {
    const page = await chromium.open();
    const current = await chromium.echo(page);
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
    const page = await chromium.open();
    const current = await chromium.echo(page, {}, { audio: true, secondVideo: true });
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
    const page = await chromium.open();
    const current = await chromium.echo(page, {}, {}, sendPackets);
    await vi.waitUntil(async () => (await page.report()).messages > 30, PATIENCE);
    await page.close();
    expect(await current.ended).toBe('peer');
  });

  it('lets us be the DTLS server', async () => {
    const page = await chromium.open();
    const offer = await page.offer(PICTURE);
    const peer = await RtcPeer.answer(offer.replaceAll('a=setup:actpass', 'a=setup:active'), OPTIONS);
    let frames = 0;
    peer.receiver!.on('frame', () => frames++);
    await page.answer(peer.answerSdp);
    await vi.waitUntil(() => frames > 10, PATIENCE);
    await peer.close();
  });
});

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
