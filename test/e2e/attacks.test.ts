import { randomBytes } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { rtpPacket, VP8_DELTA } from '../fuzz/targets/packets.ts';
import { OFFERS } from '../fuzz/targets/sdp.ts';
import { Network } from '../support/impair/network.ts';
import { metric, SMALL_DEPTH, startApp, until } from './support/app.ts';
import { FAKE_CAMERA, launchBrowser, SMALL_PAGE } from './support/browser.ts';

/** Set-ups that are left half open. */
const HALF_OPEN = 60;

let server: DepthServer & { base: string };
let network: Network;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  server = await startApp({
    ...SMALL_DEPTH,
    'limits.setupSeconds': 3,
    'limits.setupsPerAddress': HALF_OPEN + 8,
    'limits.sessionsPerAddress': HALF_OPEN + 8,
    'limits.streams': HALF_OPEN + 8,
    'limits.utilisation': null,
  });
  network = await Network.open({ server: server.base });
  browser = await launchBrowser({ fps: 10 });
  page = await browser.newPage(SMALL_PAGE);
  await page.goto(`${network.url}/bench?${FAKE_CAMERA}&autostart=1&data=u8`);
  await moreFrames(10);
});
afterAll(async () => {
  await browser.close();
  await network.close();
  await server.close();
});
beforeEach(() => page.evaluate(() => window.depthcast.errors.splice(0)));

async function moreFrames(count: number): Promise<void> {
  const before = await page.evaluate(() => window.depthcast?.frames ?? 0);
  await page.waitForFunction((n) => window.depthcast?.frames > n, before + count, { timeout: 60_000 });
}

const live = () => server.context.registry.sessions.find(({ kind }) => kind === 'ws')!;

describe('a live session under attack', () => {
  it('goes on, in the same connection, while forged packets come from its own peer’s address', async () => {
    const { id } = live();
    const dtls = (type: number, body: Buffer): Buffer => {
      const header = Buffer.from([type, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 0]);
      header.writeUInt16BE(body.length, 11);
      return Buffer.concat([header, body]);
    };
    const clear = (packet: Buffer): Buffer => {
      packet.writeUInt16BE(0, 3);
      return packet;
    };
    const before = live().peer.getStats();
    for (let round = 0; round < 60; round++) {
      network.forge(rtpPacket(Buffer.concat([VP8_DELTA, randomBytes(40)]), round));
      network.forge(Buffer.concat([Buffer.from('80c8000c', 'hex'), randomBytes(60)]));
      // Alerts, a new handshake and data: encrypted with nothing, and in the clear.
      for (const type of [20, 21, 22, 23]) {
        network.forge(dtls(type, randomBytes(48)));
        network.forge(clear(dtls(type, Buffer.from([2, 0]))));
      }
      network.forge(Buffer.concat([Buffer.from('000100002112a442', 'hex'), randomBytes(12)]));
      network.forge(randomBytes(1200));
    }
    await moreFrames(15);
    expect(live().id).toBe(id);
    const after = live().peer.getStats();
    expect(after.transport.rejected).toBeGreaterThan(before.transport.rejected);
    expect(after.dropped).toBeGreaterThan(before.dropped);
    expect(await page.evaluate(() => window.depthcast.errors.length)).toBe(0);
  });

  it('goes on while its client floods the data channel, in small and in large messages', async () => {
    const { id } = live();
    await page.evaluate(async () => {
      const pc = window.depthcast.session!.connection!;
      const channel = pc.createDataChannel('junk', { ordered: false, maxRetransmits: 0 });
      await new Promise((resolve) => {
        channel.onopen = channel.onclose = resolve;
        setTimeout(resolve, 3000);
      });
      for (let n = 0; n < 2000 && channel.readyState === 'open'; n++) {
        if (channel.bufferedAmount > 4_000_000) await new Promise((resolve) => setTimeout(resolve, 20));
        try {
          channel.send(new Uint8Array(n % 50 === 0 ? 200_000 : 20));
        } catch {
          break;
        }
      }
    });
    await moreFrames(15);
    expect(live().id).toBe(id);
  });

  it('ends a client that floods its settings, with a reason, and takes it back', async () => {
    const { id } = live();
    const rejected = await metric(server, 'depthcast_rejected_total', { code: 'BAD_MESSAGE' });
    await page.evaluate(() => {
      for (let n = 0; n < 400; n++)
        window.depthcast.session!.update({
          data: n % 2 ? 'u16' : 'u8',
          size: n % 3 ? 256 : 192,
          track: n % 5 ? 'gray' : 'off',
        });
    });
    await until('the end of the session', () => server.context.registry.sessions.every((session) => session.id !== id));
    expect(await metric(server, 'depthcast_rejected_total', { code: 'BAD_MESSAGE' })).toBe(rejected + 1);
    await page.reload();
    await moreFrames(10);
  });
});

it('half-open sessions are bounded in number and time, and leave nothing behind', async () => {
  const sessions = server.context.registry.sessions.length;
  const offer = OFFERS.find((sdp) => sdp.includes('a=group:BUNDLE') && sdp.includes('m=video'))!;
  const timeouts = await metric(server, 'depthcast_rejected_total', { code: 'SETUP_TIMEOUT' });
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, server.context.registry.sessions.length);
  }, 5);
  const statuses = await Promise.all(
    Array.from({ length: HALF_OPEN + 20 }, async (_, n) => {
      const response = await fetch(`${server.base}/whip/half-${n}`, {
        method: 'POST',
        body: offer,
        headers: { 'content-type': 'application/sdp' },
      });
      await response.arrayBuffer();
      return response.status;
    }),
  );
  const opened = statuses.filter((status) => status === 201).length;
  clearInterval(watch);
  expect(opened).toBeGreaterThan(HALF_OPEN / 2);
  // On a slow machine the first have ended before the last come: what is bounded is how many there are at once.
  expect(most).toBeLessThanOrEqual(HALF_OPEN + 8);
  expect(statuses.every((status) => [201, 429, 503].includes(status))).toBe(true);
  // The live one goes on beside them.
  await moreFrames(5);
  await until('the time-outs', () => server.context.registry.sessions.length === sessions, 60_000);
  expect(await metric(server, 'depthcast_rejected_total', { code: 'SETUP_TIMEOUT' })).toBe(timeouts + opened);
  expect(server.context.registry.streams).toHaveLength(sessions);
});
