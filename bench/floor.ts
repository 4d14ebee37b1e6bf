import { EngineSet } from '../src/depth/engine-set.ts';
import { shareDevice } from '../src/depth/engines/device-memory.ts';
import { networkSize } from '../src/depth/network-size.ts';
import { StreamRunner } from '../src/depth/stream-runner.ts';
import { findModel } from '../src/model/library.ts';
import { toLuma } from '../src/stream/live-depth.ts';
import { GrayEncoder, InputScaler, LiveDecoder, type Picture, shadesOf } from '../src/video/index.ts';
import { LiveEncoder } from '../src/video/live-encoder.ts';
import type { EncodedFrame } from '../src/video/types.ts';
import { renderPictures, toAndFro } from '../test/support/load/moving-pictures.ts';
import { printTable } from '../test/support/load/table.ts';
import { printGoals } from './goals.ts';
import { allButInference, type LiveRun, runLive, type Settings } from './live.ts';
import { median, record } from './record.ts';

const VIDEO = { scene: 'room', width: 640, height: 480, fps: 30 } as const;
/** As the peers play them: to and fro. */
const PICTURES = 60;
const FRAMES = 240;
/** Untimed: code is compiled, bitrates settle. */
const WARM_UP = 60;
/** What the peers' encoder reaches on such pictures, and the gray track's default. */
const VIDEO_BITRATE = 2_000_000;
const GOAL = { gray: 1.5, both: 1.9 };
/** Of a live frame's latency over that of inference, decoding, scaling and encoding one after the other. */
const LATENCY_GOAL = { p50: 1.3, p95: 2 };

const OPTIONS = { range: 'auto', sceneCuts: false, gapSeconds: 10 } as const;

interface Floor {
  decode: number;
  scale: number;
  encode: number;
}
interface Alone extends Floor {
  /** ms by the clock of each frame, from its packets to those of its depth. */
  latency: number[];
}
const total = ({ decode, scale, encode }: Floor) => decode + scale + encode;

/**
 * What a live frame costs beside inference, over what nothing could do without: decoding the picture, scaling it to the network's
 * input and encoding its depth as gray video, of the same pictures and maps, alone in a loop. All in CPU time, in one run.
 */
export async function benchFloor(settings: Settings = {}, seconds = 20): Promise<void> {
  const model = findModel('depthcast-nano');
  // As the server has it for one stream, which is counted nowhere here.
  const engines = await EngineSet.load(model, { shared: shareDevice() });
  const material = await prepare(engines);
  const rows: Alone[] = [];
  const floors: Alone[] = [];
  const turn = async () => {
    floors.push(await runAlone(material));
    rows.push(await runAlone(material, new StreamRunner(engines)));
  };
  await turn();
  const gray = await runLive({ ...VIDEO, peers: 1, data: 'off', track: 'gray' }, seconds, settings);
  await turn();
  const both = await runLive({ ...VIDEO, peers: 1, data: 'u16', track: 'gray' }, seconds, settings);
  await turn();
  await engines.release();

  const floor: Floor = {
    decode: median(floors.map(({ decode }) => decode)),
    scale: median(floors.map(({ scale }) => scale)),
    encode: median(floors.map(({ encode }) => encode)),
  };
  printTable(
    'The codec floor, CPU ms a frame, alone in a loop (median of three turns)',
    ['part', 'ms'],
    [
      ['decode, VP8 640x480', floor.decode],
      ['scale to the network', floor.scale],
      ['encode, gray VP8 640x480', floor.encode],
      ['together', total(floor)],
    ],
  );
  printTable(
    'A live stream, all but inference, CPU ms a frame, over the floor',
    ['output', 'fps', 'main thread', 'media worker', 'other threads', 'together', 'ratio'],
    [row('gray track', gray, floor), row('gray track, u16 data', both, floor)],
  );
  const alone = median(rows.map(({ latency }) => median(latency)));
  printTable(
    `Latency, ms: last packet in to first packet of the gray track out, over decode, scale, inference and encode in a row (${alone.toFixed(1)})`,
    ['output', 'p50', 'ratio', 'p95', 'ratio'],
    [latencyRow('gray track', gray, alone), latencyRow('gray track, u16 data', both, alone)],
  );
  const p = both.latency.track;
  printGoals([
    { name: 'gray track, over the floor', value: aFrame(gray) / total(floor), most: GOAL.gray },
    { name: 'gray track and u16 data, over the floor', value: aFrame(both) / total(floor), most: GOAL.both },
    { name: 'p50, over inference and floor', value: p(0.5) / alone, most: LATENCY_GOAL.p50 },
    { name: 'p95, over inference and floor', value: p(0.95) / alone, most: LATENCY_GOAL.p95 },
    { name: 'p50, ms', value: p(0.5), most: 15 },
    { name: 'p95, ms', value: p(0.95), most: 25 },
  ]);
  if (Math.min(gray.fps[0]!, both.fps[0]!) < 0.95 * VIDEO.fps)
    console.log('  The server did not keep up: pictures that are dropped are decoded too, so the ratios are too high.');
  for (const part of ['decode', 'scale', 'encode'] as const) record(`floor: ${part}`, floor[part], 'ms CPU');
  for (const [name, run] of Object.entries({ gray, 'gray and u16': both })) {
    record(`floor: ${name}, main thread`, run.cpu.main / run.frames, 'ms CPU');
    record(`floor: ${name}, all but inference`, aFrame(run), 'ms CPU');
    record(`floor: ${name}, ratio`, aFrame(run) / total(floor), '');
    record(`floor: ${name}, p50 over inference and floor`, run.latency.track(0.5) / alone, '');
  }
}

