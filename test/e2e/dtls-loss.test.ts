// A browser whose handshake loses a datagram: each of the first ones, in both directions, roles and versions of DTLS.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { Network } from '../support/impair/network.ts';
import { startApp } from './support/app.ts';
import { launchBrowser, openBlankPage } from './support/browser.ts';

/** A handshake has four to six datagrams each way; those behind it are retransmissions and data. */
const DATAGRAMS = 5;
const PATIENCE_MS = 60_000;

type Version = 1.2 | 1.3;
/** As WebRTC's statistics name them (RFC 9147 section 5.3). */
const NAMES = { 1.2: 'FEFD', 1.3: 'FEFC' } as const;

const servers = new Map<Version, DepthServer & { base: string }>();
let browser: Browser;
let page: Page;
beforeAll(async () => {
  for (const version of [1.2, 1.3] as const)
    servers.set(
      version,
      await startApp({
        'rtc.dtls': version,
        'sources.scenes': ['static'],
        'limits.viewersPerStream': 64,
        'limits.setupsPerAddress': 64,
        'limits.setupSeconds': 60,
      }),
    );
  browser = await launchBrowser({ args: ['--disable-features=LocalNetworkAccessChecks'] });
  page = await openBlankPage(browser);
  // What is slow the first time is not what is tried here.
  await view(servers.get(1.2)!.base, 'actpass');
});
afterAll(async () => {
  await browser?.close();
  for (const server of servers.values()) await server.close();
});

/** @returns the version of DTLS, once the peer has connected and pictures came. @param setup the browser's DTLS role, or the server's choice */
const view = (url: string, setup: 'active' | 'actpass'): Promise<string | undefined> =>
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
          const all: { type: string; framesDecoded?: number; tlsVersion?: string }[] = [
            ...(await peer.getStats()).values(),
          ];
          const shown = all.some(({ type, framesDecoded = 0 }) => type === 'inbound-rtp' && framesDecoded > 0);
          if (shown && peer.connectionState === 'connected')
            return all.find(({ type }) => type === 'transport')?.tlsVersion ?? 'unknown';
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return undefined;
      } finally {
        peer.close();
      }
    },
    { url, setup, patience: PATIENCE_MS },
  );

it.each([
  ['server', 'actpass', 1.2],
  ['client', 'active', 1.2],
  ['server', 'actpass', 1.3],
  ['client', 'active', 1.3],
] as const)(
  'a Chromium that is DTLS %s (%s) connects by DTLS %f whichever datagram is lost',
  { timeout: 300_000 },
  async (_role, setup, version) => {
    const failed: string[] = [];
    for (const direction of ['up', 'down'] as const)
      for (let n = 0; n < DATAGRAMS; n++) {
        const impairment = { [direction]: { loseDtls: [n] } };
        const network = await Network.open({ server: servers.get(version)!.base, ...impairment });
        const spoken = await view(network.url, setup);
        const { chosen } = network.getStats()[direction].lost;
        await network.close();
        if (spoken !== NAMES[version]) failed.push(`without datagram ${n} ${direction}: ${spoken ?? 'no connection'}`);
        // The first two each way are always there to be lost.
        if (n < 2 && chosen !== 1) failed.push(`datagram ${n} ${direction} was not lost`);
      }
    expect(failed).toEqual([]);
  },
);
