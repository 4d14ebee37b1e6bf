import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { PROTOCOL_VERSION } from '../../src/protocol/versions.ts';
import type { DepthServer } from '../../src/server/server.ts';
import type { EncodedFrame } from '../../src/video/types.ts';
import { writeRtpHeader } from '../../src/webrtc/rtp/packet.ts';
import { film } from '../support/film.ts';
import { packetizers } from '../support/packetizers.ts';
import { type ClientOptions, RtcClient } from '../support/rtc-client.ts';
import { SMALL_DEPTH, startApp, until } from './support/app.ts';
import { postOffer } from './support/offer.ts';

// What many senders do, none of which is in the lab's browsers.

interface Logged {
  msg: string;
  [key: string]: unknown;
}

let server: DepthServer & { base: string };
const log: Logged[] = [];
const clients: RtcClient[] = [];

beforeAll(async () => {
  const { pino } = await import('pino');
  const stream = { write: (line: string) => void log.push(JSON.parse(line) as Logged) };
  server = await startApp(
    { ...SMALL_DEPTH, 'limits.idleSeconds': 8, 'limits.requestsPerMinute': 1000 },
    pino({ level: 'debug' }, stream),
  );
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await server.context.registry.sessions.reduce(
    (done, session) => done.then(() => session.close('test over')),
    Promise.resolve(),
  );
  log.length = 0;
});
afterAll(() => server.close());

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function whip(name: string, options: ClientOptions = {}, munge = (sdp: string) => sdp): Promise<RtcClient> {
  const client = await RtcClient.create({ direction: 'sendonly', ...options });
  clients.push(client);
  await postOffer(`${server.base}/whip/${name}`, client, munge);
  await until('the connection', () => client.connected);
  return client;
}

/** Sends a film at its pace, over and over. */
function play(send: (frame: EncodedFrame) => void, frames: readonly EncodedFrame[]): { stop(): void } {
  let n = 0;
  const length = 3000 * frames.length;
  const timer = setInterval(() => {
    const frame = frames[n % frames.length]!;
    send({ ...frame, rtpTimestamp: (frame.rtpTimestamp + Math.floor(n++ / frames.length) * length) >>> 0 });
  }, 33);
  return { stop: () => clearInterval(timer) };
}

const report = async (name: string) => {
  const { sessions } = (await (await fetch(`${server.base}/api/sessions`)).json()) as {
    sessions: { stream: string; video: { depth: number; decoded: number; dropped: object }; problem?: object }[];
  };
  return sessions.find(({ stream }) => stream === name);
};

describe('H.264 as encoders make it', () => {
  it.each([
    ['in several slices', { options: { tune: 'zerolatency', 'x264-params': 'slices=4' } }],
    ['in slices of a packet each', { options: { tune: 'zerolatency', 'x264-params': 'slice-max-size=900' } }],
    ['interlaced, in slices', { interlaced: true, options: { 'x264-params': 'slices=3:tff=1' } }],
    ['refreshed bit by bit', { gop: 20, options: { tune: 'zerolatency', 'x264-params': 'intra-refresh=1' } }],
    ['of another profile', { options: { profile: 'high', tune: 'zerolatency' } }],
  ])('%s becomes depth from its first keyframe on', async (_name, options) => {
    const frames = await film(options);
    const client = await whip('made');
    for (const frame of frames.slice(0, 20)) {
      client.sender.send(frame);
      await sleep(33);
    }
    const { video } = (await until('depth', async () => {
      const found = await report('made');
      return found && found.video.depth > 0 && found.video.decoded >= 20 ? found : undefined;
    }))!;
    expect(video).toMatchObject({ codec: 'H264', width: 320, height: 240, arrived: 20, decoded: 20 });
    expect(Object.keys(video.dropped).filter((reason) => reason !== 'newer')).toEqual([]);
  });
});

