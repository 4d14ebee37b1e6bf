import { DepthWarp, smallPicture } from '../client/sdk/warp/warp.ts';
import { createScene } from '../src/scene/scene.ts';
import { printTable } from '../test/support/load/table.ts';

/** Of the pictures that motion is found in: a pixel is a pixel of the map. */
const SMALL_WIDTH = 256;
const SCENES = ['person', 'room', 'room-static', 'street', 'hall', 'tabletop'];
const [WIDTH, HEIGHT] = [640, 480];
/** Of the depth maps, as the embedded network makes them. */
const [MAP_WIDTH, MAP_HEIGHT] = [256, 192];
const AGES_MS = [60, 120];
const MOMENTS = 24;
/** A boundary: neighbours whose depths differ by more than this ratio. Its band: pixels at most this far away. */
const EDGE_RATIO = 1.15;
const BAND = 4;
/** A value is wrong that is off by more than this ratio. */
const WRONG_RATIO = 1.1;

/**
 * What carrying depth over to the newest picture gains over holding it, on synthetic scenes with true depth: of the pixels
 * near the newest frame's boundaries, the share whose depth is off by more than a tenth.
 */
export function benchWarp(scenes = SCENES): void {
  const rows: (string | number)[][] = [];
  const totals = AGES_MS.map(() => ({ held: 0, carried: 0 }));
  for (const name of scenes) {
    const scene = createScene(name, { width: WIDTH, height: HEIGHT });
    const row: (string | number)[] = [name];
    let cost = 0;
    AGES_MS.forEach((age, a) => {
      const warp = new DepthWarp();
      let [held, carried, pixels] = [0, 0, 0];
      for (let k = 0; k < MOMENTS; k++) {
        const time = 0.4 + 0.61 * k;
        const before = scene.render(time - age / 1000);
        const [older, oldDepth] = [smallPicture(before.rgba, WIDTH, HEIGHT, SMALL_WIDTH), mapOf(before.depth)];
        const now = scene.render(time);
        const [newer, truth] = [smallPicture(now.rgba, WIDTH, HEIGHT, SMALL_WIDTH), mapOf(now.depth)];
        const began = cpu();
        const values = warp.warp({ width: MAP_WIDTH, height: MAP_HEIGHT, values: oldDepth }, older, newer);
        cost += cpu() - began;
        const band = boundaryBand(truth);
        for (let i = 0; i < band.length; i++) {
          if (!band[i]) continue;
          pixels++;
          if (isWrong(oldDepth[i]!, truth[i]!)) held++;
          if (isWrong(values[i]!, truth[i]!)) carried++;
        }
      }
      row.push((100 * held) / pixels, (100 * carried) / pixels, carried / held);
      totals[a]!.held += held / pixels;
      totals[a]!.carried += carried / pixels;
    });
    row.push(cost / (MOMENTS * AGES_MS.length));
    rows.push(row);
  }
  rows.push([
    'all',
    ...totals.flatMap(({ held, carried }) => [
      (100 * held) / scenes.length,
      (100 * carried) / scenes.length,
      carried / held,
    ]),
    '',
  ]);
  const head = ['scene', ...AGES_MS.flatMap((age) => [`held ${age} ms %`, 'carried %', 'ratio']), 'ms a frame'];
  printTable('warp: wrong pixels near boundaries, depth held or carried to the newest picture', head, rows);
}

/** True disparity of a map's size: the pixel in the middle of each area. */
function mapOf(depth: Float32Array): Float32Array {
  const map = new Float32Array(MAP_WIDTH * MAP_HEIGHT);
  for (let y = 0; y < MAP_HEIGHT; y++)
    for (let x = 0; x < MAP_WIDTH; x++) {
      const row = Math.floor(((y + 0.5) * HEIGHT) / MAP_HEIGHT);
      map[y * MAP_WIDTH + x] = 1 / depth[row * WIDTH + Math.floor(((x + 0.5) * WIDTH) / MAP_WIDTH)]!;
    }
  return map;
}

/** Milliseconds of this process's processor time: a busy machine does not count. */
const cpu = (): number => process.cpuUsage().user / 1000;

const isWrong = (value: number, truth: number): boolean =>
  Math.max(value, truth) > WRONG_RATIO * Math.min(value, truth) + 1e-3;

function boundaryBand(map: Float32Array): Uint8Array {
  const band = new Uint8Array(map.length);
  const differ = (a: number, b: number) => Math.max(a, b) > EDGE_RATIO * Math.min(a, b) + 1e-3;
  for (let y = 0; y < MAP_HEIGHT - 1; y++)
    for (let x = 0; x < MAP_WIDTH - 1; x++) {
      const i = y * MAP_WIDTH + x;
      if (!differ(map[i]!, map[i + 1]!) && !differ(map[i]!, map[i + MAP_WIDTH]!)) continue;
      for (let v = Math.max(0, y - BAND); v <= Math.min(MAP_HEIGHT - 1, y + BAND); v++)
        band.fill(1, v * MAP_WIDTH + Math.max(0, x - BAND), v * MAP_WIDTH + Math.min(MAP_WIDTH, x + BAND + 1));
    }
  return band;
}
