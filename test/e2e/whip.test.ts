import { spawn } from 'node:child_process';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { needs } from '../support/needs.ts';
import { metric, startApp, until } from './support/app.ts';
import { launchBrowser, openBlankPage } from './support/browser.ts';
import { findWhipClient, whipClientEnvironment } from './support/gstreamer.ts';

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
let server: DepthServer & { base: string };
let browser: Browser;
let page: Page;

beforeAll(async () => {
  server = await startApp({
    'limits.streams': 3,
    'limits.viewersPerStream': 4,
    'server.trustProxy': ['loopback'],
  });
  // The page is made up by the test, so that Chromium cannot tell that it is as local as the server.
  browser = await launchBrowser({ fps: 10, args: ['--disable-features=LocalNetworkAccessChecks'] });
  page = await openBlankPage(browser);
});
afterAll(async () => {
  await browser.close();
  await server.close();
});
afterEach(() => Promise.all(server.context.registry.sessions.map((session) => session.close('test over'))));

/** A real offer of Chromium's; the peer that made it stays in the page as `peers[i]`. */
function offer(direction: 'sendonly' | 'recvonly'): Promise<string> {
  return page.evaluate(async (direction) => {
    const pc = new RTCPeerConnection();
    if (direction === 'sendonly') {
      const media = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
      pc.addTransceiver(media.getVideoTracks()[0]!, { direction });
    } else pc.addTransceiver('video', { direction });
    await pc.setLocalDescription();
    await new Promise((resolve) => {
      if (pc.iceGatheringState === 'complete') resolve(0);
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && resolve(0);
      setTimeout(resolve, 1000);
    });
    return pc.localDescription!.sdp;
  }, direction);
}

const post = (path: string, body: string, headers: Record<string, string> = { 'content-type': SDP }) =>
  fetch(server.base + path, { method: 'POST', body, headers, redirect: 'manual' });
const patch = (url: string, body: string, headers: Record<string, string>) =>
  fetch(server.base + url, { method: 'PATCH', body, headers: { 'content-type': FRAGMENT, ...headers } });
const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;

const ufragOf = (sdp: string) => /a=ice-ufrag:(\S+)/.exec(sdp)![1]!;

