import { bakeLight } from './bake.ts';
import { MeshBuilder } from './builder.ts';
import { bookcase, cabinet, chair, floorLamp, framed, plant, sofa, table, vase } from './furniture.ts';
import type { Lighting, Panel } from './light.ts';
import { type Kit, makeKit } from './materials.ts';
import { type Material, type Mesh, material } from './mesh.ts';
import { view } from './pictures.ts';
import { folds, rug } from './surfaces.ts';
import { type Colour, hex, type Texture } from './texture.ts';

/** Half width and half depth of the floor, and the ceiling's height, in metres. */
const X = 2.7;
const Z = 3.2;
const HIGH = 2.6;
/** The window in the wall at +x: z from, z to, y from, y to. */
const WINDOW = [-1.5, 0.4, 0.85, 2.15] as const;

export const LIGHTING: Lighting = {
  sun: [0.678, 0.719, 0.154],
  sunColour: [0.5, 0.47, 0.42],
  sky: [0.62, 0.61, 0.6],
  ground: [0.46, 0.43, 0.4],
  haze: [0.6, 0.6, 0.62],
  hazeDensity: 0,
};

/** The living room, its light baked. Walls face inward; the camera belongs inside. */
export function livingRoom(seed: number): { mesh: Mesh; kit: Kit } {
  const kit = makeKit(seed);
  const b = new MeshBuilder();
  const wall = kit.paint(kit.random.pick(['#d9d2c2', '#c9d0cc', '#d6c6b4', '#cfd3da']));
  shell(b, kit, wall);
  furnish(b, kit);
  const mesh = b.build();
  const [z0, z1, y0, y1] = WINDOW;
  const window: Panel = {
    corner: [X - 0.02, y0, z0],
    edgeU: [0, 0, z1 - z0],
    edgeV: [0, y1 - y0, 0],
    colour: [8.5, 8.4, 8.3],
  };
  bakeLight(
    mesh,
    { ...LIGHTING, sunColour: [1.5, 1.35, 1.1] },
    {
      panels: [window],
      bulbs: [{ position: [-2.05, 1.5, -2.5], size: 0.1, colour: [0.75, 0.6, 0.4] }],
      indoors: true,
      reach: 0.9,
      texel: 0.11,
    },
  );
  return { mesh, kit };
}

function shell(b: MeshBuilder, kit: Kit, wall: Material): void {
  b.polygon(
    [
      [-X, 0, -Z],
      [-X, 0, Z],
      [X, 0, Z],
      [X, 0, -Z],
    ],
    kit.floor,
  );
  b.polygon(
    [
      [-X, HIGH, -Z],
      [X, HIGH, -Z],
      [X, HIGH, Z],
      [-X, HIGH, Z],
    ],
    kit.paint('#efece4'),
  );
  const upright = (x0: number, z0: number, x1: number, z1: number, y0 = 0, y1 = HIGH) =>
    b.polygon(
      [
        [x0, y1, z0],
        [x0, y0, z0],
        [x1, y0, z1],
        [x1, y1, z1],
      ],
      wall,
    );
  upright(-X, -Z, X, -Z);
  upright(-X, Z, -X, -Z);
  upright(X, Z, -X, Z);
  const [z0, z1, y0, y1] = WINDOW;
  upright(X, -Z, X, z0);
  upright(X, z1, X, Z);
  upright(X, z0, X, z1, 0, y0);
  upright(X, z0, X, z1, y1, HIGH);
  for (const [centre, size] of [
    [
      [0, -0.1, 0],
      [2 * X, 0.2, 2 * Z],
    ],
    [
      [0, HIGH + 0.1, 0],
      [2 * X, 0.2, 2 * Z],
    ],
    [
      [0, HIGH / 2, -Z - 0.1],
      [2 * X, HIGH, 0.2],
    ],
    [
      [0, HIGH / 2, Z + 0.1],
      [2 * X, HIGH, 0.2],
    ],
    [
      [-X - 0.1, HIGH / 2, 0],
      [0.2, HIGH, 2 * Z],
    ],
    [
      [X + 0.1, HIGH / 2, (z0 - Z) / 2],
      [0.2, HIGH, z0 + Z],
    ],
    [
      [X + 0.1, HIGH / 2, (z1 + Z) / 2],
      [0.2, HIGH, Z - z1],
    ],
  ] as const)
    b.occlude(centre, size);
  const white = kit.paint('#f4f2ec');
  skirting(b, white);
  windowFrame(b, kit, white);
}

