// A browser whose handshake loses a datagram: each of the first ones, in both directions and both roles.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { Network } from '../support/impair/network.ts';
import { startApp } from './support/app.ts';
import { launchBrowser, openBlankPage } from './support/browser.ts';

/** A handshake has four to six datagrams each way; those behind it are retransmissions and data. */
const DATAGRAMS = 5;
const PATIENCE_MS = 60_000;

let server: DepthServer & { base: string };
let browser: Browser;
let page: Page;
beforeAll(async () => {
  server = await startApp({
    'sources.scenes': ['static'],
    'limits.viewersPerStream': 64,
    'limits.setupsPerAddress': 64,
    'limits.setupSeconds': 60,
  });
  browser = await launchBrowser({ args: ['--disable-features=LocalNetworkAccessChecks'] });
  page = await openBlankPage(browser);
  // What is slow the first time is not what is tried here.
  await view(server.base, 'actpass');
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** @returns whether the peer connected, and pictures came. @param setup the browser's DTLS role, or the server's choice */
const view = (url: string, setup: 'active' | 'actpass'): Promise<boolean> =>
  page.evaluate(
    async ({ url, setup, patience }) => {
      const peer = new RTCPeerConnection();
      try {
        peer.addTransceiver('video', { direction: 'recvonly' });
        await peer.setLocalDescription();
        while (peer.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
        const sdp = peer.localDescription!.sdp.replaceAll('a=setup:actpass', `a=setup:${setup}`);
        const response = await fetch(`${url}/whep/scene-static`, {
          method: 'POST',
          headers: { 'content-type': 'application/sdp' },
          body: sdp,
        });
        await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
        const until = performance.now() + patience;
        while (performance.now() < until) {
          for (const stats of (await peer.getStats()).values())
            if (stats.type === 'inbound-rtp' && stats.framesDecoded > 0) return peer.connectionState === 'connected';
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return false;
      } finally {
        peer.close();
      }
    },
    { url, setup, patience: PATIENCE_MS },
  );

it.each([
  ['server', 'actpass'],
  ['client', 'active'],
] as const)(
  'a Chromium that is DTLS %s connects whichever datagram is lost',
  { timeout: 300_000 },
  async (_role, setup) => {
    const failed: string[] = [];
    for (const direction of ['up', 'down'] as const)
      for (let n = 0; n < DATAGRAMS; n++) {
        const network = await Network.open({ server: server.base, [direction]: { loseDtls: [n] } });
        const connected = await view(network.url, setup);
        const { chosen } = network.getStats()[direction].lost;
        await network.close();
        if (!connected) failed.push(`without datagram ${n} ${direction}`);
        // The first two each way are always there to be lost.
        if (n < 2 && chosen !== 1) failed.push(`datagram ${n} ${direction} was not lost`);
      }
    expect(failed).toEqual([]);
  },
);
