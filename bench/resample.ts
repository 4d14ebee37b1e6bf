import { EngineSet } from '../src/depth/engine-set.ts';
import { networkSize } from '../src/depth/network-size.ts';
import { StreamRunner } from '../src/depth/stream-runner.ts';
import type { NetworkImage } from '../src/depth/types.ts';
import { findModel } from '../src/model/library.ts';
import type { Size } from '../src/model/size.ts';
import { createScene, type RenderTarget } from '../src/scene/scene.ts';
import { InputScaler, rgbaPicture } from '../src/video/index.ts';
import { printTable } from '../test/support/load/table.ts';
import { median } from './record.ts';

const [WIDTH, HEIGHT, FPS] = [640, 480, 15];
const SCENES = ['room', 'person', 'street', 'hall', 'tabletop'];
/** From, to: steps down, and back up. */
const STEPS = [
  [256, 224],
  [256, 192],
  [256, 160],
  [192, 256],
] as const;
/** Frames before the step, which fill the window, and after it at which maps are compared. */
const BEFORE = 12;
const AFTER = [0, 1, 3, 7];

/**
 * What a change of the network's size within an epoch costs: maps behind it against those of the same frames at the old size, whose
 * scale and shift their viewers have got used to. In per cent of the old map's range (2nd to 98th percentile), mean over its pixels.
 */
export async function benchResample(): Promise<void> {
  const model = findModel('depthcast-nano');
  const engines = await EngineSet.load(model, { threads: 1 });
  const rows: (string | number)[][] = [];
  for (const [from, to] of STEPS) {
    const errors = { carried: new Errors(), fresh: new Errors(), steady: new Errors() };
    for (const name of SCENES) await follow(engines, name, [from, to], errors);
    rows.push([`${from} to ${to}, states resampled`, ...errors.carried.row()]);
    rows.push(['  a new epoch instead', ...errors.fresh.row()]);
    rows.push([`  at ${to} all the time`, ...errors.steady.row()]);
  }
  await engines.release();
  printTable(
    `A step of the network's size: difference from no step, % of the range, median of ${SCENES.length} scenes`,
    ['', ...AFTER.map((n) => (n === 0 ? 'first frame' : `${n} later`))],
    rows,
  );
}

class Errors {
  readonly #of = AFTER.map((): number[] => []);
  add(at: number, error: number): void {
    this.#of[at]!.push(error);
  }
  row(): number[] {
    return this.#of.map(median);
  }
}

async function follow(
  engines: EngineSet,
  name: string,
  [from, to]: readonly [number, number],
  errors: Record<'carried' | 'fresh' | 'steady', Errors>,
): Promise<void> {
  const scene = createScene(name, { width: WIDTH, height: HEIGHT, fps: FPS });
  const [old, next] = [from, to].map((size) => networkSize(engines.manifest, WIDTH, HEIGHT, size)) as [Size, Size];
  const streams = {
    kept: new Watched(engines),
    carried: new Watched(engines),
    fresh: new Watched(engines),
    steady: new Watched(engines),
  };
  const scaler = new InputScaler();
  let target: RenderTarget | undefined;
  for (let n = 0; n <= BEFORE + AFTER.at(-1)!; n++) {
    target = scene.renderFrame(n, target);
    const picture = rgbaPicture(target.rgba, WIDTH, HEIGHT);
    const input = async ({ width, height }: Size): Promise<NetworkImage> => {
      const data = new Float32Array(3 * width * height);
      await scaler.scaleInto(picture, data, width, height);
      return { data, width, height };
    };
    const after = n >= BEFORE;
    if (n === BEFORE) await streams.carried.runner.prepare(next.width, next.height, true);
    const kept = await streams.kept.map(await input(old), n);
    for (const kind of ['carried', 'fresh', 'steady'] as const) {
      const map = await streams[kind].map(await input(after || kind === 'steady' ? next : old), n);
      const at = AFTER.indexOf(n - BEFORE);
      if (after && at >= 0) errors[kind].add(at, difference(map, next, kept, old));
    }
    picture.close();
  }
  scaler.close();
  for (const { runner } of Object.values(streams)) runner.close();
}

class Watched {
  readonly runner: StreamRunner;
  constructor(engines: EngineSet) {
    this.runner = new StreamRunner(engines);
  }
  async map(image: NetworkImage, n: number): Promise<Float32Array> {
    const options = { range: 'auto', sceneCuts: false, gapSeconds: 10 } as const;
    return (await this.runner.infer(image, n / FPS, options, undefined)).depth.slice();
  }
}

/** Mean absolute difference, at the larger map's pixels, in per cent of the range of `b`. */
function difference(a: Float32Array, aSize: Size, b: Float32Array, bSize: Size): number {
  const [width, height] = [Math.max(aSize.width, bSize.width), Math.max(aSize.height, bSize.height)];
  const sorted = b.slice().sort();
  const range = sorted[Math.floor(0.98 * sorted.length)]! - sorted[Math.floor(0.02 * sorted.length)]!;
  let sum = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [u, v] = [(x + 0.5) / width, (y + 0.5) / height];
      sum += Math.abs(sample(a, aSize, u, v) - sample(b, bSize, u, v));
    }
  return (100 * sum) / (width * height * range);
}

/** Bilinear. */
function sample(map: Float32Array, { width, height }: Size, u: number, v: number): number {
  const x = Math.min(width - 1, Math.max(0, u * width - 0.5));
  const y = Math.min(height - 1, Math.max(0, v * height - 0.5));
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [x1, y1] = [Math.min(x0 + 1, width - 1), Math.min(y0 + 1, height - 1)];
  const [fx, fy] = [x - x0, y - y0];
  const top = map[y0 * width + x0]! * (1 - fx) + map[y0 * width + x1]! * fx;
  const bottom = map[y1 * width + x0]! * (1 - fx) + map[y1 * width + x1]! * fx;
  return top * (1 - fy) + bottom * fy;
}
