import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import type { RecordingStatus } from '../../src/sinks/mcap/mcap-recorder.ts';
import type { LiveDepth } from '../../src/stream/live-depth.ts';
import { needs } from '../support/needs.ts';
import { PROGRAM } from '../support/program.ts';
import { writeVideo } from '../support/video-file.ts';
import { SMALL_DEPTH, startApp, until } from './support/app.ts';
import { hasMcapReader, readArchive, readBag, readByDefinitions, readStream } from './support/mcap-reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-recording-'));
const clip = join(folder, 'clip.mp4');
const bags = join(folder, 'bags');
const PYTHON = needs(hasMcapReader(), 'the Python packages mcap and rosbags (python3-venv and PyPI)');
const files = (where: string, name: string) =>
  readdirSync(where)
    .filter((file) => file.startsWith(`${name}-`))
    .sort()
    .map((file) => join(where, file));

beforeAll(() => writeVideo(clip, { width: 160, height: 120, frames: 30, fps: 10 }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Requests of one server. */
const client = (base: string) => {
  const ask = async (method: string, stream: string) => {
    const response = await fetch(`${base}/api/streams/${stream}/recording`, { method });
    return { status: response.status, body: (await response.json()) as RecordingStatus & { code?: string } };
  };
  const recorded = (stream: string, frames: number) =>
    until(`${frames} frames of ${stream} are recorded`, async () => {
      const { body } = await ask('GET', stream);
      return body.frames >= frames ? body : undefined;
    });
  return { ask, recorded };
};

describe('a recording', PYTHON, () => {
  let server: DepthServer & { base: string };
  beforeAll(async () => {
    const camera = { fx: 140, fy: 140, cx: 80, cy: 60, width: 160, height: 120 };
    server = await startApp({
      ...SMALL_DEPTH,
      'recording.folder': bags,
      'recording.streams': ['auto*'],
      'recording.fileSeconds': 2,
      'sources.pull': [
        { name: 'cam-1', url: clip, camera },
        { name: 'auto-1', url: clip },
      ],
    });
  });
  afterAll(() => server.close());

  it('by request: rosbags reads the very values, cameras and pictures', async () => {
    const { ask, recorded } = client(server.base);
    expect((await ask('GET', 'cam-1')).body.code).toBe('RECORDING_NOT_FOUND');
    expect((await ask('POST', 'nobody')).body.code).toBe('NO_PUBLISHER');
    const seen: { sum: number; first: number; last: number; width: number; height: number }[] = [];
    const stream = server.context.registry.liveStreams.find(({ name }) => name === 'cam-1')!;
    // Anchors make metres of the network's relative depth.
    stream.anchor([0.2, 0.4, 0.6, 0.8].flatMap((x) => [0.25, 0.75].map((y) => ({ x, y, metres: 1 + x + y }))));
    const tap = stream.add(() => ({
      name: 'data',
      about: 'data' as const,
      receivers: 1,
      push: ({ map, metric }: LiveDepth) => {
        const { values, width, height } = map;
        const value = (v: number) => Math.fround(metric ? 1 / Math.max(0, metric.scale * v + metric.shift) : v);
        const sum = values.reduce((total, v) => total + (value(v) < 1e30 ? value(v) : 0), 0);
        seen.push({ sum, first: value(values[0]!), last: value(values.at(-1)!), width, height });
      },
      close: () => {},
    }));
    const from = Date.now();
    const begun = await ask('POST', 'cam-1');
    expect(begun).toMatchObject({ status: 201, body: { state: 'recording', problem: null } });
    expect((await ask('POST', 'cam-1')).body.code).toBe('RECORDING_RUNS');
    await recorded('cam-1', 8);
    const info = vi.spyOn(server.context.log, 'info');
    const { body: ended } = await ask('DELETE', 'cam-1');
    const to = Date.now();
    expect((await ask('DELETE', 'cam-1')).body).toEqual(ended);
    expect(info.mock.calls.filter((call) => call.includes('recording ended' as never))).toHaveLength(1);
    info.mockRestore();
    stream.remove(tap);
    expect(ended).toMatchObject({ state: 'stopped', problem: null });

    const read = files(bags, 'cam-1').map(readBag);
    expect(read.every(({ compression }) => compression.join() === 'zstd')).toBe(true);
    const messages = read.flatMap((bag) => bag.messages);
    const of = (type: string, topic = '') => messages.filter((m) => m.type.endsWith(type) && m.topic.includes(topic));
    const images = of('/Image');
    expect(images.length).toBe(ended.frames);
    for (const image of images) {
      const match = seen.find(({ first, last }) => first === image.first && last === image.last);
      expect(match).toBeDefined();
      expect(image.sum).toBeCloseTo(match!.sum, 2);
      expect(image).toMatchObject({
        encoding: '32FC1',
        width: match!.width,
        height: match!.height,
        step: 4 * match!.width,
      });
      expect(image.frame).toBe('cam-1_optical_frame');
      // Capture times: of pictures that may have been on their way when it began.
      expect(image.stamp).toBeGreaterThan(from - 5000);
      expect(image.stamp).toBeLessThanOrEqual(to);
    }
    const cameras = of('/CameraInfo', '/image/camera_info');
    expect(cameras.length).toBe(ended.frames);
    expect(cameras[0]).toMatchObject({ width: 160, height: 120, k: [140, 0, 80, 0, 140, 60, 0, 0, 1] });
    const { width, height } = images[0]!;
    const depthCamera = of('/CameraInfo').find(({ topic }) => !topic.includes('/image/'))!;
    expect(depthCamera.width).toBe(width);
    expect(depthCamera.k![0]).toBeCloseTo((140 * width!) / 160, 6);
    expect(depthCamera.k![5]).toBeCloseTo((60.5 * height!) / 120 - 0.5, 6);
    const pictures = of('/CompressedImage');
    expect(pictures.length).toBe(ended.frames);
    expect(pictures[0]).toMatchObject({ format: 'jpeg', begins: [255, 216, 255] });
    expect(of('/TFMessage')[0]).toMatchObject({ child: 'cam-1_optical_frame', rotation: [-0.5, 0.5, -0.5, 0.5] });
    const metres = images.filter(({ topic }) => topic === '/cam_1/depth/image');
    expect(of('/PointCloud2').length).toBe(metres.length);

    // A reader that knows no ROS but what the file says of it.
    const byDefinitions = files(bags, 'cam-1').map(readByDefinitions);
    for (const topic of new Set(messages.map((message) => message.topic))) {
      const expected = messages.filter((message) => message.topic === topic);
      const stamps = byDefinitions.flatMap((topics) => topics[topic] ?? []);
      expect(stamps, topic).toHaveLength(expected.length);
      if (expected[0]!.stamp !== undefined) expect(stamps, topic).toEqual(expected.map(({ stamp }) => stamp));
    }
  });

  it('of the settings begins with its stream; a file is followed by the next, each whole', async () => {
    await until('a third file is begun', () => files(bags, 'auto-1').length >= 3);
    const [first] = files(bags, 'auto-1');
    const { messages } = readBag(first!);
    const images = messages.filter(({ type }) => type.endsWith('/Image'));
    expect(images.length).toBeGreaterThan(0);
    expect(images.at(-1)!.time - images[0]!.time).toBeLessThan(10_000);
    expect(messages.some(({ type }) => type.endsWith('/TFMessage'))).toBe(true);
  });

  it('is not made where no folder is set', async () => {
    const other = await startApp({ 'sources.pull': [{ name: 'cam', url: clip }] });
    expect((await client(other.base).ask('POST', 'cam')).body.code).toBe('RECORDING_OFF');
    await other.close();
  });
});

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
const CLI = [process.execPath, ...PROGRAM, 'serve'];

async function settings(recordings: string, more = ''): Promise<{ file: string; base: string }> {
  const port = await freePort();
  const file = join(folder, `${port}.yaml`);
  const pull = `sources:\n  pull: [{ name: cam, url: "${clip}" }]\n`;
  writeFileSync(
    file,
    `server: { port: ${port} }\nlimits: { utilisation: null }\n${pull}recording: { folder: "${recordings}"${more} }\n`,
  );
  return { file, base: `http://127.0.0.1:${port}` };
}
const ready = (base: string) =>
  until(
    'the server is ready',
    () =>
      fetch(`${base}/livez`).then(
        ({ ok }) => ok,
        () => false,
      ),
    120_000,
  );
const gone = (child: ChildProcess) => new Promise((resolve) => child.once('exit', resolve));

it('files of a size follow one another, and what was written is read after kill -9', PYTHON, async () => {
  const where = join(folder, 'killed');
  const { file, base } = await settings(where, ', fileMegabytes: 1');
  const child = spawn(CLI[0]!, [...CLI.slice(1), '--config', file], { stdio: 'ignore' });
  const exited = gone(child);
  let frames = 0;
  try {
    await ready(base);
    const { ask, recorded } = client(base);
    await ask('POST', 'cam');
    frames = (await recorded('cam', 24)).frames;
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
  const written = files(where, 'cam');
  const whole = written.slice(0, -1);
  expect(whole.length).toBeGreaterThan(0);
  for (const path of whole) {
    // A chunk is a quarter of it.
    expect(statSync(path).size / 2 ** 20).toBeGreaterThan(0.99);
    expect(statSync(path).size / 2 ** 20).toBeLessThan(1.5);
    expect(readBag(path).messages[0]!.type).toMatch(/TFMessage$/);
  }
  const read = written.map(readStream);
  expect(read.map(({ problem }) => problem)).toEqual([...whole.map(() => null), 'EndOfFile']);
  const images = read.map(({ counts }) => counts['/cam/relative_disparity/image'] ?? 0);
  // All but the chunk that was in memory.
  expect(images.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(frames - 4);
});

it('depthcast run writes the same messages of a file, in the times of the input', PYTHON, async () => {
  const out = join(folder, 'run');
  const anchors = join(folder, 'anchors.json');
  const places = [0.2, 0.5, 0.8].flatMap((x) => [0.3, 0.7].map((y) => ({ x, y, metres: 3 })));
  writeFileSync(anchors, JSON.stringify(places));
  const run = (...more: string[]) => {
    // Of the network's own size: nothing is enlarged on the way to the archive.
    const args = ['run', 'scene:static@256x192', '--out', out, '--max-len', '6', '--hfov', '60', '--save-npz', ...more];
    const { status, stderr } = spawnSync(CLI[0]!, [...CLI.slice(1, -1), ...args], { encoding: 'utf8' });
    return { status, stderr };
  };
  for (const [more, path, topic] of [
    [['--mcap'], join(out, 'scene-static_depths.mcap'), '/scene_static/relative_disparity/image'],
    [
      ['--mcap', join(folder, 'metres.mcap'), '--anchors', anchors, '--force'],
      join(folder, 'metres.mcap'),
      '/scene_static/depth/image',
    ],
  ] as const) {
    expect(run(...more)).toMatchObject({ status: 0 });
    const { messages } = readBag(path);
    const images = messages.filter((message) => message.topic === topic);
    const maps = readArchive(join(out, 'scene-static_depths.npz'));
    expect(images).toHaveLength(6);
    images.forEach((image, i) => {
      expect(image).toMatchObject({ first: maps[i]!.first, last: maps[i]!.last, width: 256, height: 192 });
      expect(image.sum).toBeCloseTo(maps[i]!.sum, 1);
      expect(image.stamp).toBeCloseTo((1000 * i) / 30, 2);
    });
    const camera = messages.find((message) => message.topic === '/scene_static/image/camera_info');
    expect(camera!.k![0]).toBeCloseTo(128 / Math.tan(Math.PI / 6), 4);
    expect(messages.filter(({ type }) => type.endsWith('/CompressedImage'))).toHaveLength(6);
    const points = messages.filter(({ type }) => type.endsWith('/PointCloud2'));
    expect(points).toHaveLength(topic.includes('/depth/') ? 6 : 0);
  }
  for (const [more, why] of [
    [['--mcap', '--resume'], /BAD_OPTION.*cannot be gone on with/],
    [['--mcap', 'scene:static'], /ends in \.mcap/],
  ] as const)
    expect(run(...more)).toMatchObject({ status: 1, stderr: expect.stringMatching(why) });
});

const mayMount = spawnSync('unshare', ['-m', 'true']).status === 0;

it(
  'a full disk ends a recording with what is wrong, and the live stream goes on',
  needs(mayMount, 'the right to mount (Linux, root)'),
  async () => {
    const disk = mkdtempSync(join(folder, 'disk-'));
    const { file, base } = await settings(disk, ', reserveMegabytes: 0');
    const mount = 'mount -t tmpfs -o size=1500k none "$0" && exec "$@"';
    const child = spawn('unshare', ['-m', 'sh', '-c', mount, disk, ...CLI, '--config', file], { stdio: 'ignore' });
    try {
      await ready(base);
      const { ask } = client(base);
      await ask('POST', 'cam');
      const { problem } = await until('the disk is full', async () => {
        const { body } = await ask('GET', 'cam');
        return body.state === 'failed' ? body : undefined;
      });
      expect(problem).toMatchObject({ code: 'DISK_FULL' });
      const depth = async () => ((await (await fetch(`${base}/api/sources/cam`)).json()) as { depth: number }).depth;
      const before = await depth();
      await until('depth goes on', async () => (await depth()) > before + 5);
      expect((await fetch(`${base}/livez`)).status).toBe(200);
    } finally {
      const exited = gone(child);
      child.kill('SIGKILL');
      await exited;
    }
  },
);