describe('WHIP, RFC 9725', () => {
  it('4.2 ingest session set-up: 201, Location, ETag, Accept-Patch, and an answer that receives', async () => {
    const response = await post('/whip/cam', await offer('sendonly'));
    expect(response.status).toBe(201);
    expect(response.headers.get('content-type')).toBe(SDP);
    expect(response.headers.get('location')).toMatch(/^\/session\/[\w-]{22}$/);
    expect(response.headers.get('etag')).toMatch(/^"[^"]+"$/);
    expect(response.headers.get('accept-patch')).toBe(FRAGMENT);
    const answer = await response.text();
    expect(answer).toMatch(/^v=0\r\n/);
    expect(answer).toContain('a=recvonly');
    expect(answer).toMatch(/a=candidate:.* 127\.0\.0\.1 \d+ typ host/);
  });

  it('4.2 OPTIONS carries CORS and Accept-Post', async () => {
    const response = await fetch(`${server.base}/whip/cam`, {
      method: 'OPTIONS',
      headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('accept-post')).toBe(SDP);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://elsewhere.example');
    expect(response.headers.get('access-control-allow-methods')).toMatch(/POST.*PATCH.*DELETE/);
    expect(response.headers.get('access-control-allow-headers')).toMatch(/authorization.*content-type.*if-match/i);
  });

  it.each(['GET', 'HEAD', 'PUT'])('4.1 %s on the endpoint is reserved: 405 with Allow', async (method) => {
    const response = await fetch(`${server.base}/whip/cam`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toContain('POST');
  });

  it.each([
    ['4.2 another content type: 415', 'text/plain', 'v=0', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['4.2 no body: 400', SDP, '', 400, 'BAD_REQUEST'],
    ['4.2 malformed SDP: 400', SDP, 'this is no offer', 400, 'BAD_SDP'],
    ['an oversized body: 413', SDP, `v=0\r\n${'a=x\r\n'.repeat(20_000)}`, 413, 'BODY_TOO_LARGE'],
  ])('%s', async (_clause, type, body, status, code) => {
    const response = await post('/whip/cam', body, { 'content-type': type });
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
    expect(server.context.registry.streams).toHaveLength(0);
  });

  it('takes the camera from the address, and refuses one that is none', async () => {
    const sdp = await offer('sendonly');
    for (const query of ['hfov=', 'hfov=200', 'fx=900&fy=900', 'hfov=70&hfov=80']) {
      const response = await post(`/whip/cam?${query}`, sdp);
      expect([query, response.status, await codeOf(response)]).toEqual([query, 400, 'BAD_REQUEST']);
    }
    expect((await post('/whip/cam?fx=900&fy=901&cx=640&cy=360&width=1280&height=720&other=1', sdp)).status).toBe(201);
    const [stream] = server.context.registry.liveStreams;
    expect(stream!.camera.intrinsics(640, 360)).toMatchObject({ fx: 450, fy: 450.5, source: 'given' });
  });

  it('4.4 an offer without usable video: 422', async () => {
    const sdp = await offer('sendonly');
    const codecless = sdp.replaceAll(/a=rtpmap:(\d+) (VP8|VP9|AV1|H264|H265)\//g, 'a=rtpmap:$1 X-NONE/');
    const response = await post('/whip/cam', codecless);
    expect(response.status).toBe(422);
    expect(await codeOf(response)).toBe('UNSUPPORTED_CODEC');
  });

  it('a second publisher of a name: 409 with Retry-After; the first goes on', async () => {
    const first = await post('/whip/cam', await offer('sendonly'));
    const second = await post('/whip/cam', await offer('sendonly'));
    expect([first.status, second.status]).toEqual([201, 409]);
    expect(await codeOf(second)).toBe('STREAM_TAKEN');
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(server.context.registry.sessions).toHaveLength(1);
  });

  it('4.5 load: a full server answers 503 with Retry-After', async () => {
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      // Of different clients: one alone gets no more than all places but one for set-ups.
      const headers = { 'content-type': SDP, 'x-forwarded-for': `192.0.2.${i}` };
      expect((await post(`/whip/${name}`, await offer('sendonly'), headers)).status).toBe(201);
    }
    const response = await post('/whip/d', await offer('sendonly'));
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await codeOf(response)).toBe('BUSY');
  });

  it('4.3.1, 4.3.2 trickle: PATCH needs the right If-Match, and 204 takes the candidates', async () => {
    const sdp = await offer('sendonly');
    const response = await post('/whip/cam', sdp.replaceAll(/a=candidate:.*\r\n/g, ''));
    const url = response.headers.get('location')!;
    const etag = response.headers.get('etag')!;
    const body = `a=ice-ufrag:${ufragOf(sdp)}\r\na=ice-pwd:${/a=ice-pwd:(\S+)/.exec(sdp)![1]}\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host\r\na=end-of-candidates\r\n`;
    expect((await patch(url, body, {})).status).toBe(428);
    expect((await patch(url, body, { 'if-match': '"other"' })).status).toBe(412);
    expect((await patch(url, body, { 'if-match': etag, 'content-type': SDP })).status).toBe(415);
    expect((await patch(url, 'nonsense', { 'if-match': etag })).status).toBe(400);
    expect((await patch(url, body, { 'if-match': etag })).status).toBe(204);
  });

  it('4.3.3 ICE restart: 200 with new credentials, candidates and another ETag', async () => {
    const response = await post('/whip/cam', await offer('sendonly'));
    const before = ufragOf(await response.text());
    const url = response.headers.get('location')!;
    const body = `a=ice-ufrag:newu\r\na=ice-pwd:${'p'.repeat(24)}\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n`;
    const restarted = await patch(url, body, { 'if-match': '*' });
    expect(restarted.status).toBe(200);
    expect(restarted.headers.get('content-type')).toBe(FRAGMENT);
    expect(restarted.headers.get('etag')).not.toBe(response.headers.get('etag'));
    const fragment = await restarted.text();
    expect(ufragOf(fragment)).not.toBe(before);
    expect(fragment).toContain('a=candidate:');
  });

  it('4.2 DELETE ends the session; then the address is unknown and the name free', async () => {
    const url = (await post('/whip/cam', await offer('sendonly'))).headers.get('location')!;
    // Some clients send an empty Content-Type, which is none.
    expect((await fetch(server.base + url, { method: 'DELETE', headers: { 'content-type': '' } })).status).toBe(200);
    expect((await fetch(server.base + url, { method: 'DELETE' })).status).toBe(404);
    expect((await post('/whip/cam', await offer('sendonly'))).status).toBe(201);
  });

  it.each(['GET', 'POST', 'PUT'])('%s on a session is not allowed: 405', async (method) => {
    const url = (await post('/whip/cam', await offer('sendonly'))).headers.get('location')!;
    expect((await fetch(server.base + url, { method })).status).toBe(405);
  });

  it.each(['a%2Fb', '..%2f', 'x'.repeat(65), 'a%00'])('stream name %s is refused', async (name) => {
    expect([400, 404]).toContain((await post(`/whip/${name}`, await offer('sendonly'))).status);
  });
});

describe('WHEP', () => {
  it('answers 409 with Retry-After while nobody publishes', async () => {
    const response = await post('/whep/nobody', await offer('recvonly'));
    expect(response.status).toBe(409);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await codeOf(response)).toBe('NO_PUBLISHER');
  });

  it('refuses a layout that is not known', async () => {
    const response = await post('/whep/nobody?layout=round', await offer('recvonly'));
    expect(response.status).toBe(400);
    expect(await codeOf(response)).toBe('BAD_REQUEST');
  });
});

describe('a server with tokens, full, that knows another', () => {
  let guarded: DepthServer & { base: string };
  beforeAll(async () => {
    guarded = await startApp({
      'server.tokens': ['correct horse', 'battery-staple'],
      'server.redirectWhenBusy': 'https://other.example:8443',
      'limits.streams': 1,
      'rtc.iceServers': [{ urls: 'turn:127.0.0.1:3478', username: 'u', credential: 'c' }],
    });
  });
  afterAll(() => guarded.close());

  it('4.7 asks for a bearer token, 4.6 names ICE servers, and 4.5 redirects with 307 when it is full', async () => {
    const publish = (name: string, token?: string) =>
      offer('sendonly').then((body) =>
        fetch(`${guarded.base}/whip/${name}`, {
          method: 'POST',
          body,
          redirect: 'manual',
          headers: { 'content-type': SDP, ...(token ? { authorization: `Bearer ${token}` } : {}) },
        }),
      );
    const refused = await publish('cam');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect((await publish('cam', 'battery-stapler')).status).toBe(401);
    const taken = await publish('cam', 'battery-staple');
    expect(taken.status).toBe(201);
    expect(taken.headers.get('link')).toBe(
      '<turn:127.0.0.1:3478>; rel="ice-server"; username="u"; credential="c"; credential-type="password"',
    );
    const url = guarded.base + taken.headers.get('location')!;
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(401);
    const elsewhere = await publish('cam2', 'battery-staple');
    expect(elsewhere.status).toBe(307);
    expect(elsewhere.headers.get('location')).toBe('https://other.example:8443/whip/cam2');
  });
});

/** Opens a WHEP player in its own page and returns what it shows. */
async function watch(player: Page, path: string): Promise<void> {
  await player.evaluate(async (url) => {
    const pc = new RTCPeerConnection();
    Object.assign(window, { end: () => pc.close() });
    pc.addTransceiver('video', { direction: 'recvonly' });
    const video = document.querySelector('video')!;
    pc.ontrack = ({ track }) => {
      video.srcObject = new MediaStream([track]);
    };
    await pc.setLocalDescription();
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: pc.localDescription!.sdp,
    });
    if (response.status !== 201) throw new Error(await response.text());
    await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    await video.play();
  }, server.base + path);
}

