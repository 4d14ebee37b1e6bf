import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withEdits } from '../../test/support/boxes.ts';
import { formulaCheckpoint } from '../../test/support/checkpoint.ts';
import { TINY, TINY_CONFIG } from '../../test/support/formula.ts';
import { jobOptions } from '../../test/support/job-options.ts';
import { maxDifference } from '../../test/support/npy.ts';
import { type VideoFileOptions, writeVideo } from '../../test/support/video-file.ts';
import { WorkerInferencer } from '../depth/inferencer.ts';
import { OfflineEngine } from '../depth/offline.ts';
import { findModel, type InstalledModel } from '../model/library.ts';
import { OfflineStitcher, offlineWindows } from '../model/offline-windows.ts';
import { resizeAligned } from '../model/resize.ts';
import type { Size } from '../model/size.ts';
import { modelFolder } from '../model/store/folder.ts';
import { MediaReader } from '../video/media-reader.ts';
import { Picture } from '../video/picture.ts';
import { InputScaler } from '../video/scaler.ts';
import { countFrames } from '../video/video-writer.ts';
import { runJob } from './job.ts';
import type { JobOptions, JobSummary } from './job-types.ts';

// The whole way from a video to its files, with the real network.

const folder = mkdtempSync(join(tmpdir(), 'depthcast-job-'));
const at = (name: string) => join(folder, name);
const clip = at('clip.mp4');
const FRAMES = 24;
const SIZE = { width: 192, height: 108 };
let embedded: InstalledModel;
let tiny: InstalledModel;

beforeAll(async () => {
  await writeVideo(clip, { ...SIZE, frames: FRAMES });
  embedded = findModel('depthcast-nano');
  writeFileSync(at('tiny.pth'), formulaCheckpoint(TINY));
  const store = modelFolder(at('cache'));
  const found = findModel(at('tiny.pth'), { store, network: TINY_CONFIG });
  const size = { multipleOf: 14, shortSides: { from: 28, to: 84 }, default: 28 };
  tiny = { ...found, manifest: { ...found.manifest, size } };
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  expect(Picture.open).toBe(0);
});

let runs = 0;
const defaults = () => jobOptions(clip, at(`out${runs++}`));

interface Outcome extends JobSummary {
  depth: { frames: number; map(n: number): Float32Array };
}

async function run(options: Partial<JobOptions> = {}, events = {}): Promise<Outcome> {
  const summary = await runJob({ ...defaults(), ...options }, events);
  return { ...summary, depth: readNpz(summary.files.npz!, summary.size) };
}

/** The maps of an archive; src/files/npz.test.ts looks at the archive itself. */
function readNpz(path: string, { width, height }: Size) {
  const bytes = readFileSync(path);
  const [, frames, h, w] = /'shape': \((\d+), (\d+), (\d+)\)/.exec(bytes.toString('latin1', 0, 400))!.map(Number);
  expect([w, h]).toEqual([width, height]);
  const start = bytes.indexOf('\n', 60) + 1;
  const map = (n: number) => {
    const from = start + 4 * width * height * n;
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + from + 4 * width * height));
  };
  return { frames: frames!, map };
}

/** Network inputs of a video's pictures. */
async function inputsOf(path: string, network: Size): Promise<Float32Array[]> {
  const reader = await MediaReader.open(`file:${path}`);
  const scaler = new InputScaler();
  const inputs: Float32Array[] = [];
  for (let next = await reader.read(); next; next = await reader.read()) {
    const input = new Float32Array(3 * network.width * network.height);
    await scaler.scaleInto(next.picture, input, network.width, network.height);
    inputs.push(input);
    next.picture.close();
  }
  scaler.close();
  reader.close();
  return inputs;
}

async function watch(path: string) {
  const reader = await MediaReader.open(`file:${path}`);
  const times: number[] = [];
  let size = '';
  for (let next = await reader.read(); next; next = await reader.read()) {
    times.push(next.time);
    size = `${next.picture.width}x${next.picture.height}`;
    next.picture.close();
  }
  reader.close();
  return { frames: times.length, times, size, problems: [...reader.problems] };
}

/** Checksums of a video's pictures. */
async function pixelsOf(path: string): Promise<number[]> {
  const reader = await MediaReader.open(`file:${path}`);
  const sums: number[] = [];
  for (let next = await reader.read(); next; next = await reader.read()) {
    const { width, height } = next.picture;
    sums.push(
      await next.picture.read(async ({ data, linesize }) => {
        let sum = 0;
        // Row by row: decoders leave anything behind the last pixel.
        for (let y = 0; y < height; y++) sum = crc32(data![0]!.subarray(y * linesize[0]!).subarray(0, width), sum);
        return sum;
      }),
    );
    next.picture.close();
  }
  reader.close();
  return sums;
}

