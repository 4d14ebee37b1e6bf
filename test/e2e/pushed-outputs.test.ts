import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import type { PushReport } from '../../src/session/pushed-outputs.ts';
import { freePort } from '../support/free-port.ts';
import { needs } from '../support/needs.ts';
import { startApp, until } from './support/app.ts';

// Outputs beside WHEP. A receiver makes out a video only where some frames a second come.

const STREAM = 'scene-person';
const SIZE = { width: 320, height: 180 };
let server: DepthServer & { base: string };

beforeAll(async () => {
  server = await startApp({
    'sources.scenes': ['person'],
    'sources.fps': 10,
    'sources.width': SIZE.width,
    'sources.height': SIZE.height,
    'outputs.apiHosts': ['127.0.0.1'],
  });
});
afterAll(() => server.close());

const api = (method: string, path: string, body?: object) =>
  fetch(`${server.base}/api/${path}`, {
    method,
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  });

const PROBE = `import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(Gst.ElementFactory.find(name) for name in ("srtsrc", "tsdemux", "h264parse", "avdec_h264", "rtph264depay"))`;
const hasGStreamer = spawnSync('/usr/bin/python3', ['-c', PROBE]).status === 0;
const hasFfprobe = spawnSync('ffprobe', ['-version']).status === 0;

const readers: ChildProcess[] = [];
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.kill('SIGKILL');
  for (const { name } of server.context.outputs.list()) await api('DELETE', `outputs/${name}`);
});

/** A program whose lines are collected. */
function run(command: string, args: string[]): { lines: string[]; child: ChildProcess; errors: () => string } {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  readers.push(child);
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
  });
  let errors = '';
  child.stderr.on('data', (text) => {
    errors = (errors + text).slice(-2000);
  });
  return { lines, child, errors: () => errors };
}
const add = async (name: string, url: string, layout: string) => {
  const response = await api('POST', 'outputs', { name, stream: STREAM, url, layout });
  expect(response.status).toBe(201);
  return (await response.json()) as PushReport;
};

it(
  'outputs go by SRT, key and fill with the same times, as ffprobe reads them',
  needs(hasFfprobe, 'ffprobe, Debian: ffmpeg'),
  async () => {
    const probes = [];
    for (const layout of ['matte', 'fill']) {
      const port = await freePort();
      probes.push(
        run('ffprobe', [
          ...[
            '-v',
            'error',
            '-select_streams',
            'v',
            '-show_entries',
            'frame=pts,width,height,color_space',
            '-of',
            'compact=p=0',
          ],
          `srt://127.0.0.1:${port}?mode=listener&timeout=60000000`,
        ]),
      );
      const report = await add(layout, `srt://127.0.0.1:${port}?latency=200000`, layout);
      expect(report).toMatchObject({ kind: 'srt', url: `srt://127.0.0.1:${port}`, from: 'api', stream: STREAM });
    }
    const [key, fill] = probes as [(typeof probes)[0], (typeof probes)[0]];
    const timesOf = ({ lines }: { lines: string[] }) =>
      lines.map((line) => Number(/(?:^|\|)pts=(\d+)/.exec(line)?.[1] ?? Number.NaN));
    const common = await until(
      'both are read',
      () => {
        const times = new Set(timesOf(fill));
        const both = timesOf(key).filter((time) => times.has(time));
        return both.length >= 15 ? both : undefined;
      },
      90_000,
    ).catch((error: Error) => {
      const seen = [key, fill].map(({ errors, lines }) => `${errors()} ${lines.slice(0, 3)}`).join('; ');
      throw new Error(`${error.message}: ${seen} ${JSON.stringify(server.context.outputs.list())}`);
    });
    expect(key.lines[0]).toContain(`width=${SIZE.width}|height=${SIZE.height}`);
    expect(key.lines[0]).toContain('color_space=smpte170m');
    // Each frame of the scene is a whole number of its steps behind the one before it.
    expect(
      common.slice(1).every((time, i) => (time - common[i]!) % 9000 === 0),
      `${common}`,
    ).toBe(true);
  },
);

it(
  'outputs go by RTSP and SRT to GStreamer, and come back to a receiver that went',
  needs(
    hasGStreamer,
    'GStreamer, Debian: python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-bad gstreamer1.0-libav',
  ),
  async () => {
    const script = new URL('./support/video-receiver.py', import.meta.url).pathname;
    const receive = async (kind: string, port: number) => {
      const reader = run('/usr/bin/python3', [script, kind, String(port)]);
      await until('GStreamer is ready', () => reader.lines.includes('ready'));
      return reader;
    };
    const pictures = (reader: { lines: string[] }) =>
      reader.lines.filter((line) => line.startsWith(`${SIZE.width} ${2 * SIZE.height}`));
    const [rtspPort, srtPort] = [await freePort(), await freePort()];
    const rtsp = await receive('rtsp', rtspPort);
    const srt = await receive('srt', srtPort);
    await add('rtsp', `rtsp://127.0.0.1:${rtspPort}/in`, 'matte-stacked');
    await add('srt', `srt://127.0.0.1:${srtPort}`, 'stacked');
    await until('both decode', () => pictures(rtsp).length > 10 && pictures(srt).length > 10, 90_000).catch((error) => {
      throw new Error(
        `${error.message} ${rtsp.lines.length} ${srt.lines.length} ${rtsp.errors()} ${srt.errors()} ${JSON.stringify(server.context.outputs.list())}`,
      );
    });
    rtsp.child.kill('SIGKILL');
    await until('the loss is noticed', () => server.context.outputs.get('rtsp').problem !== null);
    expect(server.context.outputs.get('rtsp').problem!.code).toBe('OUTPUT_FAILED');
    await sleep(200);
    const again = await receive('rtsp', rtspPort);
    await until('it is sent again', () => pictures(again).length > 3, 90_000);
    expect(server.context.outputs.get('rtsp')).toMatchObject({ state: 'live', connections: 2, problem: null });
  },
);