const aFrame = ({ cpu, frames }: LiveRun) => allButInference(cpu) / frames;

function row(name: string, run: LiveRun, floor: Floor): (string | number)[] {
  const { cpu, frames, fps } = run;
  const spent = aFrame(run);
  const parts = [cpu.main, cpu.media, cpu.rest].map((ms) => ms / frames);
  return [name, fps[0]!, ...parts, spent, (spent / total(floor)).toFixed(2)];
}

function latencyRow(name: string, { latency }: LiveRun, alone: number): (string | number)[] {
  const cells = (['p50', 'p95'] as const).flatMap((at) => {
    const ms = latency.track(at === 'p50' ? 0.5 : 0.95);
    return [ms, (ms / alone).toFixed(2)];
  });
  return [name, ...cells];
}

interface Material {
  frames: EncodedFrame[];
  /** Depth of each picture as shades. */
  maps: Uint8ClampedArray[];
  width: number;
  height: number;
}

/** The peers' pictures as their encoder sends them, and the depth that the embedded network makes of them. */
async function prepare(engines: EngineSet): Promise<Material> {
  const { width, height, fps } = VIDEO;
  const pictures = [...renderPictures(VIDEO, PICTURES)].map(({ i420 }) => i420);
  const encoder = await LiveEncoder.create({ codec: 'VP8', width, height, fps, bitrate: VIDEO_BITRATE });
  const { manifest } = engines;
  const runner = new StreamRunner(engines);
  const decoder = await LiveDecoder.create('VP8');
  const scaler = new InputScaler();
  const size = networkSize(manifest, width, height);
  const image = { data: new Float32Array(3 * size.width * size.height), ...size };
  const frames: EncodedFrame[] = [];
  const maps: Uint8ClampedArray[] = [];
  for (let n = 0; n < FRAMES; n++) {
    const i420 = pictures[toAndFro(n, PICTURES)]!;
    const paint = async ({ planes, strides }: { planes: readonly Buffer[]; strides: readonly number[] }) => {
      let from = 0;
      for (const [p, plane] of planes.entries()) {
        const [row, rows] = p === 0 ? [width, height] : [width / 2, height / 2];
        for (let y = 0; y < rows; y++, from += row) plane.set(i420.subarray(from, from + row), y * strides[p]!);
      }
    };
    const frame = await encoder.encode(paint, n * 3000, { keyframe: n === 0 });
    frames.push(frame);
    await withPicture(decoder, frame, (picture) => scaler.scaleInto(picture, image.data, size.width, size.height));
    const { depth, range } = await runner.infer(image, n / fps, OPTIONS, undefined);
    const shades = new Uint8ClampedArray(depth.length);
    toLuma(depth, { ...range, unit: manifest.unit }, shadesOf('depth'), shades);
    maps.push(shades);
  }
  for (const one of [encoder, decoder, scaler, runner]) one.close();
  return { frames, maps, ...size };
}

async function withPicture(
  decoder: LiveDecoder,
  frame: EncodedFrame,
  work: (picture: Picture) => Promise<void>,
): Promise<void> {
  const picture = await decoder.decode(frame);
  if (!picture) throw new Error('a frame showed no picture');
  await work(picture).finally(() => picture.close());
}

/** @param runner the network's turn comes too, for the time that a frame takes; its CPU does not count */
async function runAlone({ frames, maps, width, height }: Material, runner?: StreamRunner): Promise<Alone> {
  const decoder = await LiveDecoder.create('VP8');
  const scaler = new InputScaler();
  const gray = { codec: 'VP8', width: VIDEO.width, height: VIDEO.height, fps: VIDEO.fps } as const;
  const encoder = await GrayEncoder.create({ ...gray, bitrate: VIDEO_BITRATE });
  const image = { data: new Float32Array(3 * width * height), width, height };
  const spent: Alone = { decode: 0, scale: 0, encode: 0, latency: [] };
  for (const [n, frame] of frames.entries()) {
    const counts = n >= WARM_UP;
    const began = performance.now();
    const time = async <T>(part: keyof Floor, work: () => Promise<T>): Promise<T> => {
      const before = process.cpuUsage();
      const result = await work();
      const { user, system } = process.cpuUsage(before);
      if (counts) spent[part] += (user + system) / 1000 / (FRAMES - WARM_UP);
      return result;
    };
    const picture = await time('decode', () => decoder.decode(frame));
    if (!picture) throw new Error('a frame showed no picture');
    await time('scale', () => scaler.scaleInto(picture, image.data, width, height));
    picture.close();
    await runner?.infer(image, n / VIDEO.fps, OPTIONS, undefined);
    await time('encode', () => encoder.encode(maps[n]!, width, height, frame.rtpTimestamp));
    if (counts) spent.latency.push(performance.now() - began);
  }
  for (const one of [decoder, scaler, encoder, runner]) one?.close();
  return spent;
}