function skirting(b: MeshBuilder, white: Material): void {
  b.box([0, 0.05, -Z + 0.01], [2 * X, 0.1, 0.02], white);
  b.box([0, 0.05, Z - 0.01], [2 * X, 0.1, 0.02], white);
  b.box([-X + 0.01, 0.05, 0], [0.02, 0.1, 2 * Z], white);
  b.box([X - 0.01, 0.05, 0], [0.02, 0.1, 2 * Z], white);
}

function windowFrame(b: MeshBuilder, kit: Kit, white: Material): void {
  const [z0, z1, y0, y1] = WINDOW;
  const deep = 0.22;
  const x = X + deep;
  // The reveal.
  b.polygon(
    [
      [X, y0, z0],
      [X, y0, z1],
      [x, y0, z1],
      [x, y0, z0],
    ],
    white,
  );
  b.polygon(
    [
      [X, y1, z0],
      [x, y1, z0],
      [x, y1, z1],
      [X, y1, z1],
    ],
    white,
  );
  b.polygon(
    [
      [X, y1, z0],
      [X, y0, z0],
      [x, y0, z0],
      [x, y1, z0],
    ],
    white,
  );
  b.polygon(
    [
      [x, y1, z1],
      [x, y0, z1],
      [X, y0, z1],
      [X, y1, z1],
    ],
    white,
  );
  const bar = (cy: number, cz: number, sy: number, sz: number) => b.box([x - 0.04, cy, cz], [0.05, sy, sz], white);
  const [cy, cz] = [(y0 + y1) / 2, (z0 + z1) / 2];
  bar(y0 + 0.03, cz, 0.06, z1 - z0);
  bar(y1 - 0.03, cz, 0.06, z1 - z0);
  for (const z of [z0 + 0.03, cz, z1 - 0.03]) bar(cy, z, y1 - y0, 0.06);
  b.box([X - 0.06, y0 - 0.02, cz], [0.22, 0.04, z1 - z0 + 0.2], white);
  const far = 18;
  const outside = material(view(kit.random.integer(9999)), 1, [1, 1, 1], { glow: 1.25 });
  b.picture([X + far, 9, -17], [X + far, -7, -17], [X + far, -7, 17], outside);
  curtains(b, kit.random.pick(['#b7a58a', '#7f8f96', '#a87b6a']), folds(kit.random.integer(9999)));
}

function curtains(b: MeshBuilder, colour: string, texture: Texture): void {
  const [z0, z1] = WINDOW;
  const tint: Colour = hex(colour);
  const hang = material(texture, 0.7, [tint[0] * 1.25, tint[1] * 1.25, tint[2] * 1.25]);
  for (const [z, wide] of [
    [z0 - 0.16, 0.5],
    [z1 + 0.16, 0.5],
  ] as const)
    b.box([X - 0.1, 1.22, z], [0.09, 2.3, wide], hang);
  b.box([X - 0.1, 2.4, (z0 + z1) / 2], [0.03, 0.03, z1 - z0 + 1.1], material(texture, 0.4, hex('#6b5138')));
}

