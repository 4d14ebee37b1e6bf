import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as av from 'node-av';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planesOf } from '../../test/pictures.ts';
import { be, box, type Edit, heifGrid, withEdits } from '../../test/support/boxes.ts';
import { writeVideo } from '../../test/support/video-file.ts';
import { LiveDecoder } from './decoder.ts';
import { JpegEncoder } from './jpeg-encoder.ts';
import { type MediaOptions, MediaReader } from './media-reader.ts';
import { PacketClock } from './packet-clock.ts';
import { Picture } from './picture.ts';
import { InputScaler } from './scaler.ts';

// Pictures as a player shows them, whatever the container says: cropped, deinterlaced, put together, at their times.

const folder = mkdtempSync(join(tmpdir(), 'depthcast-shown-'));
const at = (name: string) => join(folder, name);
afterAll(() => {
  rmSync(folder, { recursive: true });
  expect(Picture.open).toBe(0);
});
const SIZE = { width: 96, height: 64 };

async function watch(path: string, options: MediaOptions = {}) {
  const reader = await MediaReader.open(`file:${path}`, options);
  const { width, height, frames, aspect } = reader.info;
  const scaler = new InputScaler();
  const times: number[] = [];
  const sizes = new Set<string>();
  const rgb: Float32Array[] = [];
  const luma: Uint8Array[] = [];
  let clean: boolean | undefined;
  for (let next = await reader.read(); next; next = await reader.read()) {
    clean ??= reader.packets?.startsClean;
    times.push(next.time);
    luma.push((await planesOf(next.picture))[0]!);
    sizes.add(`${next.picture.width}x${next.picture.height}`);
    const image = new Float32Array(3 * next.picture.width * next.picture.height);
    await scaler.scaleInto(next.picture, image, next.picture.width, next.picture.height);
    rgb.push(image);
    next.picture.close();
  }
  scaler.close();
  const { problems, notes } = reader;
  reader.close();
  return {
    width,
    height,
    frames,
    aspect,
    times,
    sizes: [...sizes],
    rgb,
    luma,
    clean,
    problems: [...problems],
    notes: [...notes],
  };
}

function evenly(times: number[], fps: number): void {
  for (const [n, time] of times.entries()) expect(time).toBeCloseTo(n / fps, 2);
}

describe('interlaced video', () => {
  it.each([
    ['mp4', 'libx264', 25, 1],
    ['mp4', 'libx264', 60_000, 1001],
    ['ts', 'libx264', 30_000, 1001],
    ['ts', 'libx264', 50, 1],
    ['mpg', 'mpeg2video', 30_000, 1001],
    ['avi', 'mpeg4', 25, 1],
  ])('gives one picture a frame, at its very time (%s, %s, %d/%d)', async (container, codec, num, den) => {
    const path = at(`fields.${container}`);
    await writeVideo(path, { ...SIZE, frames: 8, fps: { num, den }, codec, interlaced: true });
    const seen = await watch(path);
    expect(seen).toMatchObject({ ...SIZE, sizes: ['96x64'], problems: [], times: { length: 8 } });
    // To the tick of 90 kHz that containers and RTP have.
    for (const [n, time] of seen.times.entries())
      expect(Math.abs(time - (n * den) / num)).toBeLessThanOrEqual(1 / 90_000);
  });

  it('is deinterlaced where it moves', async () => {
    // Upper and lower fields of two different grays: a picture that combs.
    const combed = new av.Frame();
    combed.alloc();
    Object.assign(combed, { ...SIZE, format: av.AV_PIX_FMT_GRAY8 });
    expect(combed.getBuffer()).toBeGreaterThanOrEqual(0);
    const stride = combed.linesize[0]!;
    for (let y = 0; y < 64; y++) combed.data![0]!.fill(y % 2 === 0 ? 40 : 200, y * stride, (y + 1) * stride);
    combed.setFlags(av.AV_FRAME_FLAG_INTERLACED);
    const { DEINTERLACE, PictureFilter } = await import('./picture-filter.ts');
    const filter = await PictureFilter.create(combed, [DEINTERLACE]);
    for (let n = 0; n < 3; n++) {
      const frame = combed.clone()!;
      frame.bestEffortTimestamp = BigInt(10 * n);
      await filter.put(frame);
    }
    await filter.put(undefined);
    const first = (await filter.take())!;
    const second = (await filter.take())!;
    expect([first.bestEffortTimestamp, second.bestEffortTimestamp]).toEqual([0n, 10n]);
    expect(first.hasFlags(av.AV_FRAME_FLAG_INTERLACED)).toBe(false);
    filter.close();
    for (const frame of [combed, first, second]) frame.free();
  });
});

