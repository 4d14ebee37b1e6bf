import { WorkerInferencer } from '../src/depth/inferencer.ts';
import { MatteFilter, MatteSteadier, matteOf, matteRamps } from '../src/geometry/matte.ts';
import { findModel } from '../src/model/library.ts';
import { AlignedResizer } from '../src/model/resize.ts';
import type { MatteSettings } from '../src/protocol/matte.ts';
import { createScene } from '../src/scene/scene.ts';
import { FrameConverter } from '../src/video/frame-converter.ts';
import { GuidedUpsampler } from '../src/video/guided-upsampler.ts';
import { rgbaPicture } from '../src/video/index.ts';
import { Picture } from '../src/video/picture.ts';
import { InputScaler } from '../src/video/scaler.ts';
import { planesOf } from '../test/pictures.ts';
import { printTable } from '../test/support/load/table.ts';

const SIZE = { width: 640, height: 480 };
const SCENES = ['room', 'person', 'tabletop'];
/** Frames that fill the network's memory, and those that count. */
const WARM = 20;
const FRAMES = 40;
/** Standard deviation of each channel of a pixel, of 255: a camera indoors. */
const NOISE = 4;
/** A pixel whose whiteness changes by more has flickered; of 255. */
const FLICKER = 25.5;
const LUMA = { near: 255, far: 0 };

/**
 * Mattes of a scene that stands still, seen by a camera with noise: the share of pixels that change by more than a tenth from
 * frame to frame. Ours, as a viewer gets it, and plain thresholding: the same ramp over each frame's own depth, interpolated.
 */
export async function benchMatte(): Promise<void> {
  const inferencer = await WorkerInferencer.create(findModel('depthcast-nano'), {
    threads: 1,
    picture: SIZE,
    yields: false,
  });
  const rows: (string | number)[][] = [];
  for (const name of SCENES) {
    for (const soft of [0.1, 0.02]) {
      const settings: MatteSettings = { unit: 'normalised', near: 1, far: 0.55, soft };
      const { ours, plain, milliseconds } = await flicker(inferencer, name, settings);
      rows.push([name, soft, 100 * ours, 100 * plain, ours / plain, milliseconds]);
    }
  }
  printTable(
    'Mattes of a still scene under sensor noise: pixels that change by more than 10 % a frame',
    ['scene', 'soft', 'ours %', 'plain %', 'ratio', 'ms a map'],
    rows,
  );
  await inferencer.close();
}

async function flicker(inferencer: WorkerInferencer, name: string, settings: MatteSettings) {
  const stream = inferencer.open({ sceneCuts: false });
  const network = stream.networkSize(SIZE.width, SIZE.height);
  const { rgba } = createScene(name, SIZE).render(1);
  const noise = gaussian();
  const noisy = new Uint8ClampedArray(rgba.length);
  const scaler = new InputScaler();
  const converter = new FrameConverter(SIZE.width, SIZE.height, 'bt601');
  const resizer = new AlignedResizer(network, SIZE);
  const upsampler = new GuidedUpsampler(network, SIZE);
  const filter = new MatteFilter();
  const steadier = new MatteSteadier();
  const enlarged = new Float32Array(SIZE.width * SIZE.height);
  const ours = new Changes();
  const plain = new Changes();
  const plainMatte = new Uint8ClampedArray(enlarged.length);
  let spent = 0;
  for (let n = 0; n < WARM + FRAMES; n++) {
    for (let i = 0; i < rgba.length; i++) noisy[i] = i % 4 === 3 ? 255 : rgba[i]! + NOISE * noise();
    const picture = rgbaPicture(noisy, SIZE.width, SIZE.height);
    const image = stream.takeInput(network.width, network.height);
    await scaler.scaleInto(picture, image.data, network.width, network.height);
    const yuv = new Picture(await converter.convert(picture), { rtpTimestamp: 0 });
    const planes = await planesOf(yuv);
    for (const one of [picture, yuv]) one.close();
    const map = await stream.infer(image, n / 30);
    const { near, far } = map.range;
    const input = { values: map.values, ...network, unit: 'disparity', near, far, epoch: map.epoch } as const;
    const began = performance.now();
    const alpha = filter.update(input, settings);
    spent += performance.now() - began;
    upsampler.map.set(alpha);
    for (const [index, plane] of planes.entries()) upsampler.guide[index]!.set(plane);
    const matte = upsampler.luma('fast', { unit: 'disparity', near: 1, far: 0 }, LUMA);
    const again = performance.now();
    steadier.steady(matte, SIZE, filter.moving, network);
    spent += performance.now() - again;
    resizer.resize(map.values, enlarged);
    const ramps = matteRamps(settings, input)!;
    for (let i = 0; i < enlarged.length; i++) plainMatte[i] = 255 * matteOf((enlarged[i]! - far) / (near - far), ramps);
    map.release();
    ours.look(matte, n > WARM);
    plain.look(plainMatte, n > WARM);
  }
  stream.close();
  scaler.close();
  converter.close();
  return { ours: ours.share, plain: plain.share, milliseconds: spent / (WARM + FRAMES) };
}

/** Counts pixels that change from one matte to the next. */
class Changes {
  #last: Uint8ClampedArray | undefined;
  #changed = 0;
  #pixels = 0;

  look(matte: Uint8ClampedArray, counts: boolean): void {
    if (this.#last !== undefined && counts) {
      for (let i = 0; i < matte.length; i++) if (Math.abs(matte[i]! - this.#last[i]!) > FLICKER) this.#changed++;
      this.#pixels += matte.length;
    }
    this.#last = Uint8ClampedArray.from(matte);
  }

  get share(): number {
    return this.#changed / this.#pixels;
  }
}

/** Normal deviates, always the same (Marsaglia's polar method over a linear congruential generator). */
function gaussian(): () => number {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return () => {
    for (;;) {
      const [u, v] = [uniform(), uniform()];
      const s = u * u + v * v;
      if (s > 0 && s < 1) return u * Math.sqrt((-2 * Math.log(s)) / s);
    }
  };
}