const sessions = () => server.context.registry.sessions.map(({ id }) => id);

/** One more viewer of each layout: the picture in its colours, and its depth without any. */
async function watchLayouts(path: string): Promise<void> {
  const sizes = { stacked: [320, 480], 'side-by-side': [640, 240], 'colour-map': [320, 240] } as const;
  for (const [layout, size] of Object.entries(sizes)) {
    const player = await openBlankPage(browser);
    const before = sessions();
    await watch(player, `${path}?layout=${layout}`);
    const own = sessions().find((id) => !before.includes(id))!;
    expect(own).toBeDefined();
    await until(`time advancing (${layout})`, async () => (await shown(player)).time > 0.5);
    const { width, height } = await shown(player);
    expect([width, height]).toEqual(size);
    const [colour, depth] = await player.evaluate(() => {
      const video = document.querySelector('video')!;
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
      const context = canvas.getContext('2d')!;
      context.drawImage(video, 0, 0);
      /** How far the colours of a part are from gray, on average. */
      const colourOf = (x: number, y: number, w: number, h: number) => {
        const { data } = context.getImageData(x, y, w, h);
        let sum = 0;
        for (let i = 0; i < data.length; i += 4)
          sum += Math.abs(data[i]! - data[i + 1]!) + Math.abs(data[i + 1]! - data[i + 2]!);
        return sum / (w * h);
      };
      return [colourOf(0, 0, 320, 240), colourOf(canvas.width - 320, canvas.height - 240, 320, 240)] as const;
    });
    expect(colour).toBeGreaterThan(20);
    if (layout === 'colour-map') expect(depth).toBeGreaterThan(20);
    else expect(depth).toBeLessThan(6);
    // A page that is closed says nothing: its session would end only when it has been silent for fifteen seconds.
    await player.evaluate(() => (window as unknown as { end(): void }).end());
    await player.close();
    await until('its viewer ending', () => !sessions().includes(own));
  }
}

