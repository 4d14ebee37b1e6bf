import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { ServerMessage } from '../../src/protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/versions.ts';
import { type DepthServer, startServer } from '../../src/server/server.ts';
import { Fleet } from '../support/load/wrtc-fleet.ts';
import { endSessions, metric, SMALL_DEPTH, startApp, until } from './support/app.ts';
import { FAKE_CAMERA, launchBrowser, SMALL_PAGE } from './support/browser.ts';

let server: DepthServer & { base: string };
let browser: Browser;

beforeAll(async () => {
  server = await startApp(SMALL_DEPTH);
  browser = await launchBrowser({ fps: 10 });
});
afterEach(() => endSessions(browser, server));
afterAll(async () => {
  await browser.close();
  await server.close();
});

/** A session of the page's own. */
async function openPage({ base } = server): Promise<Page> {
  const page = await browser.newPage(SMALL_PAGE);
  await page.goto(`${base}/bench?${FAKE_CAMERA}&autostart=1&data=u16`);
  await page.waitForFunction(() => window.depthcast.frames > 10, undefined, { timeout: 60_000 });
  return page;
}

/** Talks to /ws as a stranger does; collects what comes back until the connection ends. */
async function talk(
  messages: (string | Buffer)[],
  base = server.base,
): Promise<{ received: ServerMessage[]; code: number }> {
  const socket = new WebSocket(`${base.replace('http', 'ws')}/ws`);
  const received: ServerMessage[] = [];
  socket.on('message', (text) => received.push(JSON.parse(String(text)) as ServerMessage));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  for (const message of messages) socket.send(message);
  const code = await new Promise<number>((resolve) => {
    socket.once('close', resolve);
    setTimeout(() => socket.close(), 3000).unref();
  });
  return { received, code };
}

const hello = JSON.stringify({ type: 'hello', protocol: PROTOCOL_VERSION });
const rejected = (code: string, by = server) => metric(by, 'depthcast_rejected_total', { code });

