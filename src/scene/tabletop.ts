import { bakeLight } from './bake.ts';
import { MeshBuilder } from './builder.ts';
import { lookAt, matrix } from './camera.ts';
import { bookcase, carton, framed, plant, table, vase } from './furniture.ts';
import type { Lighting } from './light.ts';
import { type Kit, makeKit } from './materials.ts';
import { type Material, type Mesh, material } from './mesh.ts';
import { label } from './pictures.ts';
import { blocks, rug } from './surfaces.ts';
import { hex } from './texture.ts';
import type { World } from './world.ts';

const TOP = 0.75;

const LIGHTING: Lighting = {
  sun: [-0.55, 0.62, 0.56],
  sunColour: [0.6, 0.58, 0.55],
  sky: [0.52, 0.51, 0.51],
  ground: [0.38, 0.35, 0.32],
  haze: [0.6, 0.6, 0.6],
  hazeDensity: 0,
};

function mug(b: MeshBuilder, glaze: Material, inside: Material): void {
  b.loft(
    [
      { y: 0, rx: 0.036 },
      { y: 0.01, rx: 0.041 },
      { y: 0.095, rx: 0.042 },
    ],
    glaze,
    20,
    'bottom',
  );
  b.loft(
    [
      { y: 0.078, rx: 0.038 },
      { y: 0.08, rx: 0.038 },
    ],
    inside,
    20,
    'top',
  );
  b.loft(
    [
      { y: 0.095, rx: 0.042 },
      { y: 0.0951, rx: 0.038 },
    ],
    glaze,
    20,
    'none',
  );
  // The inner wall, seen from above: a loft turned inside out.
  b.loft(
    [
      { y: 0.0951, rx: 0.038 },
      { y: 0.08, rx: 0.0379 },
    ],
    glaze,
    20,
    'none',
  );
  for (let i = 0; i < 15; i++) {
    const a = -1.4 + (2.8 * i) / 14;
    b.ball([0.042 + 0.026 * Math.cos(a), 0.05 + 0.03 * Math.sin(a), 0], [0.007, 0.007, 0.006], glaze);
  }
}

function bottle(b: MeshBuilder, glass: Material, paper: Material, cap: Material): void {
  b.loft(
    [
      { y: 0, rx: 0.036 },
      { y: 0.012, rx: 0.039 },
      { y: 0.16, rx: 0.039 },
      { y: 0.2, rx: 0.03 },
      { y: 0.235, rx: 0.015 },
      { y: 0.285, rx: 0.0135 },
    ],
    glass,
    20,
  );
  b.loft(
    [
      { y: 0.05, rx: 0.0396 },
      { y: 0.135, rx: 0.0396 },
    ],
    paper,
    20,
    'none',
  );
  b.loft(
    [
      { y: 0.28, rx: 0.0155 },
      { y: 0.305, rx: 0.0155 },
    ],
    cap,
    14,
  );
}

function bowl(b: MeshBuilder, kit: Kit, glaze: Material): void {
  b.loft(
    [
      { y: 0, rx: 0.05 },
      { y: 0.012, rx: 0.055 },
      { y: 0.04, rx: 0.105 },
      { y: 0.075, rx: 0.13 },
    ],
    glaze,
    24,
    'bottom',
  );
  b.loft(
    [
      { y: 0.055, rx: 0.12 },
      { y: 0.056, rx: 0.12 },
    ],
    kit.shiny('#5d4c3e'),
    24,
    'top',
  );
  const fruit = [
    [-0.045, 0.085, 0.03, 0.042],
    [0.05, 0.085, 0.02, 0.04],
    [0, 0.085, -0.055, 0.042],
    [0.005, 0.14, 0.0, 0.04],
  ] as const;
  for (const [x, y, z, r] of fruit) {
    const colour = kit.random.pick(['#c23b2c', '#d98f2b', '#93b03d', '#c9582f', '#d8b63c']);
    b.ball([x, y, z], [r, r * 0.94, r], kit.shiny(colour, 0.3));
    b.loft(
      [
        { y: y + r * 0.85, rx: 0.002, x, z },
        { y: y + r * 1.2, rx: 0.0015, x: x + 0.004, z },
      ],
      kit.bark,
      5,
    );
  }
}

function background(b: MeshBuilder, kit: Kit): void {
  const wall = kit.paint(kit.random.pick(['#cdd3cf', '#d8ccbb', '#c9ced8']));
  const [x, back, high] = [2.6, -2.3, 2.5];
  b.polygon(
    [
      [-x, 0, back],
      [-x, 0, 2.5],
      [x, 0, 2.5],
      [x, 0, back],
    ],
    kit.floor,
  );
  b.polygon(
    [
      [-x, high, back],
      [-x, 0, back],
      [x, 0, back],
      [x, high, back],
    ],
    wall,
  );
  b.polygon(
    [
      [-x, high, 2.5],
      [-x, 0, 2.5],
      [-x, 0, back],
      [-x, high, back],
    ],
    wall,
  );
  b.polygon(
    [
      [x, high, back],
      [x, 0, back],
      [x, 0, 2.5],
      [x, high, 2.5],
    ],
    wall,
  );
  b.occlude([0, -0.1, 0], [9, 0.2, 9]);
  b.occlude([0, 1.25, back - 0.1], [6, 2.5, 0.2]);
  for (const side of [-1, 1]) b.occlude([side * (x + 0.1), 1.25, 0], [0.2, 2.5, 6]);
  b.box([0, 0.05, back + 0.01], [2 * x, 0.1, 0.02], kit.paint('#f0eee8'));
  b.at([-1.5, 0, back + 0.17], 0, () => bookcase(b, kit, 1.1, 1.9, kit.oak));
  b.at([1.75, 0, back + 0.45], 0, () => plant(b, kit, 1.4, kit.shiny('#c9c2b4', 0.2)));
  b.at([0.4, 1.5, back], 0, () => framed(b, kit, 0.9, 0.6, kit.walnut));
  b.at([0.35, 0, back + 0.25], 0, () => {
    b.box([0, 0.42, 0], [1.3, 0.84, 0.42], kit.walnut);
    vase(b, [0.3, 0.84, 0], 0.32, kit.shiny('#52707a'));
  });
}