describe('what the container hides', () => {
  it('is cropped from every picture', async () => {
    await writeVideo(at('whole.mkv'), { ...SIZE, frames: 3 });
    await writeVideo(at('crop.mkv'), { ...SIZE, frames: 3, cropping: [4, 6, 9, 8] });
    const whole = await watch(at('whole.mkv'));
    const seen = await watch(at('crop.mkv'), { keepPackets: true });
    // A copy of the packets would show the edges.
    expect(seen).toMatchObject({ width: 79, height: 54, sizes: ['79x54'], problems: [], clean: undefined });
    const difference = seen.rgb[1]!.map((value, i) => {
      const [plane, y, x] = [Math.floor(i / (79 * 54)), Math.floor(i / 79) % 54, i % 79];
      return Math.abs(value - whole.rgb[1]![plane * 96 * 64 + (y + 4) * 96 + x + 9]!);
    });
    expect(difference.reduce((sum, value) => sum + value, 0) / difference.length).toBeLessThan(0.02);
  });

  it('is cropped to the pixel where the codec says so, in files and live', async () => {
    // 96x64, white but for 18 columns at the left, which H.264's own cropping hides with 6, 4 and 2 at the other edges.
    const path = new URL('../../test/vectors/video/cropped.h264', import.meta.url).pathname;
    const seen = await watch(path);
    expect(seen).toMatchObject({ width: 72, height: 58, sizes: ['72x58'] });
    expect(Math.min(...seen.luma[0]!)).toBeGreaterThan(200);
    const decoder = await LiveDecoder.create('H264');
    const data = readFileSync(path);
    const next = data.indexOf(Buffer.from('0000000167', 'hex'), 4);
    const picture = await decoder.decode({
      codec: 'H264',
      data: data.subarray(0, next),
      keyframe: true,
      rtpTimestamp: 0,
    });
    expect([picture?.width, picture?.height]).toEqual([72, 58]);
    expect(Math.min(...(await planesOf(picture!))[0]!)).toBeGreaterThan(200);
    picture?.close();
    decoder.close();
  });

  it('keeps the shape of a pixel, turned with the picture, also where the codec alone says it', async () => {
    await writeVideo(at('wide.ts'), { ...SIZE, frames: 3, aspect: [64, 45] });
    await writeVideo(at('turned.mov'), { ...SIZE, frames: 3, aspect: [64, 45], rotate: 90 });
    expect(await watch(at('wide.ts'))).toMatchObject({ aspect: { num: 64, den: 45 } });
    expect(await watch(at('turned.mov'))).toMatchObject({ aspect: { num: 45, den: 64 }, sizes: ['64x96'] });
  });
});

describe('edit lists', () => {
  beforeAll(() => writeVideo(at('source.mp4'), { ...SIZE, frames: 60, fps: 30, gop: 60 }));

  // The muxer counts 1000 ticks a second in the movie and 15360 in the track.
  const frame = 512;
  it.each<[string, Edit[], number, boolean]>([
    [
      'begin later',
      [
        [500, -1],
        [2000, 0],
      ],
      60,
      true,
    ],
    ['leave out the beginning, from a keyframe on or not', [[1000, 15 * frame]], 30, false],
    ['leave out the end', [[1000, 0]], 30, false],
    [
      'show parts one after the other',
      [
        [500, 0],
        [500, 30 * frame],
      ],
      30,
      false,
    ],
    [
      'show a part twice',
      [
        [1000, 0],
        [1000, 0],
      ],
      60,
      false,
    ],
    [
      'show a later part first',
      [
        [1000, 30 * frame],
        [1000, 0],
      ],
      60,
      false,
    ],
    ['are longer than the track', [[20_000, 0]], 60, true],
    ['say nothing', [], 60, true],
  ])('that %s', async (_title, edits, frames, copied) => {
    writeFileSync(at('edited.mp4'), withEdits(readFileSync(at('source.mp4')), edits));
    const seen = await watch(at('edited.mp4'), { keepPackets: true });
    expect(seen).toMatchObject({ times: { length: frames }, problems: [], notes: [] });
    expect(seen.clean ?? false).toBe(copied);
    if (edits.length <= 1) expect(seen.frames).toBe(frames);
    evenly(seen.times, 30);
  });

  it('that hide everything are named', async () => {
    writeFileSync(at('hidden.mp4'), withEdits(readFileSync(at('source.mp4')), [[2000, 99_999_999]]));
    expect(await watch(at('hidden.mp4'))).toMatchObject({
      times: [],
      problems: ['its edit list hides all of its frames'],
    });
  });

  it('do not hide that a file is cut short', async () => {
    await writeVideo(at('first.mp4'), { ...SIZE, frames: 60, fps: 30, indexFirst: true });
    const whole = readFileSync(at('first.mp4'));
    writeFileSync(at('cut.mp4'), whole.subarray(0, whole.length * 0.6));
    expect((await watch(at('cut.mp4'))).problems.join()).toMatch(/it ends after \d+ of 60 frames/);
  });
});

