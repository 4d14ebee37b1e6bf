import { expect, it } from 'vitest';
import { seeded } from '../../../test/depth-map.ts';
import { DepthWarp, smallPicture } from './warp.ts';

const [WIDTH, HEIGHT] = [160, 120];
const random = seeded(3);
/** Smooth texture, larger than what is shown of it. */
const texture = (() => {
  const cells = Float32Array.from({ length: 80 * 80 }, () => 40 + 175 * random());
  return (x: number, y: number) => {
    const [cx, cy] = [x / 4 + 20, y / 4 + 20];
    const [i, j] = [Math.floor(cx), Math.floor(cy)];
    const at = (a: number, b: number) => cells[(j + b) * 80 + i + a]!;
    const row = (b: number) => at(0, b) + (at(1, b) - at(0, b)) * (cx - i);
    return row(0) + (row(1) - row(0)) * (cy - j);
  };
})();

/** A wall at 5 m that is moved by the camera, and before it a box at 1 m that moves otherwise. */
function view(wall: [number, number], box: [number, number]) {
  const depth = new Float32Array(WIDTH * HEIGHT);
  const rgba = new Uint8ClampedArray(4 * WIDTH * HEIGHT).fill(255);
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++) {
      const inside = Math.abs(x - box[0] - 80) < 24 && Math.abs(y - box[1] - 60) < 24;
      const i = y * WIDTH + x;
      depth[i] = inside ? 1 : 1 / 5;
      rgba.fill(inside ? 255 - texture(x - box[0], y - box[1]) : texture(x - wall[0], y - wall[1]), 4 * i, 4 * i + 3);
    }
  return { depth, small: smallPicture(rgba, WIDTH, HEIGHT, WIDTH) };
}

it('carries depth over to where its objects are now, each with its outline', () => {
  const [before, now] = [view([0, 0], [0, 0]), view([-3, 1], [7, -5])];
  const warp = new DepthWarp();
  const wrong = (values: Float32Array) => values.filter((value, i) => Math.abs(value - now.depth[i]!) > 0.1).length;
  const map = { width: WIDTH, height: HEIGHT, values: before.depth };
  // The box alone is wrong by 48 columns of 5 pixels and 48 rows of 7, at both sides.
  expect(wrong(before.depth)).toBeGreaterThan(900);
  expect(wrong(warp.warp(map, before.small, now.small))).toBeLessThan(0.2 * wrong(before.depth));
  // What did not move stays as it is, bit by bit; and maps may be smaller than the pictures.
  expect(warp.warp(map, now.small, now.small)).toEqual(before.depth);
  const half = { width: WIDTH / 2, height: HEIGHT / 2, values: new Float32Array((WIDTH * HEIGHT) / 4).fill(3) };
  expect(warp.warp(half, before.small, now.small)).toEqual(half.values);
  const other = { ...now.small, width: 80 };
  expect(() => warp.warp(map, before.small, other)).toThrow('differ in size');
});
