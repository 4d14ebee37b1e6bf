import { mat4 } from 'gl-matrix';
import { bakeLight } from './bake.ts';
import { MeshBuilder } from './builder.ts';
import { lookAt, matrix } from './camera.ts';
import type { Lighting, Panel } from './light.ts';
import { type Kit, makeKit } from './materials.ts';
import { type Mesh, material } from './mesh.ts';
import { view } from './pictures.ts';
import { blocks, marble } from './surfaces.ts';
import { hex } from './texture.ts';
import type { World } from './world.ts';

/** One bay: from column to column, and how many there are. */
const BAY = 3.6;
const BAYS = 12;
/** Distance of columns and walls from the middle, height of the ceiling. */
const COLUMN = 2.1;
const WALL = 3.7;
const HIGH = 4.4;

const LIGHTING: Lighting = {
  sun: [0.62, 0.66, 0.42],
  sunColour: [0.5, 0.48, 0.44],
  sky: [0.58, 0.58, 0.6],
  ground: [0.46, 0.44, 0.42],
  haze: [0.78, 0.79, 0.8],
  hazeDensity: 0.012,
};

/** A bay between z = 0 and z = -BAY with its half columns shared by the neighbours: columns stand at z = -BAY/2. */
function bay(kit: Kit): Mesh {
  const b = new MeshBuilder();
  const seed = kit.random.integer(9999);
  const stone = material(marble(seed, [0.86, 0.83, 0.78], [0.5, 0.46, 0.42]), 1.6);
  const tiles = material(
    blocks(seed + 1, hex('#b9ab94'), hex('#6f675c'), 4, 4, { bond: false, gap: 0.006, vary: 0.35 }),
    3.6,
  );
  const wall = kit.paint(kit.random.pick(['#d8cdb8', '#cfd2cf', '#d9c9b9']));
  const ceiling = kit.paint('#e9e4d8');
  b.polygon(
    [
      [-WALL, 0, -BAY],
      [-WALL, 0, 0],
      [WALL, 0, 0],
      [WALL, 0, -BAY],
    ],
    tiles,
  );
  b.polygon(
    [
      [-WALL, HIGH, 0],
      [-WALL, HIGH, -BAY],
      [WALL, HIGH, -BAY],
      [WALL, HIGH, 0],
    ],
    ceiling,
  );
  b.box([0, HIGH - 0.16, -BAY / 2], [2 * WALL, 0.32, 0.42], ceiling, 'left right');
  for (const side of [-1, 1]) {
    b.box([side * COLUMN, HIGH - 0.2, -BAY / 2], [0.46, 0.4, BAY], ceiling, 'front back');
    b.at([side * COLUMN, 0, -BAY / 2], 0, () => column(b, stone));
    b.occlude([side * COLUMN, 2, BAY / 2], [0.5, 4, 0.5]);
    b.occlude([side * COLUMN, 2, -BAY * 1.5], [0.5, 4, 0.5]);
  }
  b.occlude([0, -0.1, 0], [20, 0.2, 20]);
  b.occlude([0, HIGH + 0.1, 0], [20, 0.2, 20]);
  leftWall(b, kit, wall, stone);
  const windows = [BAY, 0, -BAY].map((z): Panel => rightWall(b, kit, wall, stone, z));
  const mesh = b.build();
  bakeLight(
    mesh,
    { ...LIGHTING, sunColour: [1.5, 1.4, 1.2] },
    {
      panels: windows,
      bulbs: [BAY, 0, -BAY].map((z) => ({ position: [0, 3.6, z - BAY / 2], size: 0.15, colour: [1.1, 1, 0.85] })),
      indoors: true,
      reach: 1.2,
      texel: 0.15,
    },
  );
  return mesh;
}

function column(b: MeshBuilder, stone: ReturnType<typeof material>): void {
  b.box([0, 0.09, 0], [0.64, 0.18, 0.64], stone, 'bottom');
  b.loft(
    [
      { y: 0.18, rx: 0.29 },
      { y: 0.26, rx: 0.29 },
      { y: 0.32, rx: 0.25 },
    ],
    stone,
    20,
    'none',
  );
  b.loft(
    [
      { y: 0.3, rx: 0.24 },
      { y: 1.6, rx: 0.235 },
      { y: HIGH - 0.75, rx: 0.2 },
    ],
    stone,
    20,
    'none',
  );
  b.loft(
    [
      { y: HIGH - 0.8, rx: 0.21 },
      { y: HIGH - 0.62, rx: 0.3 },
    ],
    stone,
    20,
    'none',
  );
  b.box([0, HIGH - 0.51, 0], [0.64, 0.22, 0.64], stone);
}

/** A wall with a niche, a bench and a picture-like panel. */
function leftWall(
  b: MeshBuilder,
  kit: Kit,
  wall: ReturnType<typeof material>,
  stone: ReturnType<typeof material>,
): void {
  b.polygon(
    [
      [-WALL, HIGH, 0],
      [-WALL, 0, 0],
      [-WALL, 0, -BAY],
      [-WALL, HIGH, -BAY],
    ],
    wall,
  );
  b.occlude([-WALL - 0.1, HIGH / 2, 0], [0.2, HIGH, 20]);
  b.box([-WALL + 0.03, 0.12, -BAY / 2], [0.06, 0.24, BAY], stone, 'front back');
  b.box([-WALL + 0.015, 1.15, -BAY / 2], [0.03, 0.06, BAY], stone, 'front back');
  b.at([-WALL, 0, -BAY / 2], Math.PI / 2, () => {
    b.box([0, 2, 0.03], [1.5, 1.1, 0.06], kit.walnut);
    b.box([0, 2, 0.065], [1.36, 0.96, 0.02], kit.fabric('#7a3b35'));
    b.box([0, 0.44, 0.36], [1.5, 0.07, 0.4], kit.walnut);
    for (const x of [-0.6, 0.6]) b.box([x, 0.2, 0.36], [0.08, 0.4, 0.34], kit.walnut);
  });
}