describe('whole files', () => {
  it('that begin late, or whose container counts more than is shown, are not called cut short', async () => {
    await writeVideo(at('late.mkv'), { ...SIZE, frames: 20, fps: 10, stamp: (n) => n + 50 });
    await writeVideo(at('sparse.avi'), { ...SIZE, frames: 10, fps: 30, codec: 'mpeg4', stamp: (n) => 3 * n });
    expect(await watch(at('late.mkv'))).toMatchObject({ times: { length: 20 }, frames: 20, problems: [], notes: [] });
    expect(await watch(at('sparse.avi'))).toMatchObject({ times: { length: 10 }, problems: [], notes: [] });
  });
});

it('ends where its packets end, when the head of a file that was streamed names no length', async () => {
  await writeVideo(at('whole.avi'), { ...SIZE, frames: 10, fps: 30, codec: 'mpeg4' });
  const bytes = readFileSync(at('whole.avi'));
  const [head, stream] = [bytes.indexOf('avih'), bytes.indexOf('strh')];
  bytes.writeUInt32LE(0xffffffff, 4); // RIFF
  bytes.writeUInt32LE(0, head + 8 + 16); // dwTotalFrames
  bytes.writeUInt32LE(1 << 30, stream + 8 + 32); // dwLength
  writeFileSync(at('streamed.avi'), bytes);
  expect(await watch(at('streamed.avi'))).toMatchObject({ times: { length: 10 }, problems: [] });
});

it('says that an image is damaged, and shows what is left of it', async () => {
  await writeVideo(at('one.mp4'), { ...SIZE, frames: 1 });
  const reader = await MediaReader.open(`file:${at('one.mp4')}`);
  const { picture } = (await reader.read())!;
  reader.close();
  const encoder = await JpegEncoder.create(SIZE.width, SIZE.height);
  const bytes = await encoder.encode(picture);
  encoder.close();
  picture.close();
  for (const [name, length, problems] of [
    ['whole.jpg', bytes.length, []],
    ['half.jpg', 0.6 * bytes.length, ['it is damaged; what is left of it is shown']],
  ] as const) {
    writeFileSync(at(name), bytes.subarray(0, length));
    expect(await watch(at(name))).toMatchObject({ sizes: ['96x64'], times: { length: 1 }, problems });
  }
});

it('tells of HDR, which nothing maps to usual video', async () => {
  await writeVideo(at('pq.mkv'), { ...SIZE, frames: 3, transfer: av.AVCOL_TRC_SMPTE2084 });
  expect((await watch(at('pq.mkv'))).notes).toEqual([expect.stringMatching(/are HDR \(PQ\)/)]);
});