describe.each([
  ['VP9', { encoder: 'libvpx-vp9', options: { deadline: 'realtime', 'cpu-used': '8', 'lag-in-frames': '0' } }],
  ['AV1', { encoder: 'libsvtav1', options: { preset: '12', 'svtav1-params': 'rc=2:pred-struct=1:lookahead=0' } }],
  ['H265', { encoder: 'libx265', options: { tune: 'zerolatency', 'x265-params': 'log-level=none:repeat-headers=1' } }],
] as const)('%s', (codec, encoder) => {
  it('is taken from a publisher and becomes depth', async () => {
    const frames = await film({ codec, gop: 30, ...encoder });
    const only = (sdp: string) =>
      sdp
        .replace('96 97 108 109', '96')
        .replace('a=rtpmap:96 VP8', `a=rtpmap:96 ${codec}`)
        .replaceAll(/a=(rtpmap|fmtp):(97|108|109) .*\r\n/g, '');
    await whip(`as-${codec}`, {}, only);
    const client = clients.at(-1)!;
    let sequenceNumber = 1;
    for (const { data, keyframe, rtpTimestamp: timestamp } of frames) {
      const payloads = packetizers[codec](data, keyframe, 1000);
      for (const [n, payload] of payloads.entries()) {
        const packet = Buffer.alloc(12 + payload.length);
        const marker = n === payloads.length - 1;
        const fields = {
          payloadType: 96,
          marker,
          sequenceNumber: sequenceNumber++,
          timestamp,
          ssrc: 5,
          extended: false,
        };
        writeRtpHeader(packet, fields);
        payload.copy(packet, 12);
        client.media.sendRtp(packet, 12);
      }
      await sleep(33);
    }
    const { video } = (await until('depth', async () => {
      const found = await report(`as-${codec}`);
      return found && found.video.depth > 0 && found.video.decoded === frames.length ? found : undefined;
    }))!;
    expect(video).toMatchObject({ codec, width: 320, height: 240, arrived: frames.length });
  });
});

describe('a sender whose video makes no depth', () => {
  it('with B-frames is told, in the log, to operators, and by the end of its session', async () => {
    const frames = await film({ bFrames: 2, gop: 15 });
    const client = await whip('reordered');
    const playing = play((frame) => client.sender.send(frame), frames);
    const trouble = await until('a word in the log', () => log.find(({ msg }) => msg === 'session problem'));
    expect(trouble).toMatchObject({ code: 'CODEC_FAILED', stream: 'reordered' });
    expect(trouble['detail']).toContain('send without B-frames');
    expect(await report('reordered')).toMatchObject({ video: { depth: 0 } });
    const ended = await until('the end', () => log.find(({ msg }) => msg === 'session ended'));
    playing.stop();
    expect(ended).toMatchObject({ reason: 'failed', code: 'CODEC_FAILED', video: { codec: 'H264', depth: 0 } });
    expect(JSON.stringify(ended['troubles'])).toMatch(/\d+ x CODEC_FAILED: .*B-frames/);
  });

  it('without any keyframe is told so', async () => {
    const frames = await film();
    const client = await whip('headless');
    const playing = play((frame) => client.sender.send(frame), frames.slice(1));
    const trouble = await until('a word in the log', () => log.find(({ msg }) => msg === 'session problem'));
    expect(trouble).toMatchObject({ code: 'NO_KEYFRAME' });
    expect(trouble['detail']).toMatch(/answer PLI, or send keyframes/);
    expect(await report('headless')).toMatchObject({ problem: { code: 'NO_KEYFRAME' } });
    const ended = await until('the end', () => log.find(({ msg }) => msg === 'session ended'));
    playing.stop();
    expect(ended).toMatchObject({ reason: 'failed', code: 'NO_KEYFRAME' });
  });

  it('whose packets are of a type that was not agreed on is told so', async () => {
    const client = await whip('strange');
    let n = 0;
    const timer = setInterval(() => {
      const packet = Buffer.alloc(100, 1);
      packet.set([0x80, 0x80 | 125, n >> 8, n++ & 255]);
      client.media.sendRtp(packet, 12);
    }, 33);
    const trouble = await until('a word in the log', () => log.find(({ msg }) => msg === 'session problem'));
    clearInterval(timer);
    expect(trouble['detail']).toMatch(/payload type 125/);
  });
});

