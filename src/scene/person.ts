import { bakeLight } from './bake.ts';
import { MeshBuilder } from './builder.ts';
import { lookAt, matrix } from './camera.ts';
import { Figure, type Pose, STANDING } from './figure.ts';
import { bookcase, cabinet, chair, floorLamp, framed, plant, table, vase } from './furniture.ts';
import type { Lighting } from './light.ts';
import { type Kit, makeKit } from './materials.ts';
import type { Mesh } from './mesh.ts';
import type { World } from './world.ts';

const LIGHTING: Lighting = {
  sun: [-0.55, 0.5, 0.67],
  sunColour: [0.62, 0.6, 0.58],
  sky: [0.5, 0.49, 0.5],
  ground: [0.34, 0.31, 0.29],
  haze: [0.6, 0.6, 0.62],
  hazeDensity: 0,
};

/** The wall behind, the side walls, the ceiling. */
const BACK = -3.1;
const SIDE = 2.3;
const HIGH = 2.5;

/** A study as a webcam sees it. */
function study(kit: Kit): Mesh {
  const b = new MeshBuilder();
  const wall = kit.paint(kit.random.pick(['#cfd6d4', '#d8cfbf', '#c6cdd6', '#d9d4cc']));
  b.polygon(
    [
      [-SIDE, 0, BACK],
      [-SIDE, 0, 2],
      [SIDE, 0, 2],
      [SIDE, 0, BACK],
    ],
    kit.floor,
  );
  b.polygon(
    [
      [-SIDE, HIGH, BACK],
      [SIDE, HIGH, BACK],
      [SIDE, HIGH, 2],
      [-SIDE, HIGH, 2],
    ],
    kit.paint('#efede8'),
  );
  b.polygon(
    [
      [-SIDE, HIGH, BACK],
      [-SIDE, 0, BACK],
      [SIDE, 0, BACK],
      [SIDE, HIGH, BACK],
    ],
    wall,
  );
  b.polygon(
    [
      [-SIDE, HIGH, 2],
      [-SIDE, 0, 2],
      [-SIDE, 0, BACK],
      [-SIDE, HIGH, BACK],
    ],
    wall,
  );
  b.polygon(
    [
      [SIDE, HIGH, BACK],
      [SIDE, 0, BACK],
      [SIDE, 0, 2],
      [SIDE, HIGH, 2],
    ],
    wall,
  );
  b.occlude([0, -0.1, 0], [9, 0.2, 9]);
  b.occlude([0, 1.25, BACK - 0.1], [5, 2.5, 0.2]);
  for (const side of [-1, 1]) b.occlude([side * (SIDE + 0.1), 1.25, 0], [0.2, 2.5, 7]);
  const white = kit.paint('#f2f0ea');
  b.box([0, 0.05, BACK + 0.01], [2 * SIDE, 0.1, 0.02], white);
  for (const side of [-1, 1]) b.box([side * (SIDE - 0.01), 0.05, 0], [0.02, 0.1, 6.2], white);
  b.at([-1.35, 0, BACK + 0.17], 0, () => bookcase(b, kit, 1.2, 2.05, kit.oak));
  b.at([0.55, 1.6, BACK], 0, () => framed(b, kit, 0.8, 0.55, kit.walnut));
  b.at([0.55, 0, BACK + 0.24], 0, () => {
    cabinet(b, kit, 1.1, 0.75, kit.walnut);
    vase(b, [-0.3, 0.79, 0], 0.3, kit.shiny('#3f6f86'));
    b.box([0.2, 0.9, 0], [0.3, 0.22, 0.2], kit.fabric('#b9b0a0'));
  });
  b.at([1.75, 0, BACK + 0.6], 0, () => plant(b, kit, 1.5, kit.shiny('#d8d2c6', 0.2)));
  b.at([-2.0, 0, -1.7], 0, () => floorLamp(b, kit, kit.glowing('#f4e6c8', 1.1)));
  b.at([1.7, 0, -1.2], -Math.PI / 2, () => {
    table(b, 1.2, 0.6, 0.74, kit.oak);
    b.box([0.25, 0.8, 0], [0.22, 0.12, 0.3], kit.fabric('#7a4a40'));
  });
  b.at([1.1, 0, -1.3], 1.9, () => chair(b, kit.walnut, kit.fabric('#8a8f86')));
  b.at([-SIDE, 1.5, -1.2], Math.PI / 2, () => framed(b, kit, 0.5, 0.7, kit.dark));
  const mesh = b.build();
  bakeLight(
    mesh,
    { ...LIGHTING, sunColour: [0.25, 0.25, 0.25] },
    {
      panels: [{ corner: [-1.6, 1.2, 1.9], edgeU: [0, 1.2, 0], edgeV: [1.8, 0, 0], colour: [4.2, 4.1, 4.1] }],
      bulbs: [
        { position: [-1.75, 1.5, -1.45], size: 0.1, colour: [0.9, 0.72, 0.5] },
        { position: [0.3, 2.35, -1.2], size: 0.15, colour: [1.1, 1.05, 0.95] },
      ],
      indoors: true,
      reach: 0.8,
      texel: 0.1,
    },
  );
  return mesh;
}

/** Someone who talks to a webcam, swaying and gesturing; the camera trembles as on a desk. */
export function person(seed: number): World {
  const kit = makeKit(seed);
  const mesh = study(kit);
  const figure = new Figure(kit, 16);
  return {
    lighting: LIGHTING,
    instances: [{ mesh, matrix: matrix() }, ...figure.instances],
    focal: 0.86,
    still: false,
    tripod: true,
    animate: (time) => figure.pose(talking(time)),
    camera: (_, pose) => {
      lookAt(pose, [0, 1.5, 0.88], [0.02, 1.43, -1]);
    },
  };
}

/** Slow sway, a nodding head, and arms that take turns to rise before the chest. */
function talking(t: number): Pose {
  const wave = (rate: number, phase = 0) => Math.sin(rate * t + phase);
  const raise = (phase: number) => 0.5 + 0.5 * Math.sin(0.9 * t + phase);
  const arm = (phase: number) => ({
    forward: 0.25 + 0.55 * raise(phase),
    side: 0.22 + 0.18 * raise(phase),
    bend: 1.1 + 0.9 * raise(phase) + 0.12 * wave(5.1, phase),
    inward: 0.25 + 0.2 * wave(1.7, phase),
  });
  return {
    ...STANDING,
    x: 0.05 * wave(0.6),
    z: -0.12 + 0.05 * wave(0.43, 1),
    turn: 0.14 * wave(0.5),
    lean: 0.05 + 0.03 * wave(0.7, 2),
    nod: 0.05 + 0.07 * wave(1.9),
    look: 0.22 * wave(0.8, 0.5),
    arms: [arm(0), arm(2.4)],
  };
}