describe('jumps of the clock', () => {
  beforeAll(async () => {
    await writeVideo(at('early.ts'), { ...SIZE, frames: 30, fps: 30 });
    await writeVideo(at('late.ts'), { ...SIZE, frames: 30, fps: 30, stamp: (n) => n + 30 * 3600 });
  });

  it.each([
    ['forward', ['early.ts', 'late.ts']],
    ['back', ['late.ts', 'early.ts']],
    ['to the beginning again', ['early.ts', 'early.ts']],
  ])('%s, where recordings were joined: pictures go on one frame later, which is told', async (_title, parts) => {
    writeFileSync(at('joined.ts'), Buffer.concat(parts.map((name) => readFileSync(at(name)))));
    const seen = await watch(at('joined.ts'));
    expect(seen).toMatchObject({ times: { length: 60 }, problems: [] });
    expect(seen.notes.join()).toMatch(/its clock jumps by .* after 1\.0 s/);
    evenly(seen.times, 30);
  });

  it.each([
    ['mkv', 72_000],
    ['mkv', 30],
    ['mp4', 72_000],
  ])('in %s by %i s', async (container, seconds) => {
    const path = at(`jump${seconds}.${container}`);
    await writeVideo(path, { ...SIZE, frames: 40, fps: 30, stamp: (n) => (n < 20 ? n : n + 30 * seconds) });
    const seen = await watch(path);
    expect(seen).toMatchObject({ times: { length: 40 }, problems: [] });
    expect(seen.notes).toHaveLength(1);
    evenly(seen.times, 30);
  });

  it('leave a step between pictures where one part holds them back for longer than the other', async () => {
    for (const fps of [12, 24]) await writeVideo(at(`${fps}.ts`), { ...SIZE, frames: 24, fps, bFrames: 3 });
    writeFileSync(at('mixed.ts'), Buffer.concat(['24.ts', '12.ts', '24.ts'].map((name) => readFileSync(at(name)))));
    const { times } = await watch(at('mixed.ts'));
    expect(times).toHaveLength(72);
    const steps = times.slice(1).map((time, n) => time - times[n]!);
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(0.001);
  });

  it('leave pauses of some seconds, and slow videos, as they are', async () => {
    await writeVideo(at('pause.mkv'), { ...SIZE, frames: 10, fps: 30, stamp: (n) => (n < 5 ? n : n + 150) });
    await writeVideo(at('slow.mp4'), { ...SIZE, frames: 5, fps: 1, stamp: (n) => 60 * n });
    const pause = await watch(at('pause.mkv'));
    expect(pause).toMatchObject({ problems: [], notes: [] });
    expect(pause.times[5]! - pause.times[4]!).toBeCloseTo(5 + 1 / 30, 1);
    const slow = await watch(at('slow.mp4'));
    expect(slow).toMatchObject({ problems: [], notes: [] });
    expect(slow.times.at(-1)).toBeCloseTo(240, 1);
  });

  it('one wrong stamp among others moves nothing but itself', () => {
    const clock = new PacketClock({
      timeBase: { num: 1, den: 1000 },
      fps: { num: 25, den: 1 },
      delay: 0,
      stated: false,
    });
    const packet = new av.Packet();
    packet.alloc();
    const stamps = Array.from({ length: 30 }, (_, n) => (n === 10 ? 900_000_000 : 40 * n));
    const times = stamps.map((stamp) => {
      packet.pts = BigInt(stamp);
      packet.dts = packet.pts;
      packet.duration = 40n;
      clock.apply(packet);
      return Number(packet.dts);
    });
    packet.free();
    expect(times).toEqual(Array.from({ length: 30 }, (_, n) => 40 * n));
    expect(clock.breaks).toBe(2);
  });
});

describe('a picture made of tiles', () => {
  /** Keyframes of a video, as tiles. */
  async function tiles(codec: string) {
    await writeVideo(at('tiles.mp4'), { ...SIZE, frames: 6, codec, gop: 1 });
    const format = new av.FormatContext();
    await format.openInput(`file:${at('tiles.mp4')}`);
    const configuration = Buffer.from(format.streams[0]!.codecpar.extradata!);
    const packet = new av.Packet();
    packet.alloc();
    const found: Buffer[] = [];
    while ((await format.readFrame(packet)) >= 0) {
      found.push(Buffer.from(packet.data!));
      packet.unref();
    }
    packet.free();
    await format.closeInput();
    const type: 'hvc1' | 'av01' = codec === 'libx265' ? 'hvc1' : 'av01';
    return { tiles: found, tile: { ...SIZE, type, configuration } };
  }

  it.each(['libx265', 'libsvtav1'])('is put together (%s), cropped to its size', async (codec) => {
    const parts = await tiles(codec);
    writeFileSync(at('grid.heic'), heifGrid({ ...parts, rows: 2, columns: 3, width: 270, height: 120 }));
    const whole = await watch(at('grid.heic'));
    expect(whole).toMatchObject({ width: 270, height: 120, frames: 1, sizes: ['270x120'], problems: [] });
    const single = await watch(at('tiles.mp4'));
    for (const n of [0, 1, 4]) {
      let worst = 0;
      for (let y = 0; y < 56; y++)
        for (let x = 0; x < 78; x++) {
          const [X, Y] = [x + 96 * (n % 3), y + 64 * Math.floor(n / 3)];
          worst = Math.max(worst, Math.abs(whole.luma[0]![Y * 270 + X]! - single.luma[n]![y * 96 + x]!));
        }
      expect(worst).toBe(0);
    }
  });

  it.each<[string, Buffer[], string]>([
    ['turned', [box('irot', be(1, 1))], '128x192'],
    ['mirrored', [box('imir', be(1, 1))], '192x128'],
    [
      'cropped, then turned',
      [box('clap', be(4, 180, 4, 1, 4, 100, 4, 1, 4, 0, 4, 1, 4, 0, 4, 1)), box('irot', be(1, 3))],
      '100x180',
    ],
  ])('is %s as a whole', async (_title, transforms, size) => {
    const { tiles: all, tile } = await tiles('libx265');
    const grid = { tiles: all.slice(0, 4), tile, rows: 2, columns: 2, width: 192, height: 128 };
    writeFileSync(at('turned.heic'), heifGrid({ ...grid, transforms }));
    expect(await watch(at('turned.heic'))).toMatchObject({ sizes: [size], problems: [] });
  });

  it('is refused where it is not whole', async () => {
    const { tiles: all, tile } = await tiles('libx265');
    const grid = { tiles: all.slice(0, 3), tile, rows: 2, columns: 2, width: 192, height: 128 };
    writeFileSync(at('three.heic'), heifGrid(grid));
    await expect(watch(at('three.heic'))).rejects.toMatchObject({ code: 'BAD_VIDEO', message: /3 tiles for 2x2/ });
    const bytes = heifGrid({ ...grid, tiles: all.slice(0, 4) });
    for (let n = 60; n < bytes.indexOf('mdat'); n += 11) {
      const broken = Buffer.from(bytes);
      broken[n] = broken[n]! ^ 0x55;
      writeFileSync(at('broken.heic'), broken);
      await watch(at('broken.heic')).catch((thrown) =>
        expect(thrown).toMatchObject({ code: /BAD_VIDEO|PICTURE_TOO_LARGE|CODEC_FAILED/ }),
      );
    }
  });
});

