import { WorkerInferencer } from '../src/depth/inferencer.ts';
import {
  benchmarkProtocol,
  type Protocol,
  type ScaleShift,
  ScaleShiftFit,
  toDepth,
  validMask,
} from '../src/evaluation/align.ts';
import { type Anchor, AnchorTracker } from '../src/geometry/anchors.ts';
import { findModel } from '../src/model/library.ts';
import type { Size } from '../src/model/size.ts';
import { createScene, createTarget } from '../src/scene/scene.ts';
import { rgbaPicture } from '../src/video/index.ts';
import { InputScaler } from '../src/video/scaler.ts';
import { seeded } from '../test/depth-map.ts';
import { printTable } from '../test/support/load/table.ts';

const SIZE = { width: 640, height: 480 };
const SCENES = { room: 10, person: 10, tabletop: 10, street: 80, hall: 80 };
const FPS = 10;
/** Frames that fill the network's memory, and those that are judged. */
const WARM = 8;
const FRAMES = 30;
/** Choices of places and errors, each with a tracker of its own. */
const TURNS = 20;
const ANCHORS = 5;
const NOISE = 0.05;

/** How often five anchors come, and the error of their distances. */
const WAYS = {
  'with the first frame, exact': { due: (n: number) => n === 0, noise: 0 },
  'with the first frame': { due: (n: number) => n === 0, noise: NOISE },
  'once a second': { due: (n: number) => n % FPS === 0, noise: NOISE },
  'with each frame': { due: () => true, noise: NOISE },
};
type Way = keyof typeof WAYS;
const ways = Object.keys(WAYS) as Way[];

/**
 * Depth in metres by five anchors at random places of synthetic scenes, their distances wrong by 5 % (normally distributed),
 * against the least-squares fit of each frame to its whole true depth, which nobody has live. AbsRel over all pixels of that depth,
 * means over frames and turns. Both make metres of disparity in the same way, by the protocol of `depthcast eval`.
 */
export async function benchAnchors(): Promise<void> {
  const model = findModel('depthcast-nano');
  const inferencer = await WorkerInferencer.create(model, { threads: 1, picture: SIZE, yields: false });
  const rows: { name: string; best: number; errors: Record<Way, number> }[] = [];
  for (const [name, maxDepth] of Object.entries(SCENES)) {
    const stream = inferencer.open({ sceneCuts: false });
    const network = stream.networkSize(SIZE.width, SIZE.height);
    const scene = createScene(name, { ...SIZE, fps: FPS });
    const target = createTarget(SIZE.width, SIZE.height);
    const scaler = new InputScaler();
    const protocol = { ...benchmarkProtocol(maxDepth), predictionFloor: Number.NEGATIVE_INFINITY };
    const judge = new Judge(network, protocol);
    for (let n = 0; n < WARM + FRAMES; n++) {
      const { depth } = scene.renderFrame(n, target);
      const picture = rgbaPicture(target.rgba, SIZE.width, SIZE.height);
      const image = stream.takeInput(network.width, network.height);
      await scaler.scaleInto(picture, image.data, network.width, network.height);
      picture.close();
      const map = await stream.infer(image, n / FPS);
      if (n >= WARM) judge.frame(n - WARM, map.values, map.epoch, shrunk(depth, network));
      map.release();
    }
    scaler.close();
    stream.close();
    rows.push({ name, ...judge.result() });
  }
  await inferencer.close();
  const mean = (of: (row: (typeof rows)[number]) => number) =>
    rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  const all = {
    name: 'mean',
    best: mean(({ best }) => best),
    errors: Object.fromEntries(ways.map((way) => [way, mean(({ errors }) => errors[way])])) as Record<Way, number>,
  };
  printTable(
    `AbsRel of ${FRAMES} frames a scene, ${ANCHORS} anchors with ${100 * NOISE} % of noise, ${TURNS} turns; in brackets: times that of the fit to true depth`,
    ['', 'fit to true depth', ...ways.map((way) => `anchors ${way}`)],
    [...rows, all].map(({ name, best, errors }) => [
      name,
      best.toFixed(4),
      ...ways.map((way) => `${errors[way].toFixed(4)} (${(errors[way] / best).toFixed(2)})`),
    ]),
  );
}

class Judge {
  readonly #size: Size;
  readonly #protocol: Protocol;
  readonly #random = seeded(7);
  readonly #trackers = ways.map(() => Array.from({ length: TURNS }, () => new AnchorTracker()));
  readonly #errors = ways.map(() => 0);
  #best = 0;
  #frames = 0;

  constructor(size: Size, protocol: Protocol) {
    this.#size = size;
    this.#protocol = protocol;
  }

  frame(n: number, values: Float32Array, epoch: number, truth: Float32Array): void {
    const mask = validMask(truth, this.#protocol);
    const error = (fit: ScaleShift) => absRel(toDepth(values, fit, this.#protocol), truth, mask);
    this.#best += error(new ScaleShiftFit().add(values, truth, mask, this.#protocol).solve());
    this.#frames++;
    const map = { values, ...this.#size, unit: 'disparity', epoch } as const;
    for (const [w, way] of ways.entries())
      for (const tracker of this.#trackers[w]!) {
        const { due, noise } = WAYS[way];
        if (due(n)) tracker.add(this.#anchors(truth, mask, noise));
        const fit = tracker.update(map, n / FPS);
        if (!fit) throw new Error('five anchors gave no metres');
        this.#errors[w]! += error(fit) / TURNS;
      }
  }

  result(): { best: number; errors: Record<Way, number> } {
    const errors = Object.fromEntries(ways.map((way, w) => [way, this.#errors[w]! / this.#frames]));
    return { best: this.#best / this.#frames, errors: errors as Record<Way, number> };
  }

  #anchors(truth: Float32Array, mask: Uint8Array, noise: number): Anchor[] {
    const { width, height } = this.#size;
    const anchors: Anchor[] = [];
    while (anchors.length < ANCHORS) {
      const i = Math.floor(this.#random() * truth.length);
      if (mask[i] !== 1) continue;
      // Normally distributed (Box and Muller).
      const gauss = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
      const [x, y] = [((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / height];
      anchors.push({ x, y, metres: truth[i]! * (1 + noise * gauss), error: NOISE });
    }
    return anchors;
  }
}

function absRel(metres: Float32Array, truth: Float32Array, mask: Uint8Array): number {
  let [error, count] = [0, 0];
  for (let i = 0; i < mask.length; i++)
    if (mask[i] === 1) {
      error += Math.abs(metres[i]! / truth[i]! - 1);
      count++;
    }
  return error / count;
}

/** True depth at the centres of a smaller grid. */
function shrunk(depth: Float32Array, { width, height }: Size): Float32Array {
  return Float32Array.from({ length: width * height }, (_, i) => {
    const [column, row] = [((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / height];
    return depth[Math.floor(row * SIZE.height) * SIZE.width + Math.floor(column * SIZE.width)]!;
  });
}