const shown = (player: Page) =>
  player.evaluate(() => {
    const video = document.querySelector('video')!;
    return { width: video.videoWidth, height: video.videoHeight, time: video.currentTime };
  });

describe('independent clients', () => {
  it('@eyevinn/whip-web-client publishes, and three viewers see its depth', async () => {
    const publisher = await openBlankPage(browser);
    await publisher.addScriptTag({ content: await whipWebClient() });
    await publisher.evaluate(async (endpoint) => {
      type Client = {
        setIceServersFromEndpoint(): Promise<void>;
        ingest(m: MediaStream): Promise<void>;
        destroy(): Promise<void>;
      };
      const { WHIPClient } = (window as unknown as { whipWebClient: { WHIPClient: new (o: object) => Client } })
        .whipWebClient;
      const client = new WHIPClient({ endpoint, opts: { debug: false, noTrickleIce: false } });
      const media = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
      await client.ingest(media);
      Object.assign(window, { client });
    }, `${server.base}/whip/eyevinn`);
    await until('depth of the WHIP client', () => server.context.registry.streams[0]?.last.depthWidth === 256);

    const players = await Promise.all([1, 2, 3].map(() => openBlankPage(browser)));
    for (const player of players) await watch(player, '/whep/eyevinn');
    for (const player of players) {
      const first = await until('a picture', async () =>
        (await shown(player)).time > 0.2 ? shown(player) : undefined,
      );
      expect([first.width, first.height]).toEqual([320, 240]);
      await until('time advancing', async () => (await shown(player)).time > first.time + 0.5);
    }
    expect(server.context.registry.viewersOf('eyevinn')).toBe(3);
    await watchLayouts('/whep/eyevinn');
    await publisher.evaluate(() => (window as unknown as { client: { destroy(): Promise<void> } }).client.destroy());
    await until('the stream ending', () => server.context.registry.streams.length === 0);
    await until('its viewers ending', () => server.context.registry.sessions.length === 0);
    await Promise.all([publisher, ...players].map((p) => p.close()));
    // Four browser pages start on the cores that decode: frames may be passed over, but none may fail.
    expect(await metric(server, 'depthcast_frames_total', { outcome: 'failed' })).toBe(0);
  });

  it(
    'simple-whip-client publishes VP8 by GStreamer',
    needs(findWhipClient(), 'simple-whip-client and GStreamer'),
    async () => {
      const pipeline =
        'videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! vp8enc deadline=1 ! rtpvp8pay pt=96 ssrc=2 ! queue ! application/x-rtp,media=video,encoding-name=VP8,payload=96';
      const child = spawn(findWhipClient()!, ['-u', `${server.base}/whip/gst`, '-n', '-o', '-V', pipeline], {
        stdio: 'ignore',
        env: whipClientEnvironment(),
      });
      try {
        const stream = await until(
          'depth of GStreamer',
          () => server.context.registry.streams.find(({ last }) => last.depthWidth > 0),
          30_000,
        );
        expect(stream.name).toBe('gst');
        expect(stream.last).toMatchObject({ width: 320, height: 240, depthWidth: 256, depthHeight: 192 });
      } finally {
        child.kill('SIGINT');
      }
      await until('the end of its session', () => server.context.registry.streams.length === 0);
    },
  );
});

/** The package as its users' bundlers make it, as a script that leaves its exports in `window.whipWebClient`. */
async function whipWebClient(): Promise<string> {
  const entry = new URL('../../node_modules/@eyevinn/whip-web-client/dist/whip-client.modern.js', import.meta.url);
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: { write: false, lib: { entry: entry.pathname, name: 'whipWebClient', formats: ['iife'] } },
  });
  const [bundle] = [built].flat() as { output: { code?: string }[] }[];
  return `${bundle!.output[0]!.code}\nwindow.whipWebClient = whipWebClient;`;
}