/** A wall with a tall window, in the bay that starts at `z`; only the first one is drawn, all shine. */
function rightWall(
  b: MeshBuilder,
  kit: Kit,
  wall: ReturnType<typeof material>,
  stone: ReturnType<typeof material>,
  z: number,
): Panel {
  const [near, far] = [z - BAY / 2 + 0.75, z - BAY / 2 - 0.75];
  const [low, high] = [1, 3.5];
  const panel: Panel = {
    corner: [WALL - 0.03, low, far],
    edgeU: [0, 0, near - far],
    edgeV: [0, high - low, 0],
    colour: [5, 5, 5.1],
  };
  if (z !== 0) return panel;
  const upright = (z0: number, z1: number, y0: number, y1: number) =>
    b.polygon(
      [
        [WALL, y1, z0],
        [WALL, y0, z0],
        [WALL, y0, z1],
        [WALL, y1, z1],
      ],
      wall,
    );
  upright(-BAY, far, 0, HIGH);
  upright(near, 0, 0, HIGH);
  upright(far, near, 0, low);
  upright(far, near, high, HIGH);
  const deep = WALL + 0.25;
  b.polygon(
    [
      [WALL, low, far],
      [WALL, low, near],
      [deep, low, near],
      [deep, low, far],
    ],
    stone,
  );
  b.polygon(
    [
      [WALL, high, far],
      [WALL, low, far],
      [deep, low, far],
      [deep, high, far],
    ],
    stone,
  );
  b.polygon(
    [
      [deep, high, near],
      [deep, low, near],
      [WALL, low, near],
      [WALL, high, near],
    ],
    stone,
  );
  b.polygon(
    [
      [WALL, high, near],
      [WALL, high, far],
      [deep, high, far],
      [deep, high, near],
    ],
    stone,
  );
  const outside = material(view(kit.random.integer(9999)), 1, [1, 1, 1], { glow: 1.25 });
  const away = 12;
  b.picture([WALL + away, 7, far - 6], [WALL + away, -4, far - 6], [WALL + away, -4, near + 6], outside);
  for (const y of [low + 0.03, (low + high) / 2, high - 0.03])
    b.box([deep - 0.05, y, -BAY / 2], [0.05, 0.06, 1.5], kit.dark);
  for (const dz of [-0.72, 0, 0.72])
    b.box([deep - 0.05, (low + high) / 2, -BAY / 2 + dz], [0.05, high - low, 0.06], kit.dark);
  b.box([WALL - 0.03, 0.12, -BAY / 2], [0.06, 0.24, BAY], stone, 'front back');
  b.occlude([WALL + 0.1, HIGH / 2, -BAY + 0.2], [0.2, HIGH, 1.7]);
  return panel;
}

/** The wall at the end, with a door and a round window. */
function end(kit: Kit): Mesh {
  const b = new MeshBuilder();
  const wall = kit.paint('#d5c9b4');
  b.polygon(
    [
      [-WALL, HIGH, 0],
      [-WALL, 0, 0],
      [WALL, 0, 0],
      [WALL, HIGH, 0],
    ],
    wall,
  );
  b.box([0, 1.25, 0.03], [1.9, 2.5, 0.06], kit.walnut);
  for (const x of [-0.46, 0.46]) b.box([x, 1.2, 0.07], [0.8, 2.2, 0.05], kit.oak);
  for (const side of [-1, 1]) b.box([side * 2.1, 1.7, 0.05], [1.1, 1.5, 0.08], kit.dark);
  const mesh = b.build();
  const bulbs = [{ position: [0, 3.4, 2] as const, size: 0.2, colour: [5, 4.7, 4.2] as const }];
  bakeLight(mesh, LIGHTING, { bulbs, indoors: true, reach: 1, texel: 0.25 });
  return mesh;
}

/** A colonnade; the camera glides down its middle and back, in 48 s. */
export function hall(seed: number): World {
  const kit = makeKit(seed);
  const mesh = bay(kit);
  const instances = Array.from({ length: BAYS }, (_, k) => {
    const m = matrix();
    return { mesh, matrix: mat4.fromTranslation(m, [0, 0, BAY * (1 - k)]) };
  });
  const far = BAY * (1 - BAYS);
  instances.push({ mesh: end(kit), matrix: mat4.fromTranslation(matrix(), [0, 0, far]) });
  return {
    lighting: LIGHTING,
    instances,
    focal: 0.78,
    still: true,
    tripod: false,
    animate: () => {},
    camera: (time, pose) => {
      const a = (time / 48) * 2 * Math.PI;
      const z = 0.4 + (far * 0.6 * (Math.cos(a) - 1)) / -2;
      const x = 0.5 * Math.sin(2.6 * a);
      const y = 1.6 + 0.04 * Math.sin(9 * a);
      lookAt(pose, [x, y, z], [0.8 * Math.sin(1.7 * a), 1.6, z - 6], 0.01 * Math.sin(4 * a));
    },
  };
}
