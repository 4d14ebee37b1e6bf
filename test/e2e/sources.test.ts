import { spawn, spawnSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import type { SourceReport } from '../../src/session/pulled-sources.ts';
import type { LiveDepth } from '../../src/stream/live-depth.ts';
import { needs } from '../support/needs.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { writeVideo } from '../support/video-file.ts';
import { metric, startApp, until } from './support/app.ts';
import { postOffer } from './support/offer.ts';
import { hasRtspServer, type RtspServer, startRtspServer } from './support/rtsp.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-sources-'));
const clip = join(folder, 'clip.mp4');
const stillClip = join(folder, 'still.mp4');
const FFMPEG = '/usr/bin/ffmpeg';
const GST = needs(
  hasRtspServer(),
  "GStreamer's RTSP server, Debian: python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-ugly",
);
let server: DepthServer & { base: string };

beforeAll(async () => {
  const rate = { num: 30_000, den: 1001 };
  await writeVideo(clip, { width: 160, height: 120, frames: 60, fps: rate, interlaced: true, indexFirst: true });
  await writeVideo(stillClip, { width: 160, height: 120, frames: 60, fps: 15, still: true });
  server = await startApp({
    'sources.pull': [
      { name: 'loop', url: clip, size: 160 },
      { name: 'wall', url: stillClip },
      { name: 'usb', url: '/dev/video99' },
    ],
    'sources.apiHosts': ['127.0.0.1', '*.cameras.example'],
    'sources.pullLimit': 5,
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const api = (method: string, path: string, body?: unknown) =>
  fetch(`${server.base}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
const report = async (name: string) => (await (await api('GET', `/api/sources/${name}`)).json()) as SourceReport;
const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;
const live = (name: string) =>
  until(`${name} gives depth`, async () => {
    const now = await report(name);
    return now.state === 'live' && now.depth > 3 ? now : undefined;
  });

/** Depth maps of a stream, as its sinks see them. */
function tap(name: string) {
  const infos: LiveDepth['info'][] = [];
  const stream = server.context.registry.liveStreams.find((one) => one.name === name)!;
  const sink = stream.add(() => ({
    name: 'data',
    about: 'data' as const,
    receivers: 1,
    push: ({ info }: LiveDepth) => void infos.push(info),
    close: () => {},
  }));
  return { infos, stop: () => stream.remove(sink) };
}

describe('a file of the settings', () => {
  it('is played over and over, as a live stream that viewers watch', async () => {
    const { infos, stop } = tap('loop');
    const now = await live('loop');
    expect(now).toMatchObject({ kind: 'file', from: 'config', codec: 'h264', width: 160, height: 120, connections: 1 });
    // Longer than the file, at its pace, and its clock never goes back.
    // It is two seconds long.
    const span = () => (infos.at(-1)?.rtpTimestamp ?? 0) - (infos[0]?.rtpTimestamp ?? 0);
    await until('the file began again', () => span() > 2.5 * 90_000);
    stop();
    const steps = infos.slice(1).map(({ rtpTimestamp }, i) => rtpTimestamp - infos[i]!.rtpTimestamp);
    // Exactly those of 29.97 frames a second, and of the next round too; a busy machine leaves some out.
    expect(steps.filter((step) => step <= 0 || step % 3003 !== 0)).toEqual([]);
    expect(infos.some(({ captureTime }) => captureTime !== undefined)).toBe(false);

    const client = await RtcClient.create({ direction: 'recvonly' });
    await postOffer(`${server.base}/whep/loop`, client);
    let frames = 0;
    await until('a viewer connects', () => client.connected);
    client.receiver.on('frame', () => frames++);
    client.receiver.requestKeyframe();
    await until('a viewer gets the depth track', () => frames > 5);
    await client.close();
    await live('wall');
    expect(await metric(server, 'depthcast_pulled_sources', { state: 'live' })).toBe(2);
  });

  it('needs the network once a second while its picture does not change, and says so', async () => {
    const { infos, stop } = tap('wall');
    await until('three seconds of it', () => infos.length > 45);
    stop();
    const made = infos.slice(-30).filter(({ reused }) => !reused);
    expect(made.length).toBeLessThanOrEqual(12);
    // A busy machine's gaps begin epochs; what is sent again never does.
    expect(infos.every(({ reused, epoch }, i) => !reused || i === 0 || epoch === infos[i - 1]!.epoch)).toBe(true);
    const { depth, reused } = await report('wall');
    expect(reused).toBeGreaterThan(20);
    expect(depth).toBeGreaterThan(reused);
    expect(await metric(server, 'depthcast_frames_total', { outcome: 'reused' })).toBeGreaterThanOrEqual(reused);
    expect((await report('loop')).reused).toBe(0);
    expect((await api('DELETE', '/api/sources/wall')).status).toBe(403);
  });

  it('holds its place under its name, and in the bound', async () => {
    const same = await api('POST', '/api/sources', { name: 'loop', url: 'rtsp://127.0.0.1:1/x' });
    expect([same.status, await codeOf(same)]).toEqual([409, 'STREAM_TAKEN']);
    for (const name of ['a', 'b'])
      expect((await api('POST', '/api/sources', { name, url: 'rtsp://127.0.0.1:1/x' })).status).toBe(201);
    const more = await api('POST', '/api/sources', { name: 'c', url: 'rtsp://127.0.0.1:1/x' });
    expect([more.status, await codeOf(more)]).toEqual([503, 'BUSY']);
    for (const name of ['a', 'b']) expect((await api('DELETE', `/api/sources/${name}`)).status).toBe(204);
    expect(await codeOf(await api('DELETE', '/api/sources/a'))).toBe('SOURCE_NOT_FOUND');
  });
});

describe('what a request may name', () => {
  it.each([
    ['file:/etc/passwd', 403, 'SOURCE_NOT_ALLOWED'],
    ['/etc/passwd', 403, 'SOURCE_NOT_ALLOWED'],
    ['/dev/video0', 403, 'SOURCE_NOT_ALLOWED'],
    ['rtsp://169.254.169.254/x', 403, 'SOURCE_NOT_ALLOWED'],
    ['http://localhost:80/x', 403, 'SOURCE_NOT_ALLOWED'],
    ['http://127.0.0.1@10.0.0.1/x', 403, 'SOURCE_NOT_ALLOWED'],
    ['http://cameras.example.evil.example/x', 403, 'SOURCE_NOT_ALLOWED'],
    ['srt://127.0.0.1:9000?mode=listener', 403, 'SOURCE_NOT_ALLOWED'],
    ['srt://127.0.0.1:9000#?mode=listener', 400, 'BAD_REQUEST'],
    ['srt://127.0.0.1:9000?streamid=x#&mode=listener', 400, 'BAD_REQUEST'],
    ['rtsp://evil\\@127.0.0.1/x', 400, 'BAD_REQUEST'],
    ['concat:/etc/passwd', 400, 'BAD_REQUEST'],
    ['udp://127.0.0.1:9000', 400, 'BAD_REQUEST'],
    ['rtsp:///x', 400, 'BAD_REQUEST'],
  ])('%s is refused', async (url, status, code) => {
    const response = await api('POST', '/api/sources', { name: 'x', url });
    expect([response.status, await codeOf(response)]).toEqual([status, code]);
  });

  it('a camera that is not there is told of, and tried again', async () => {
    const { problem } = await until('it was tried', async () => {
      const now = await report('usb');
      return now.problem ? now : undefined;
    });
    expect(problem).toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringMatching(/No such file or directory: there (is|are) .*\/dev\/video/),
    });
  });

  it('a source that is not there is told of, without its password, and tried again', async () => {
    const url = 'rtsp://admin:geheim@127.0.0.1:1/x?token=geheim';
    expect((await api('POST', '/api/sources', { name: 'gone', url })).status).toBe(201);
    const now = await until('it was tried', async () => {
      const { state, problem } = await report('gone');
      return state === 'waiting' ? problem : undefined;
    });
    expect(now).toMatchObject({ code: 'SOURCE_FAILED' });
    expect(now.message).toMatch(/refused/);
    const all = await (await api('GET', '/api/sources')).text();
    expect(all).toContain('rtsp://***@127.0.0.1:1/x?***');
    expect(all).not.toContain('geheim');
    await api('DELETE', '/api/sources/gone');
  });
});

describe('HTTP', () => {
  let files: Server;
  beforeAll(async () => {
    files = createServer((request, response) => {
      const path = join(folder, (request.url ?? '/').slice(1));
      if (!existsSync(path)) response.writeHead(404).end();
      else createReadStream(path).pipe(response);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => files.once('listening', resolve));
  });
  afterAll(() => {
    files.closeAllConnections();
    files.close();
  });

  it('HLS is played at its pace', needs(existsSync(FFMPEG), 'ffmpeg (Debian)'), async () => {
    const made = spawnSync(FFMPEG, [
      '-v',
      'error',
      '-i',
      clip,
      '-c',
      'copy',
      '-f',
      'hls',
      '-hls_time',
      '1',
      '-hls_list_size',
      '0',
      join(folder, 'list.m3u8'),
    ]);
    expect(made.stderr.toString()).toBe('');
    const url = `http://127.0.0.1:${(files.address() as AddressInfo).port}/list.m3u8`;
    await api('POST', '/api/sources', { name: 'hls', url });
    expect(await live('hls')).toMatchObject({ kind: 'http', container: 'hls', captureTime: 'unknown' });
    await api('DELETE', '/api/sources/hls');
  });

  it('a playlist leads to no file', async () => {
    const { writeFileSync } = await import('node:fs');
    writeFileSync(
      join(folder, 'evil.m3u8'),
      `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://${clip}\n#EXT-X-ENDLIST\n`,
    );
    const url = `http://127.0.0.1:${(files.address() as AddressInfo).port}/evil.m3u8`;
    await api('POST', '/api/sources', { name: 'evil', url });
    await until('it failed', async () => (await report('evil')).state === 'waiting');
    expect((await report('evil')).pictures).toBe(0);
    await api('DELETE', '/api/sources/evil');
  });
});

it('SRT', needs(existsSync(FFMPEG), 'ffmpeg (Debian)'), async () => {
  const port = 20_000 + (process.pid % 20_000);
  const sender = spawn(FFMPEG, [
    '-v',
    'error',
    '-re',
    '-stream_loop',
    '-1',
    '-i',
    clip,
    '-c',
    'copy',
    '-f',
    'mpegts',
    `srt://127.0.0.1:${port}?mode=listener`,
  ]);
  try {
    await api('POST', '/api/sources', { name: 'srt', url: `srt://127.0.0.1:${port}` });
    expect(await live('srt')).toMatchObject({ kind: 'srt', container: 'mpegts', captureTime: 'estimated' });
  } finally {
    sender.kill('SIGKILL');
    await api('DELETE', '/api/sources/srt');
  }
});

describe('RTSP', GST, () => {
  let camera: RtspServer;
  afterEach(async () => {
    await api('DELETE', '/api/sources/door');
    await camera.kill();
  });

  it.each(['tcp', 'udp'] as const)(
    'over %s: a camera becomes depth, with the times of its sender reports',
    async (transport) => {
      camera = await startRtspServer();
      await api('POST', '/api/sources', { name: 'door', url: camera.url, transport });
      expect(await live('door')).toMatchObject({ kind: 'rtsp', codec: 'h264', width: 320, height: 240 });
      const { infos, stop } = tap('door');
      const told = await until('a sender report came', () => infos.find((info) => (info.captureTimeError ?? 99) < 10));
      stop();
      // Both clocks are this machine's.
      expect(Math.abs(told.captureTime! - Date.now())).toBeLessThan(5000);
      expect((await report('door')).captureTime).toBe('told');
    },
  );

  it('is there again when its camera is, killed and started, and viewers keep their stream', async () => {
    camera = await startRtspServer();
    await api('POST', '/api/sources', { name: 'door', url: camera.url });
    await live('door');
    const stream = server.context.registry.liveStreams.find(({ name }) => name === 'door')!;
    const { port } = camera;
    await camera.kill();
    await until('the loss is noticed', async () => (await report('door')).state !== 'live');
    const { depth } = await report('door');
    camera = await startRtspServer(port);
    const back = await until('it is back', async () => {
      const now = await report('door');
      return now.state === 'live' && now.depth > depth + 3 ? now : undefined;
    });
    expect(back.connections).toBe(2);
    expect(stream.closed).toBe(false);
    expect(stream.clockJumps).toBe(0);
  });
});