describe('streaming', () => {
  it('writes what the inferencer gives for each frame, at the size of the frames', async () => {
    const { depth, network, files, frames, complete, epochs, problems, size } = await run();
    expect({ frames, complete, epochs, problems, size }).toEqual({
      frames: FRAMES,
      complete: true,
      epochs: [0],
      problems: [],
      size: SIZE,
    });
    const inferencer = await WorkerInferencer.create(embedded, { threads: 1, size: 160 });
    const stream = inferencer.open({ size: 160, sceneCuts: false });
    for (const [n, input] of (await inputsOf(clip, network)).entries()) {
      const image = stream.takeInput(network.width, network.height);
      image.data.set(input);
      const map = await stream.infer(image, n / 24);
      expect(maxDifference(depth.map(n), resizeAligned(map.values, network, SIZE))).toBeLessThan(1e-5);
      map.release();
    }
    await inferencer.close();
    expect(depth.frames).toBe(FRAMES);
    for (const file of [files.vis!, files.source]) {
      const video = await watch(file);
      expect(video).toMatchObject({ frames: FRAMES, size: '192x108', problems: [] });
      video.times.forEach((time, n) => {
        expect(time).toBeCloseTo(n / 24, 3);
      });
    }
  });

  it('writes pictures above their depth, which is enlarged along their edges', async () => {
    const plain = await run({ maxLength: 3 });
    const guided = await run({ maxLength: 3, stacked: true, upsampling: 'fast' });
    const { width, height } = guided.size;
    expect(await watch(guided.files.stacked!)).toMatchObject({ frames: 3, size: `${width}x${2 * height}` });
    const [before, after] = [plain.depth.map(2), guided.depth.map(2)];
    const apart = before.map((value, i) => Math.abs(value - after[i]!));
    // Another map, at edges, of the same depth.
    expect(Math.max(...apart)).toBeGreaterThan(0.05);
    expect(apart.reduce((sum, value) => sum + value, 0) / apart.length).toBeLessThan(0.1);
    expect(guided.notes).toEqual([]);
    const small = await run({ maxLength: 1, maxRes: 100, upsampling: 'best' });
    expect(small.notes).toEqual([expect.stringContaining('it is interpolated')]);
  });

  it('brings pictures down to a longest side, takes every n-th, and as many as asked', async () => {
    const { depth, size, files, fps } = await run({ maxRes: 100, targetFps: 11, maxLength: 7, sideBySide: true });
    expect(size).toEqual({ width: 100, height: 56 });
    expect(depth.frames).toBe(7);
    expect(fps).toBe(12);
    const video = await watch(files.sideBySide!);
    expect(video).toMatchObject({ frames: 7, size: '200x56' });
    expect(video.times[6]).toBeCloseTo(0.5, 3);
  });

  it('writes odd sizes as they are, and video one pixel larger', async () => {
    await writeVideo(at('odd.gif'), { width: 65, height: 47, frames: 4, codec: 'gif' });
    const { size, files, depth } = await run({ input: at('odd.gif'), grayscale: true });
    expect([size, depth.frames]).toEqual([{ width: 65, height: 47 }, 4]);
    expect(await watch(files.vis!)).toMatchObject({ frames: 4, size: '66x48' });
  });

  it('writes EXR and 16-bit PNG that FFmpeg reads back', async () => {
    // Fields, and a rate that is no whole number: times are exact all the same.
    const rate = { num: 60_000, den: 1001 };
    await writeVideo(at('fields.mp4'), { ...SIZE, frames: 4, fps: rate, interlaced: true });
    const input = at('fields.mp4');
    const { files, depth, size } = await run({ input, maxLength: 3, saveExr: true, savePng16: true });
    for (const file of [files.vis!, files.source])
      for (const [n, time] of (await watch(file)).times.entries()) expect(time).toBeCloseTo((n * 1001) / 60_000, 6);
    expect(readdirSync(files.exr!)).toEqual(['00000.exr', '00001.exr', '00002.exr']);
    const rows = readFileSync(join(files.png16!, 'frames.csv'), 'utf8').trim().split('\n').slice(1);
    expect(rows).toHaveLength(3);
    for (const [n, row] of rows.entries()) {
      const map = depth.map(n);
      const [name, seconds, epoch, low, high] = row.split(',');
      expect([name, epoch]).toEqual([`0000${n}.png`, '0']);
      expect(Number(seconds)).toBeCloseTo((n * 1001) / 60_000, 6);
      const floats = await plane(join(files.exr!, `0000${n}.exr`));
      expect(maxDifference(new Float32Array(floats.buffer, floats.byteOffset, map.length), map)).toBe(0);
      const codes = await plane(join(files.png16!, name!));
      const step = (Number(high) - Number(low)) / 65535;
      for (let i = 0; i < size.width * size.height; i += 7)
        expect(Math.abs(Number(low) + step * codes.readUInt16BE(2 * i) - map[i]!)).toBeLessThan(0.51 * step + 1e-6);
    }
  });

  it('takes images of a folder in natural order, brings all to the first size and starts anew there', async () => {
    mkdirSync(at('images'));
    for (const [i, name] of ['1.png', '2.png', '3.png', '10.png', '11.png'].entries())
      await writeVideo(join(folder, 'images', name), { width: i < 3 ? 96 : 80, height: 64, frames: 1, codec: 'png' });
    writeFileSync(at('images/notes.txt'), 'no image');
    const { frames, size, epochs, notes } = await run({ input: at('images'), fps: 10 });
    expect([frames, size, epochs]).toEqual([5, { width: 96, height: 64 }, [0, 3]]);
    expect(notes.join()).toMatch(/size of the pictures changes/);
    expect(notes).toContain('left out, by their names no images: notes.txt');
    const some = await run({ input: join(folder, 'images', '1*.png') });
    expect([some.frames, some.files.vis?.endsWith('images_vis.mp4')]).toEqual([3, true]);
  });

  it('passes over images that cannot be read, the first too, and names them; a name is no pattern', async () => {
    mkdirSync(at('bad'));
    const inside = (name: string) => join(folder, 'bad', name);
    for (const name of ['0.png', '3.png']) writeFileSync(inside(name), name === '0.png' ? '' : 'no picture');
    await writeVideo(inside('1.png'), { width: 96, height: 64, frames: 1, codec: 'png' });
    await writeVideo(at('other.png'), { width: 80, height: 64, frames: 1, codec: 'png' });
    copyFileSync(at('other.png'), inside('2%d.png'));
    copyFileSync(inside('1.png'), inside('21.png'));
    await writeVideo(inside('9.gif'), { width: 96, height: 64, frames: 3, codec: 'gif' });
    const { frames, size, problems, notes, epochs } = await run({ input: at('bad') });
    expect([frames, size]).toEqual([4, { width: 96, height: 64 }]);
    expect(problems).toHaveLength(2);
    expect(problems.join()).toMatch(/bad\/0\.png: .*bad\/3\.png: /);
    expect(notes).toContain('only the first picture is taken of 9.gif');
    // 2%d.png is itself, and of another size than 21.png.
    expect(epochs.length).toBeGreaterThan(1);
    rmSync(inside('1.png'));
    rmSync(at('bad'), { recursive: true });
    mkdirSync(at('bad'));
    for (const name of ['a.jpg', 'b.heic']) writeFileSync(inside(name), 'no picture');
    await expect(run({ input: at('bad') })).rejects.toMatchObject({
      code: 'BAD_VIDEO',
      message: /no image of .*bad can be read: .*a\.jpg: .*b\.heic: /,
    });
  });

  it('copies what is shown of a video that is cropped or cut by an edit list', async () => {
    await writeVideo(at('cropped.mkv'), { width: 96, height: 64, frames: 6, cropping: [4, 4, 10, 6] });
    const cropped = await run({ input: at('cropped.mkv'), sideBySide: true });
    expect(await watch(cropped.files.source)).toMatchObject({ frames: 6, size: '80x56' });
    expect(await watch(cropped.files.sideBySide!)).toMatchObject({ frames: 6, size: '160x56' });
    await writeVideo(at('uncut.mp4'), { width: 96, height: 64, frames: 30, fps: 30, gop: 30 });
    writeFileSync(at('trimmed.mp4'), withEdits(readFileSync(at('uncut.mp4')), [[400, 10 * 512]]));
    const { frames, problems, files } = await run({ input: at('trimmed.mp4') });
    expect([frames, problems]).toEqual([12, []]);
    for (const file of [files.source, files.vis!]) expect(await watch(file)).toMatchObject({ frames: 12 });
    expect(await countFrames(files.source)).toBe(12);
  });

  it('keeps times that a video can hold when the clock of a copied one jumps', async () => {
    const stamp = (n: number) => (n < 5 ? n : n + 30 * 72_000);
    await writeVideo(at('jump.mkv'), { width: 96, height: 64, frames: 10, fps: 30, stamp });
    const { files, problems, notes } = await run({ input: at('jump.mkv') });
    expect([problems, notes.length]).toEqual([[], 1]);
    for (const file of [files.source, files.vis!]) expect((await watch(file)).times.at(-1)).toBeCloseTo(9 / 30, 2);
  });

  it.each([
    ['with B-frames', { bFrames: 2 }],
    ['in MPEG-4 part 2', { codec: 'mpeg4' }],
    ['that stands on its side', { rotate: 90 }],
    ['in HEVC', { codec: 'libx265', container: 'mkv', bFrames: 2 }],
    ['in AV1', { codec: 'libsvtav1', container: 'mkv' }],
  ] as const)('copies a video %s as it is', async (name, video: Partial<VideoFileOptions> & { container?: string }) => {
    const path = at(`${name.replaceAll(' ', '-')}.${video.container ?? 'mp4'}`);
    await writeVideo(path, { width: 96, height: 64, frames: FRAMES, ...video });
    const { files } = await run({ input: path });
    const [original, copied] = await Promise.all([pixelsOf(path), pixelsOf(files.source)]);
    expect(copied).toEqual(original);
    expect(await watch(files.source)).toEqual(await watch(path));
    // The name by which Apple's players know HEVC, too.
    if (video.codec === 'libx265') expect(readFileSync(files.source).includes('hvc1')).toBe(true);
    // Encoded anew where it is cut between packets that need one another.
    const cut = await run({ input: path, maxLength: 7 });
    expect((await watch(cut.files.source)).frames).toBe(7);
    expect(isDeepStrictEqual(await pixelsOf(cut.files.source), original.slice(0, 7))).toBe(!('bFrames' in video));
  });

  it('renders a scene for as long as asked', async () => {
    const { frames, complete, files } = await run({ input: 'scene:tabletop@64x48', maxLength: 5 });
    expect([frames, complete, files.vis?.endsWith('scene-tabletop_vis.mp4')]).toEqual([5, true, true]);
  });
});

