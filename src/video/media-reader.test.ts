import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { planesOf } from '../../test/pictures.ts';
import { needs } from '../../test/support/needs.ts';
import { writeVideo } from '../../test/support/video-file.ts';
import { FrameConverter, yuvFrame } from './frame-converter.ts';
import { MediaReader } from './media-reader.ts';
import { Picture } from './picture.ts';
import { countFrames, VideoWriter } from './video-writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-media-'));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

interface Watched {
  info: MediaReader['info'];
  problems: string[];
  times: number[];
  sizes: Set<string>;
  /** Luma of each picture. */
  luma: Uint8Array[];
}

async function watch(path: string, options = {}): Promise<Watched> {
  const reader = await MediaReader.open(path.includes('://') ? path : `file:${path}`, options);
  const seen: Watched = { info: reader.info, problems: [], times: [], sizes: new Set(), luma: [] };
  let converter: FrameConverter | undefined;
  for (let next = await reader.read(); next; next = await reader.read()) {
    const { picture, time } = next;
    seen.times.push(time);
    seen.sizes.add(`${picture.width}x${picture.height}`);
    converter ??= new FrameConverter(picture.width, picture.height, 'bt601');
    const yuv = new Picture(await converter.convert(picture), { rtpTimestamp: 0 });
    seen.luma.push((await planesOf(yuv))[0]!);
    yuv.close();
    picture.close();
  }
  converter?.close();
  reader.close();
  return { ...seen, problems: [...reader.problems] };
}

const meanError = (a: Uint8Array, b: (i: number) => number) =>
  a.reduce((sum, value, i) => sum + Math.abs(value - b(i)), 0) / a.length;