/** Everyday things on a kitchen table. */
function stage(kit: Kit): Mesh {
  const b = new MeshBuilder();
  const { random } = kit;
  background(b, kit);
  table(b, 1.5, 0.95, TOP, kit.oak);
  const print = () => material(label(random.integer(9999)), 1);
  b.at([0, TOP, 0], 0, () => {
    const mat = material(rug(random.integer(9999), hex('#39506b'), hex('#d8cbb0'), hex('#a5523f')), 1);
    b.picture([-0.32, 0.002, -0.06], [-0.32, 0.002, 0.3], [0.22, 0.002, 0.3], mat);
    b.at([-0.08, 0.002, 0.1], 0, () => bowl(b, kit, kit.shiny(random.pick(['#e8e2d4', '#3e6d80', '#a9573f']), 0.4)));
    b.at([0.28, 0, 0.16], 0.5, () =>
      mug(b, kit.shiny(random.pick(['#2f6f8f', '#c9533c', '#e9e4d8']), 0.4), kit.shiny('#3a241a', 0.3)),
    );
    b.at([-0.42, 0, -0.05], 0.3, () => carton(b, kit, [0.19, 0.28, 0.07]));
    b.at([-0.3, 0, -0.24], -0.2, () => carton(b, kit, [0.12, 0.19, 0.08]));
    b.at([0.34, 0, -0.12], 0, () =>
      bottle(b, kit.shiny(random.pick(['#2f4a2c', '#5a2f22', '#6f7f86']), 0.7), print(), kit.shiny('#2b2b2e')),
    );
    b.at([0.13, 0, -0.22], 0.4, () => {
      const tin = material(label(random.integer(9999)), 0.13, [1, 1, 1], { gloss: 0.4 });
      b.loft(
        [
          { y: 0, rx: 0.042 },
          { y: 0.115, rx: 0.042 },
        ],
        tin,
        22,
        'none',
      );
      b.loft(
        [
          { y: 0.115, rx: 0.043 },
          { y: 0.12, rx: 0.043 },
        ],
        kit.steel,
        22,
      );
    });
    b.at([0.5, 0, 0.08], -0.35, () => {
      const covers = ['#8c3b32', '#34506b', '#5d7048', '#c7a250'];
      covers.forEach((colour, i) => {
        b.at([0.008 * (i % 2), i * 0.032, 0], 0.12 * Math.sin(i * 2.1), () =>
          b.box([0, 0.015, 0], [0.2 - 0.012 * i, 0.03, 0.27 - 0.014 * i], kit.shiny(colour)),
        );
      });
    });
    b.at([0.1, 0, 0.33], 0, () => {
      const cubes = material(
        blocks(random.integer(9999), [0.85, 0.7, 0.5], [0.5, 0.4, 0.28], 1, 1, { gap: 0.08, vary: 0 }),
        0.05,
      );
      for (const [x, y, z, turn, tint] of [
        [0, 0, 0, 0.3, '#d86a5a'],
        [0.065, 0, 0.01, -0.2, '#6fa0c8'],
        [0.03, 0.05, 0.005, 0.7, '#e2c35a'],
      ] as const)
        b.at([x, y, z], turn, () => b.box([0, 0.025, 0], [0.05, 0.05, 0.05], { ...cubes, tint: hex(tint) }));
    });
  });
  const mesh = b.build();
  bakeLight(
    mesh,
    { ...LIGHTING, sunColour: [0.55, 0.52, 0.48] },
    {
      panels: [{ corner: [-2.5, 1, 1.6], edgeU: [0, 1.3, 0], edgeV: [1.5, 0, 0.6], colour: [5, 4.9, 4.8] }],
      bulbs: [{ position: [0.1, 1.75, 0.1], size: 0.12, colour: [0.42, 0.39, 0.34] }],
      indoors: false,
      reach: 0.35,
      texel: 0.06,
    },
  );
  return mesh;
}

/** The camera swings around a laid table, in 20 s. */
export function tabletop(seed: number): World {
  const mesh = stage(makeKit(seed));
  return {
    lighting: LIGHTING,
    instances: [{ mesh, matrix: matrix() }],
    focal: 0.88,
    still: true,
    tripod: false,
    animate: () => {},
    camera: (time, pose) => {
      const a = (time / 20) * 2 * Math.PI;
      const turn = 0.75 * Math.sin(a);
      const away = 0.98 + 0.1 * Math.cos(2 * a);
      lookAt(
        pose,
        [away * Math.sin(turn), TOP + 0.46 + 0.08 * Math.sin(a + 1), away * Math.cos(turn)],
        [0.02, TOP + 0.08, -0.02],
      );
    },
  };
}