describe('what is there already', () => {
  it('is refused, replaced with force, and kept when the input cannot be read', async () => {
    const out = at('kept');
    const { files } = await run({ out, maxLength: 2 });
    await expect(run({ out, maxLength: 2 })).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    copyFileSync(clip, at('later.mp4'));
    await run({ out, input: at('later.mp4'), maxLength: 2 });
    writeFileSync(at('later.mp4'), 'broken since');
    await expect(run({ out, input: at('later.mp4'), force: true })).rejects.toMatchObject({ code: 'BAD_VIDEO' });
    expect(existsSync(join(out, 'later_vis.mp4'))).toBe(true);
    expect((await run({ out, maxLength: 3, force: true })).depth.frames).toBe(3);
    expect(files.vis).toBe(join(out, 'clip_vis.mp4'));
  });

  it('is gone on with after a stop, to the same depth as without one', async () => {
    const whole = await run();
    const out = at('resumed');
    const stop = new AbortController();
    const progress = (frames: number) => frames === 9 && stop.abort();
    const first = await run({ out, signal: stop.signal, savePng16: true }, { progress });
    expect(first).toMatchObject({ frames: 9, interrupted: true, complete: false, depth: { frames: 9 } });
    expect(await watch(first.files.vis!)).toMatchObject({ frames: 9, problems: [] });

    const second = await run({ out, resume: true, savePng16: true });
    expect(second).toMatchObject({
      frames: FRAMES,
      resumed: 9,
      complete: true,
      epochs: [0],
      depth: { frames: FRAMES },
    });
    for (let n = 0; n < FRAMES; n++) expect(maxDifference(second.depth.map(n), whole.depth.map(n))).toBeLessThan(1e-4);
    for (const file of [second.files.vis!, second.files.source])
      expect(await watch(file)).toMatchObject({ frames: FRAMES, problems: [] });
    expect(readdirSync(second.files.png16!)).toHaveLength(FRAMES + 1);
    expect((await run({ out, resume: true, savePng16: true })).seconds.inference).toBe(0);
    await expect(run({ out, resume: true, savePng16: true, maxRes: 100 })).rejects.toThrow(/size was/);
    const model = findModel('depthcast-nano', { precision: 'int8' });
    await expect(run({ out, resume: true, savePng16: true, model })).rejects.toThrow(
      /options was .*is .*"precision":"int8"/,
    );
    await expect(runJob({ ...defaults(), input: '-', resume: true })).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });
});