describe('MediaReader', () => {
  it.each([
    ['mp4', 'libx264', 1],
    ['mov', 'mpeg4', 10],
    ['mkv', 'libx264', 1],
    ['webm', 'libvpx', 12],
    ['gif', 'gif', 40],
    ['avi', 'mpeg4', 10],
  ])('reads %s (%s): every picture, in order, at its time', async (container, codec, tolerance) => {
    const path = at(`a.${container}`);
    await writeVideo(path, { width: 96, height: 64, frames: 15, fps: 25, codec });
    await writeVideo(at('reference.mkv'), { width: 96, height: 64, frames: 15, fps: 25, codec: 'libx264' });
    const [seen, reference] = await Promise.all([watch(path), watch(at('reference.mkv'))]);
    expect(seen).toMatchObject({ problems: [], info: { width: 96, height: 64 } });
    expect(seen.info.fps.num / seen.info.fps.den).toBeCloseTo(25, 1);
    expect(seen.info.frames).toBe(15);
    seen.times.forEach((time, n) => {
      expect(Math.abs(time - n / 25)).toBeLessThan(0.002);
    });
    seen.luma.forEach((luma, n) => {
      expect(meanError(luma, (i) => reference.luma[n]![i]!)).toBeLessThan(tolerance);
    });
  });

  it.each([
    [90, 64, 96, (x: number, y: number) => (63 - x) * 96 + y],
    [180, 96, 64, (x: number, y: number) => (63 - y) * 96 + (95 - x)],
    [270, 64, 96, (x: number, y: number) => x * 96 + (95 - y)],
  ] as const)('turns pictures by %i degrees where the container asks', async (rotate, width, height, from) => {
    await writeVideo(at('upright.mov'), { width: 96, height: 64, frames: 3 });
    await writeVideo(at(`turned${rotate}.mov`), { width: 96, height: 64, frames: 3, rotate });
    const upright = await watch(at('upright.mov'));
    const turned = await watch(at(`turned${rotate}.mov`));
    expect(turned.info).toMatchObject({ width, height });
    expect([...turned.sizes]).toEqual([`${width}x${height}`]);
    turned.luma.forEach((luma, n) => {
      const expected = (i: number) => upright.luma[n]![from(i % width, Math.floor(i / width))]!;
      expect(meanError(luma, expected)).toBeLessThan(0.5);
    });
  });

  it.each([
    ['mp4', 'libx264'],
    ['webm', 'libvpx'],
    ['mkv', 'libx264'],
  ])('keeps what decodes of a %s that is cut short, and tells', async (container, codec) => {
    await writeVideo(at(`whole.${container}`), {
      width: 96,
      height: 64,
      frames: 40,
      codec,
      indexFirst: container === 'mp4',
    });
    const whole = readFileSync(at(`whole.${container}`));
    writeFileSync(at(`cut.${container}`), whole.subarray(0, whole.length * 0.6));
    const { problems, times } = await watch(at(`cut.${container}`));
    expect(times.length).toBeGreaterThan(10);
    expect(times.length).toBeLessThan(35);
    expect(problems.join()).toMatch(/it ends after/);
  });

  it.each([
    ['noise', Buffer.from(Array.from({ length: 4000 }, (_, i) => (i * 7919) & 255))],
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('this is no video\n'.repeat(100))],
  ])('refuses %s', async (_name, bytes) => {
    writeFileSync(at('junk.mp4'), bytes);
    await expect(MediaReader.open(`file:${at('junk.mp4')}`)).rejects.toMatchObject({ code: 'BAD_VIDEO' });
  });

  it('reads http, and gives up on a server that falls silent', async () => {
    await writeVideo(at('served.mp4'), { width: 96, height: 64, frames: 40, indexFirst: true });
    const bytes = readFileSync(at('served.mp4'));
    const server = createServer((request, response) => {
      if (request.url === '/whole.mp4') return response.end(bytes);
      if (request.url === '/silent.mp4') return;
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, bytes.length * 0.6));
    }).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expect(await watch(`${base}/whole.mp4`)).toMatchObject({ problems: [], times: { length: 40 } });
      const { problems, times } = await watch(`${base}/half.mp4`, { timeoutSeconds: 1 });
      expect(times.length).toBeGreaterThan(5);
      expect(problems).toContain('the source stalled');
      await expect(watch(`${base}/silent.mp4`, { timeoutSeconds: 1 })).rejects.toMatchObject({ code: 'BAD_VIDEO' });
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 300);
      const patient = { signal: stop.signal, timeoutSeconds: 600 };
      await expect(watch(`${base}/silent.mp4`, patient)).rejects.toMatchObject({ code: 'BAD_VIDEO' });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('VideoWriter', () => {
  const options = { width: 64, height: 48, fps: { num: 30000, den: 1001 }, matrix: 'bt709' } as const;
  const frame = yuvFrame(64, 48, 'bt709');
  afterAll(() => frame.free());
  const write = async (writer: VideoWriter, from: number, to: number) => {
    for (let n = from; n < to; n++) {
      frame.makeWritable();
      frame.data![0]!.fill(20 + 7 * n);
      frame.data![1]!.fill(128);
      frame.data![2]!.fill(128);
      await writer.write(frame, (n * 1001) / 30000);
    }
  };

  it('goes on behind any frame of an earlier file, as if there had been no break', async () => {
    const earlier = await VideoWriter.create(at('earlier.mp4'), options);
    await write(earlier, 0, 20);
    await earlier.finish();
    const writer = await VideoWriter.create(at('later.mp4'), options);
    await writer.copy(at('earlier.mp4'), 13);
    await write(writer, 13, 30);
    await writer.finish();
    expect(await countFrames(at('later.mp4'))).toBe(30);
    const { luma, times, info, problems } = await watch(at('later.mp4'));
    expect(problems).toEqual([]);
    expect(info).toMatchObject({ frames: 30, codec: 'h264', fps: options.fps });
    times.forEach((time, n) => {
      expect(time).toBeCloseTo((n * 1001) / 30000, 4);
    });
    // Converted from BT.709 to the reader's BT.601: gray stays what it is.
    luma.forEach((plane, n) => {
      expect(meanError(plane, () => 20 + 7 * n)).toBeLessThan(2);
    });
  });

  it('says when the disk is full', needs(existsSync('/dev/full'), '/dev/full (Linux)'), async () => {
    const fill = async () => {
      const writer = await VideoWriter.create('/dev/full', options);
      await write(writer, 0, 5);
      await writer.finish();
    };
    await expect(fill()).rejects.toMatchObject({ code: 'DISK_FULL' });
  });
});