function furnish(b: MeshBuilder, kit: Kit): void {
  const { random } = kit;
  const cover = kit.fabric(random.pick(['#5d6f7b', '#7c6a58', '#6f7a5c', '#8a5a50']));
  const cushion = kit.fabric(random.pick(['#c98f4a', '#b9c0b2', '#a84f3e', '#d6c08e']));
  b.at([-1.75, 0, -0.2], Math.PI / 2, () => sofa(b, 1.9, cover, cushion, kit.walnut));
  const carpet = rug(random.integer(9999), hex('#7d3a33'), hex('#c8b48c'), hex('#2f4257'));
  const woven = material(carpet, 1);
  b.box([-0.45, 0.006, -0.2], [1.7, 0.012, 2.3], kit.fabric('#5a3a34'), 'top bottom');
  b.picture([-1.3, 0.0121, -1.35], [-1.3, 0.0121, 0.95], [0.4, 0.0121, 0.95], woven);
  b.at([-0.45, 0, -0.2], 0, () => {
    table(b, 0.6, 1.05, 0.42, kit.oak);
    vase(b, [0.02, 0.42, -0.25], 0.26, kit.shiny(random.pick(['#3f6f86', '#c46a45', '#e6dfcf'])));
    b.box([0.05, 0.435, 0.2], [0.24, 0.03, 0.32], kit.shiny('#8c3b32', 0.1));
    b.box([0.04, 0.462, 0.19], [0.2, 0.025, 0.28], kit.shiny('#3d5566', 0.1));
  });
  b.at([-0.1, 0, -Z + 0.26], 0, () => cabinet(b, kit, 1.7, 0.46, kit.oak, true));
  b.at([-1.75, 0, -Z + 0.17], 0, () => bookcase(b, kit, 0.95, 1.95, kit.walnut));
  b.at([-2.3, 0, -2.25], 0, () => floorLamp(b, kit, kit.glowing('#f0e2c4', 1.15)));
  b.at([1.35, 0, -2.75], 0, () => plant(b, kit, 1.35, kit.shiny('#b9674a', 0.2)));
  b.at([2.3, 0, -2.5], -0.6, () => bookcase(b, kit, 0.7, 1.1, kit.oak, 3));
  dining(b, kit);
  b.at([-X, 1.6, -0.3], Math.PI / 2, () => framed(b, kit, 0.9, 0.6, kit.walnut));
  b.at([-X, 1.55, 1.1], Math.PI / 2, () => framed(b, kit, 0.45, 0.6, kit.dark));
  b.at([0.9, 1.65, -Z], 0, () => framed(b, kit, 0.5, 0.7, kit.oak));
  b.at([0, 0, Z], Math.PI, () => door(b, kit));
}

function dining(b: MeshBuilder, kit: Kit): void {
  const seat = kit.fabric('#9a8f7c');
  b.at([1.55, 0, 0.75], 0.05, () => {
    table(b, 0.95, 1.3, 0.74, kit.walnut);
    vase(b, [0.1, 0.74, 0.1], 0.2, kit.shiny('#dcd5c4'));
    b.loft(
      [
        { y: 0.74, rx: 0.1 },
        { y: 0.8, rx: 0.17 },
        { y: 0.815, rx: 0.175 },
      ],
      kit.shiny('#4f7a6a'),
      18,
    );
    for (const [x, z] of [
      [-0.03, 0.02],
      [0.06, -0.03],
      [0.02, 0.07],
    ] as const)
      b.ball([x, 0.85, z], [0.045, 0.043, 0.045], kit.shiny(kit.random.pick(['#c8402f', '#d9962f', '#8fae3f']), 0.35));
  });
  b.at([0.85, 0, 0.45], Math.PI / 2 + 0.15, () => chair(b, kit.walnut, seat));
  b.at([0.8, 0, 1.1], Math.PI / 2 - 0.35, () => chair(b, kit.walnut, seat));
  b.at([1.6, 0, -0.2], 0.1, () => chair(b, kit.walnut, seat));
}

function door(b: MeshBuilder, kit: Kit): void {
  const white = kit.paint('#ece7db');
  b.box([0.4, 1.02, 0.02], [0.9, 2.04, 0.04], white);
  for (const y of [0.55, 1.5]) b.box([0.4, y, 0.045], [0.62, 0.75, 0.02], white);
  b.ball([0.74, 1.0, 0.08], [0.035, 0.035, 0.04], kit.steel);
}
