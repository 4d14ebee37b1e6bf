import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { needs } from '../support/needs.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { SMALL_DEPTH, startApp, until } from './support/app.ts';
import { FAKE_CAMERA, launchBrowser, SMALL_PAGE } from './support/browser.ts';
import { type Coturn, findCoturn, startCoturn } from './support/coturn.ts';

describe('through coturn', needs(findCoturn(), 'coturn (Debian: coturn)'), () => {
  let coturn: Coturn;
  let server: DepthServer & { base: string };
  let browser: Browser;

  beforeAll(async () => {
    coturn = await startCoturn();
    server = await startApp({ ...SMALL_DEPTH, 'rtc.iceServers': [{ urls: coturn.url, secret: coturn.secret }] });
    browser = await launchBrowser({ fps: 10 });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await coturn?.close();
  });

  it('depth reaches a browser that may use nothing but the relay, with a credential that ends', async () => {
    const page = await browser.newPage(SMALL_PAGE);
    await page.addInitScript(() => {
      const Direct = window.RTCPeerConnection;
      window.RTCPeerConnection = class extends Direct {
        constructor(configuration?: RTCConfiguration) {
          super({ ...configuration, iceTransportPolicy: 'relay' });
          Object.assign(window, { turn: configuration?.iceServers?.[0] });
        }
      };
    });
    await page.goto(`${server.base}/bench?${FAKE_CAMERA}&autostart=1&data=u16`);
    await page.waitForFunction(() => window.depthcast.frames > 10, undefined, { timeout: 60_000 });
    // A browser may nominate several pairs before it settles on one: the transport says which it uses.
    const local = await page.evaluate(async () => {
      const report = await window.depthcast.session!.connection!.getStats();
      const entries = new Map<string, Record<string, unknown>>();
      for (const [id, entry] of report as unknown as Iterable<[string, Record<string, unknown>]>)
        entries.set(id, entry);
      const named = (entry: Record<string, unknown> | undefined, key: string) => entries.get(String(entry?.[key]));
      const transport = [...entries.values()].find(({ type }) => type === 'transport');
      const pair = named(transport, 'selectedCandidatePairId');
      return named(pair, 'localCandidateId')?.['candidateType'];
    });
    expect(local).toBe('relay');
    const turn = await page.evaluate(() => (window as unknown as { turn: RTCIceServer }).turn);
    const [expiry, user] = turn.username!.split(':');
    expect(user).toBe('depthcast');
    expect(Number(expiry) - Date.now() / 1000).toBeGreaterThan(43_000);
    expect(JSON.stringify(turn)).not.toContain(coturn.secret);
    await page.close();
  });

  it("the server's own relay carries a session where nothing else connects", async () => {
    const own = await startApp({
      ...SMALL_DEPTH,
      'rtc.iceServers': [{ urls: coturn.url, secret: coturn.secret }],
      'rtc.useRelay': true,
      'sources.scenes': ['room'],
    });
    const client = await RtcClient.create({ direction: 'recvonly' });
    // The server learns a port where nobody is, and with it whom the relay may let through; the client, the relay alone.
    const answer = await view(own.base, client.offerSdp.replaceAll(/^(a=candidate:.*) \d+ typ/gm, '$1 9 typ'));
    const relays = answer.match(/a=candidate:.* typ relay .*\r\n/g);
    expect(relays).toHaveLength(1);
    client.accept(answer.replaceAll(/a=candidate:.* typ (host|srflx).*\r\n/g, ''));
    await until('depth over the relay', () => (client.receiver?.getStats().packets ?? 0) > 20);
    expect(own.context.registry.sessions[0]!.peer.getStats().pair!.local).toBe(
      relays![0]!.split(' ').slice(4, 6).join(':'),
    );
    await client.close();
    await own.close();
  });

  it('a TURN server that refuses us costs an answer nothing but its own candidate', async () => {
    const own = await startApp({
      ...SMALL_DEPTH,
      'rtc.iceServers': [{ urls: coturn.url, secret: 'not that secret' }],
      'rtc.useRelay': true,
      'sources.scenes': ['room'],
    });
    const client = await RtcClient.create({ direction: 'recvonly' });
    const answer = await view(own.base, client.offerSdp);
    expect(answer).not.toContain('typ relay');
    client.accept(answer);
    await until('depth', () => client.receiver?.getStats().packets);
    await client.close();
    await own.close();
  });
});

/** A viewer's offer to scene-room. @returns the answer */
async function view(base: string, offer: string): Promise<string> {
  const headers = { 'content-type': 'application/sdp' };
  const response = await fetch(`${base}/whep/scene-room`, { method: 'POST', headers, body: offer });
  return response.text();
}