describe('the choice among pictures', () => {
  /** Streams of several files in one, by FFmpeg's muxer. */
  async function join2(path: string, parts: readonly (readonly [string, number])[]) {
    const output = new av.FormatContext();
    output.allocOutputContext2(null, null, `file:${path}`);
    await output.openOutput();
    const inputs = parts.map(([part, disposition]) => ({ part, disposition, format: new av.FormatContext() }));
    for (const { part, disposition, format } of inputs) {
      await format.openInput(`file:${part}`);
      await format.findStreamInfo(null);
      const stream = output.newStream(null);
      format.streams[0]!.codecpar.copy(stream.codecpar);
      stream.codecpar.codecTag = 0;
      stream.timeBase = format.streams[0]!.timeBase;
      stream.disposition = disposition as av.AVDisposition;
    }
    expect(await output.writeHeader(null)).toBeGreaterThanOrEqual(0);
    const packet = new av.Packet();
    packet.alloc();
    for (const [index, { format }] of inputs.entries()) {
      while ((await format.readFrame(packet)) >= 0) {
        packet.streamIndex = index;
        packet.rescaleTs(format.streams[0]!.timeBase, output.streams[index]!.timeBase);
        await output.interleavedWriteFrame(packet);
      }
      await format.closeInput();
    }
    await output.writeTrailer();
    await output.closeOutput();
    packet.free();
  }

  it('is never a cover', async () => {
    await writeVideo(at('cover.png'), { width: 320, height: 240, frames: 1, codec: 'png' });
    await writeVideo(at('clip.mp4'), { ...SIZE, frames: 5 });
    await join2(at('covered.mp4'), [
      [at('cover.png'), av.AV_DISPOSITION_ATTACHED_PIC],
      [at('clip.mp4'), av.AV_DISPOSITION_DEFAULT],
    ]);
    expect(await watch(at('covered.mp4'))).toMatchObject({ sizes: ['96x64'], times: { length: 5 }, notes: [] });
    await join2(at('cover.m4a'), [[at('cover.png'), av.AV_DISPOSITION_ATTACHED_PIC]]).catch(() => {});
  });

  it('is the default of several videos, and told', async () => {
    await writeVideo(at('large.mp4'), { width: 192, height: 128, frames: 5 });
    await writeVideo(at('small.mp4'), { ...SIZE, frames: 5 });
    await join2(at('two.mkv'), [
      [at('large.mp4'), 0],
      [at('small.mp4'), av.AV_DISPOSITION_DEFAULT],
    ]);
    const { sizes, notes } = await watch(at('two.mkv'));
    expect(sizes).toEqual(['96x64']);
    expect(notes).toEqual(['it holds 2 videos; stream 1 (96x64) is taken, not 0 (192x128)']);
  });
});