describe('signalling', () => {
  it.each([
    ['not JSON', ['{"type":'], 'BAD_MESSAGE'],
    ['binary', [Buffer.from(hello)], 'BAD_MESSAGE'],
    ['an unknown type', ['{"type":"sudo"}'], 'BAD_MESSAGE'],
    [
      'an unknown key',
      [`{"type":"hello","protocol":${PROTOCOL_VERSION},"__proto__":{"x":1},"admin":true}`],
      'BAD_MESSAGE',
    ],
    ['a key of the wrong type', [hello, '{"type":"settings","output":{"data":17}}'], 'BAD_MESSAGE'],
    ['an offer before hello', ['{"type":"offer","sdp":"v=0"}'], 'BAD_MESSAGE'],
    ['hello twice', [hello, hello], 'BAD_MESSAGE'],
    ['another protocol version', ['{"type":"hello","protocol":3}'], 'PROTOCOL_VERSION'],
    ['an SDP that is none', [hello, '{"type":"offer","sdp":"v=0"}'], 'BAD_SDP'],
    ['an SDP beyond the limit', [hello, JSON.stringify({ type: 'offer', sdp: 'a'.repeat(70_000) })], 'BAD_MESSAGE'],
    ['a model that is not there', [hello, '{"type":"offer","sdp":"v=0","output":{"model":"gpt"}}'], 'MODEL_NOT_FOUND'],
    ['a message of 200 KB', [hello, JSON.stringify({ type: 'offer', sdp: 'a'.repeat(200_000) })], 'BAD_MESSAGE'],
    ['a flood', [hello, ...Array(400).fill('{"type":"ping","id":1}')], 'BAD_MESSAGE'],
  ])('%s is answered with an error, counted, and ends the connection', async (_name, messages, code) => {
    const before = await rejected(code);
    const { received, code: close } = await talk(messages as (string | Buffer)[]);
    expect(received.at(-1)).toMatchObject({ type: 'error', code, fatal: true });
    expect(close).toBe(1008);
    expect(await rejected(code)).toBe(before + 1);
    expect(server.context.registry.streams).toHaveLength(0);
  });

  it('a message beyond the frame limit closes the connection, and is counted', async () => {
    const before = await rejected('BAD_MESSAGE');
    const { code } = await talk([hello, 'x'.repeat(1_000_000)]);
    expect(code).toBe(1009);
    expect(await rejected('BAD_MESSAGE')).toBe(before + 1);
  });

  it.each([
    ['a size that the model does not have', { size: 4000 }, 'BAD_SIZE'],
    ['a model that is not there', { model: 'gpt', track: 'off' }, 'MODEL_NOT_FOUND'],
  ])('settings with %s change nothing and are counted', async (_name, output, code) => {
    const before = await rejected(code);
    const { received } = await talk([
      hello,
      JSON.stringify({ type: 'settings', output }),
      JSON.stringify({ type: 'settings', output: { data: 'u8', size: 192 } }),
      '{"type":"bye"}',
    ]);
    const [welcome, error, settings] = received as [{ output: object }, object, object];
    expect(error).toMatchObject({ type: 'error', code, fatal: false });
    expect(settings).toEqual({ type: 'settings', output: { ...welcome.output, data: 'u8', size: 192 } });
    expect(await rejected(code)).toBe(before + 1);
  });

  it.each(['settings', 'candidate'])('%s before hello end the connection', async (type) => {
    const body = type === 'settings' ? { output: {} } : { candidate: { candidate: '' } };
    const { received, code } = await talk([JSON.stringify({ type, ...body }), hello]);
    expect(received).toEqual([expect.objectContaining({ type: 'error', code: 'BAD_MESSAGE', fatal: true })]);
    expect(code).toBe(1008);
  });

  it.each(['//', 'http://[', '*', '/nope', '/%zz'])('refuses an upgrade of %s, and lets go of it', async (target) => {
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true }, () =>
        socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`),
      );
      socket.on('data', (data) => (text += String(data)));
      socket.on('error', () => {}).on('end', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 40/);
    expect((await fetch(`${server.base}/livez`)).status).toBe(200);
  });

  it('survives raw rubbish and half-open connections on the HTTP port', async () => {
    for (const bytes of [
      'GET / HTTP/1.1\r\n',
      '\x16\x03\x01\x00\xff',
      'POST /whip/x HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n',
    ])
      await new Promise<void>((resolve) => {
        const socket = connect(server.port, '127.0.0.1', () => {
          socket.write(bytes);
          setTimeout(() => socket.destroy(), 50);
        });
        socket.on('error', () => {}).on('close', () => resolve());
      });
    expect((await fetch(`${server.base}/livez`)).status).toBe(200);
  });
});

describe('publishers that do not behave', () => {
  it('one that never connects is ended after the set-up time', async () => {
    const impatient = await startApp({ 'limits.setupSeconds': 2 });
    const response = await fetch(`${impatient.base}/whip/ghost`, {
      method: 'POST',
      body: await offerOfNobody(),
      headers: { 'content-type': 'application/sdp' },
    });
    expect(response.status).toBe(201);
    await until('the time-out', async () => (await rejected('SETUP_TIMEOUT', impatient)) === 1);
    expect(impatient.context.registry.streams).toHaveLength(0);
    await impatient.close();
  });

  it('one that stops sending is ended, and told why', async () => {
    const impatient = await startApp({ ...SMALL_DEPTH, 'limits.idleSeconds': 3 });
    const page = await openPage(impatient);
    await page.evaluate(() =>
      window.depthcast.session?.connection?.getSenders().forEach((sender) => void sender.replaceTrack(null)),
    );
    await page.waitForFunction(() => window.depthcast.errors.some((e) => e.code === 'NO_VIDEO'), undefined, {
      timeout: 60_000,
    });
    await impatient.close();
  });

  it('one that vanishes is cleaned up', async () => {
    const page = await openPage();
    expect(server.context.registry.streams.length).toBe(1);
    await page.close();
    await until('the clean-up', () => server.context.registry.streams.length === 0);
    await until('the gauge', async () => (await metric(server, 'depthcast_sessions')) === 0);
  });
});

describe('a stream beside trouble', () => {
  it('goes on while junk of every kind arrives at its UDP port', async () => {
    const page = await openPage();
    const ports = localPorts();
    const socket = createSocket('udp4');
    const frames = await page.evaluate(() => window.depthcast.frames);
    const junk = [0, 1, 20, 22, 64, 127, 128, 144, 191, 200, 255].flatMap((first) =>
      [1, 12, 20, 60, 1200].map((size) => Buffer.alloc(size, 0x5a).fill(first, 0, 1)),
    );
    for (let round = 0; round < 40; round++)
      for (const port of ports) for (const packet of junk) socket.send(packet, port, '127.0.0.1');
    await page.waitForFunction((n) => window.depthcast.frames > n + 30, frames, { timeout: 60_000 });
    expect(await page.evaluate(() => window.depthcast.errors.length)).toBe(0);
    socket.close();
  });

  it('goes on in the same session, in the next epoch, when the depth worker is killed', async () => {
    const page = await openPage();
    const epoch = await page.evaluate(() => window.depthcast.frame!.epoch);
    const restarts = await metric(server, 'depthcast_depth_worker_restarts_total');
    const inferencer = server.context.pool.workers.find(({ streamCount }) => streamCount > 0)!;
    const [session] = server.context.registry.sessions;
    await inferencer.kill();
    await page.waitForFunction((e) => (window.depthcast.frame?.epoch ?? 0) > e, epoch, {
      timeout: 60_000,
      polling: 50,
    });
    expect(await page.evaluate(() => window.depthcast.frame!.epoch)).toBe(epoch + 1);
    expect(server.context.registry.sessions).toEqual([session]);
    const errors = await page.evaluate(() => window.depthcast.errors.map(({ code }) => code));
    expect(errors).toEqual(['WORKER_DIED']);
    expect(await metric(server, 'depthcast_depth_worker_restarts_total')).toBe(restarts + 1);
    expect(await metric(server, 'depthcast_epochs_total', { cause: 'restart' })).toBeGreaterThan(0);
    expect((await fetch(`${server.base}/readyz`)).status).toBe(200);
  });

  it('is not disturbed by a neighbour that crashes, and independent libwebrtc peers share it', async () => {
    const page = await openPage();
    const fleet = new Fleet({
      url: server.base,
      peers: 2,
      scene: 'static',
      width: 320,
      height: 240,
      fps: 10,
      data: 'u8',
      track: 'gray',
    });
    const report = await fleet.flowing();
    expect(report.peers.map((peer) => peer.badPackets)).toEqual([0, 0]);
    await fleet.kill();
    const frames = await page.evaluate(() => window.depthcast.frames);
    await page.waitForFunction((n) => window.depthcast.frames > n + 20, frames);
    await until('the dead peers', () => server.context.registry.streams.length === 1);
  });
});

it('says in one line what is wrong with its port, before it looks for a model', async () => {
  const { config } = server.context;
  const again = startServer({
    config: {
      ...config,
      server: { ...config.server, port: server.port },
      depth: { ...config.depth, model: 'of-that-name-there-is-none' },
    },
    version: 'test',
  });
  await expect(again).rejects.toMatchObject({ code: 'PORT_IN_USE', message: expect.stringContaining('--port') });
});

it('drains: sessions are told, new ones are refused, the process has nothing left to do', async () => {
  const own = await startApp(SMALL_DEPTH);
  const page = await browser.newPage(SMALL_PAGE);
  await page.goto(`${own.base}/bench?${FAKE_CAMERA}&autostart=1`);
  await page.waitForFunction(() => window.depthcast.frames > 3, undefined, { timeout: 60_000 });
  await own.close('maintenance');
  await page.waitForFunction(() => window.depthcast.session?.state.name === 'reconnecting');
  await expect(fetch(`${own.base}/livez`)).rejects.toThrow();
});

/** A well-formed offer whose maker is gone. */
async function offerOfNobody(): Promise<string> {
  const page = await browser.newPage();
  await page.goto(`${server.base}/livez`);
  const sdp = await page.evaluate(async () => {
    const pc = new RTCPeerConnection();
    pc.addTransceiver('video', { direction: 'sendonly' });
    await pc.setLocalDescription();
    return pc.localDescription!.sdp;
  });
  await page.close();
  return sdp;
}

/** UDP ports that the server's peers have bound. */
function localPorts(): number[] {
  return server.context.registry.sessions.map(({ peer }) => Number(peer.getStats().pair!.local.split(':').at(-1)));
}