describe('a network by checkpoint', () => {
  it('has the memory of a run without a stop when it goes on, though it sees only a part again', async () => {
    const long = at('long.mkv');
    const [frames, stopAt] = [360, 350];
    await writeVideo(long, { width: 56, height: 42, frames });
    const options = { input: long, model: tiny, size: 28 };
    const whole = await run(options);
    const stop = new AbortController();
    const out = at('tiny');
    const progress = (done: number) => done === stopAt && stop.abort();
    await run({ ...options, out, signal: stop.signal }, { progress });
    const { depth, resumed } = await run({ ...options, out, resume: true });
    expect([resumed, depth.frames]).toEqual([stopAt, frames]);
    for (let n = stopAt; n < frames; n++) expect(maxDifference(depth.map(n), whole.depth.map(n))).toBeLessThan(1e-3);
  }, 120_000);

  it.each([24, 60])('offline, gives what the windows joined by hand give, for %i frames', async (frames) => {
    const video = at(`offline${frames}.mkv`);
    await writeVideo(video, { width: 64, height: 48, frames });
    const { depth, network, size, epochs, problems } = await run({
      input: video,
      model: tiny,
      size: 28,
      mode: 'offline',
    });
    expect([network, epochs, problems]).toEqual([{ width: 42, height: 28 }, [0], []]);
    const { mean, std } = tiny.manifest.normalise;
    const plane = network.width * network.height;
    const inputs = (await inputsOf(video, network)).map((input) =>
      input.map((value, i) => (value - mean[Math.floor(i / plane)]!) / std[Math.floor(i / plane)]!),
    );
    const engine = await OfflineEngine.load(tiny, network, 1);
    const stitcher = new OfflineStitcher(size.width * size.height, { metric: false });
    const expected: Float32Array[] = [];
    const images = new Float32Array(32 * 3 * plane);
    for (const window of offlineWindows(frames)) {
      for (const [i, n] of window.entries()) images.set(inputs[n]!, 3 * i * plane);
      expected.push(...stitcher.push(resizeAligned(await engine.run(images), network, size)).map((map) => map.slice()));
    }
    expected.push(...stitcher.finish());
    await engine.release();
    expect(depth.frames).toBe(frames);
    for (let n = 0; n < frames; n++) expect(maxDifference(depth.map(n), expected[n]!)).toBeLessThan(1e-4);
  });

  it.each([
    ['of the second window', 30, 24],
    ['of the first, which is all lost', 5, 0],
  ])('offline, goes on after a stop in the middle %s, to the same bytes', async (_, stopAt, resumed) => {
    const video = at(`offline-stop${stopAt}.mkv`);
    await writeVideo(video, { width: 64, height: 48, frames: 75 });
    const options = { input: video, model: tiny, size: 28, mode: 'offline', savePng16: true } as const;
    const whole = await run(options);
    const out = at(`offline-resumed${stopAt}`);
    const stop = new AbortController();
    const first = await run(
      { ...options, out, signal: stop.signal },
      { progress: (n: number) => n === stopAt && stop.abort() },
    );
    expect(first).toMatchObject({ frames: stopAt, interrupted: true, depth: { frames: stopAt } });
    const second = await run({ ...options, out, resume: true });
    expect(second).toMatchObject({ frames: 75, resumed, complete: true, epochs: [0] });
    expect(readFileSync(second.files.npz!).equals(readFileSync(whole.files.npz!))).toBe(true);
    const table = (files: typeof whole.files) => readFileSync(join(files.png16!, 'frames.csv'), 'utf8');
    expect(table(second.files)).toBe(table(whole.files));
    for (const file of [second.files.vis!, second.files.source])
      expect(await watch(file)).toMatchObject({ frames: 75, problems: [] });
    expect(readdirSync(out).some((name) => name.includes('.window'))).toBe(false);
  });

  it('refuses windows of a model that is no checkpoint', async () => {
    await expect(run({ mode: 'offline' })).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });
});

/** The samples of an image file, rows without padding. */
async function plane(path: string): Promise<Buffer> {
  const reader = await MediaReader.open(`file:${path}`);
  const { picture } = (await reader.read())!;
  const samples = await picture.read(async (frame) => {
    const row = frame.width * (path.endsWith('.exr') ? 4 : 2);
    const rows = Array.from({ length: frame.height }, (_, y) =>
      frame.data![0]!.subarray(y * frame.linesize[0]!, y * frame.linesize[0]! + row),
    );
    return Buffer.concat(rows);
  });
  picture.close();
  reader.close();
  return samples;
}
