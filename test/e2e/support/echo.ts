import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { EncodedFrame } from '../../../src/video/types.ts';
import { type DataChannel, type PeerOptions, RtcPeer } from '../../../src/webrtc/index.ts';
import { launchBrowser, openBlankPage } from './browser.ts';
import { type EchoPage, openEchoPage, type PageOptions } from './echo-page.ts';

export const OPTIONS: PeerOptions = {
  role: 'duplex',
  hostAddresses: ['127.0.0.1'],
  receiveBitrate: 4_000_000,
  setupTimeoutMs: 20_000,
};
export const PICTURE: PageOptions = { width: 640, height: 480 };
export const PATIENCE = { timeout: 40_000, interval: 200 };

/** A peer that sends every frame back as it came. */
export interface Echo {
  peer: RtcPeer;
  frames: EncodedFrame[];
  sent: Set<number>;
  gaps: number;
  ended: Promise<string>;
}

export async function echo(
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

export function sendPackets(channel: DataChannel): void {
  const timer = setInterval(() => channel.send(new Uint8Array(20_000)), 30);
  channel.on('close', () => clearInterval(timer));
}

/** Every picture that the page has shown is one of ours, under the timestamp that the source gave it. */
export async function checkIdentity(page: EchoPage, { sent }: Echo): Promise<void> {
  const { timestamps } = await page.report();
  expect(timestamps.length).toBeGreaterThan(0);
  expect(timestamps.filter((timestamp) => !sent.has(timestamp))).toEqual([]);
}

/** A Chromium for one suite's tests; what a test opened in it is closed after it. */
export function chromiumForEach() {
  let browser: Browser;
  let current: Echo | undefined;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    await current?.peer.close();
    current = undefined;
    for (const context of browser.contexts()) await context.close();
  });
  afterAll(() => browser.close());
  return {
    open: async (from = browser): Promise<EchoPage> => {
      const tab = await openBlankPage(from);
      return openEchoPage((expression) => tab.evaluate(expression));
    },
    echo: async (...given: Parameters<typeof echo>): Promise<Echo> => {
      current = await echo(...given);
      return current;
    },
  };
}