describe('a /ws client', () => {
  interface Message {
    type: string;
    [key: string]: unknown;
  }

  async function connect(options: ClientOptions, munge = (sdp: string) => sdp) {
    const client = await RtcClient.create(options);
    clients.push(client);
    const socket = new WebSocket(`${server.base.replace('http', 'ws')}/ws`);
    const messages: Message[] = [];
    socket.on('message', (data) => messages.push(JSON.parse(String(data)) as Message));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const say = (message: object) => socket.send(JSON.stringify(message));
    const got = (type: string, code?: string) =>
      until(`${type} ${code ?? ''}`, () =>
        messages.find((message) => message.type === type && (code === undefined || message['code'] === code)),
      );
    say({ type: 'hello', protocol: PROTOCOL_VERSION });
    await got('welcome');
    say({ type: 'offer', sdp: munge(client.offerSdp), output: { track: 'gray', data: 'u16' } });
    return { client, socket, messages, say, got };
  }

  it('may send candidates in every form that browsers have, and useless ones', async () => {
    const { client, socket, messages, say, got } = await connect({ data: true });
    client.accept((await got('answer'))['sdp'] as string);
    const line = 'candidate:1 1 udp 2113937151 127.0.0.1 5000 typ host';
    const full = { candidate: line, sdpMid: '0', sdpMLineIndex: 0, foundation: '1', component: 'rtp', tcpType: null };
    for (const candidate of [null, undefined, { candidate: null }, {}, '', line, { candidate: '' }, full])
      say({ type: 'candidate', candidate });
    say({ type: 'ping', id: 1 });
    await got('pong');
    expect(messages.filter(({ type }) => type === 'error')).toEqual([]);
    say({ type: 'candidate', candidate: 17 });
    say({ type: 'candidate', candidate: { candidate: 'nonsense' } });
    say({ type: 'ping', id: 2 });
    await until('the second pong', () => messages.filter(({ type }) => type === 'pong').length === 2);
    expect(messages.filter(({ type }) => type === 'error')).toMatchObject([{ fatal: false }, { fatal: false }]);
    expect(socket.readyState).toBe(socket.OPEN);
    socket.close();
  });

  it('that opens no channel in-band is told how', async () => {
    const { client, socket, messages, got } = await connect({ data: true });
    client.accept((await got('answer'))['sdp'] as string);
    const error = await got('error', 'NO_CHANNEL');
    expect(error).toMatchObject({ fatal: false, message: expect.stringMatching(/in-band/) });
    client.openChannel('data');
    await until('the name', () => messages.some(({ message }) => /channel "data" is closed/.test(String(message))));
    socket.close();
  });

  it('that cannot get back a gray track is told why, and gets the rest', async () => {
    const { client, socket, got } = await connect({ data: true }, (sdp) =>
      sdp
        .replace('96 97 108 109', '108 109')
        .replaceAll(/a=(rtpmap:9[67]|fmtp:97) .*\r\n/g, '')
        .replace('packetization-mode=1;', ''),
    );
    const answer = (await got('answer'))['sdp'] as string;
    expect(answer).toContain('a=recvonly');
    expect(await got('error', 'NOT_NEGOTIATED')).toMatchObject({
      fatal: false,
      message: expect.stringMatching(/packetization-mode=1/),
    });
    // This client packetises in mode 1, which is not what is tested here.
    client.accept(answer.replace('packetization-mode=0', 'packetization-mode=1'));
    const frames = await film();
    const playing = play((frame) => client.sender.send(frame), frames);
    await until('depth', () => server.context.registry.streams[0]!.frames > 0);
    playing.stop();
    socket.close();
  });

  it('that sends no video is refused at once', async () => {
    const { socket, got } = await connect({ direction: 'recvonly' });
    expect(await got('error', 'NO_VIDEO')).toMatchObject({ fatal: true });
    socket.close();
  });
});
