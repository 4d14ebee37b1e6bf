// What the codecs cost a frame, and what gray depth loses in them. Depth of 256x192 travels as 640x480 video.
// npx tsx bench/video.ts
import { GrayEncoder, InputScaler, LiveDecoder, type VideoCodec } from '../src/video/index.ts';
import { depthMap } from '../test/depth-map.ts';
import { planesOf } from '../test/pictures.ts';

const FRAMES = 120;
const WIDTH = 640;
const HEIGHT = 480;
const FAR = 0.05;

/** CPU and wall milliseconds of everything that is timed under one name; the first calls are left out. */
class Cost {
  #cpu = 0;
  #wall = 0;
  #worst = 0;
  #calls = 0;

  async time<T>(work: () => Promise<T>): Promise<T> {
    const { user, system } = process.cpuUsage();
    const start = performance.now();
    const result = await work();
    const wall = performance.now() - start;
    const spent = process.cpuUsage({ user, system });
    if (this.#calls++ < 10) return result;
    this.#cpu += (spent.user + spent.system) / 1000;
    this.#wall += wall;
    this.#worst = Math.max(this.#worst, wall);
    return result;
  }

  toString(): string {
    const count = this.#calls - 10;
    return `${(this.#cpu / count).toFixed(2)} ms CPU, ${(this.#wall / count).toFixed(2)} wall, at worst ${this.#worst.toFixed(1)}`;
  }
}

const maps = Array.from({ length: FRAMES }, (_, n) =>
  Uint8Array.from(depthMap(256, 192, 2e-3, 1, n / 30), (v) => Math.round(16 + 219 * v)),
);

/** The map as it should look at WIDTH x HEIGHT: what a lossless codec returns. */
async function lossless(map: Uint8Array): Promise<Uint8Array> {
  const encoder = await GrayEncoder.create({ codec: 'H264', width: WIDTH, height: HEIGHT, bitrate: 200e6, fps: 30 });
  const decoder = await LiveDecoder.create('H264');
  const picture = await decoder.decode(await encoder.encode(map, 256, 192, 0));
  const [luma] = await planesOf(picture!);
  picture!.close();
  encoder.close();
  decoder.close();
  return luma!;
}

async function run(codec: VideoCodec, bitrate: number): Promise<void> {
  const encoder = await GrayEncoder.create({ codec, width: WIDTH, height: HEIGHT, bitrate, fps: 30 });
  const decoder = await LiveDecoder.create(codec);
  const encode = new Cost();
  const decode = new Cost();
  let bytes = 0;
  let error = 0;
  let relative = 0;
  let worst = 0;
  let pixels = 0;
  for (const [n, map] of maps.entries()) {
    const frame = await encode.time(() => encoder.encode(map, 256, 192, n * 3000));
    bytes += frame.data.length;
    const picture = await decode.time(() => decoder.decode(frame));
    if (n >= 30 && n % 10 === 0) {
      const [luma] = await planesOf(picture!);
      const truth = await lossless(map);
      for (let i = 0; i < truth.length; i++) {
        const off = Math.abs(luma![i]! - truth[i]!);
        error += off;
        relative += off / 219 / (FAR + (truth[i]! - 16) / 219);
        worst = Math.max(worst, off);
      }
      pixels += truth.length;
    }
    picture!.close();
  }
  console.log(
    `${codec} at ${bitrate / 1000} kbps (used ${Math.round((bytes * 8 * 30) / FRAMES / 1000)}): encode ${encode}; decode ${decode}; ` +
      `luma off by ${(error / pixels).toFixed(2)}, at most ${worst}; AbsRel ${((100 * relative) / pixels).toFixed(2)} %`,
  );
  encoder.close();
  decoder.close();
}

for (const bitrate of [300_000, 600_000, 1_000_000, 2_000_000, 3_000_000])
  for (const codec of ['VP8', 'H264'] as const) await run(codec, bitrate);

for (const [width, height] of [
  [252, 196],
  [518, 392],
] as const) {
  const encoder = await GrayEncoder.create({ codec: 'H264', width: WIDTH, height: HEIGHT, bitrate: 2e6, fps: 30 });
  const decoder = await LiveDecoder.create('H264');
  const scaler = new InputScaler();
  const cost = new Cost();
  const target = new Float32Array(3 * width * height);
  for (const [n, map] of maps.entries()) {
    const picture = await decoder.decode(await encoder.encode(map, 256, 192, n * 3000));
    await cost.time(() => scaler.scaleInto(picture!, target, width, height));
    picture!.close();
  }
  console.log(`scale ${WIDTH}x${HEIGHT} to ${width}x${height} planar float RGB: ${cost}`);
  encoder.close();
  decoder.close();
  scaler.close();
}
