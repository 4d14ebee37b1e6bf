import type { MeshBuilder } from './builder.ts';
import { FACADE, facade, shopfront } from './facades.ts';
import { card } from './furniture.ts';
import type { Kit } from './materials.ts';
import { material, type Vec3 } from './mesh.ts';
import { hex, scaleColour } from './texture.ts';

// Things of a street. Each stands on y = 0; sizes in metres.

const WALLS = ['#b9705a', '#c9a27c', '#a8886e', '#8f8d86', '#cfc0a2', '#9c5f4e', '#b5b1a6', '#d2b48c'] as const;

/** A terraced house with its front towards +z; its width is a whole number of bays. */
export function house(b: MeshBuilder, kit: Kit, bays: number, storeys: number, deep: number): void {
  const { random } = kit;
  const wide = bays * FACADE.bay;
  const ground = 3.6;
  const high = ground + storeys * FACADE.storey;
  const wall = hex(random.pick(WALLS));
  const skin = material(facade(random.integer(9999), wall, random.next() < 0.5), 1);
  const plain = kit.paint(scaleColour(wall, 0.9));
  const [x, z] = [wide / 2, deep / 2];
  const u = bays / FACADE.bays;
  const v = storeys / FACADE.storeys;
  const front = (y0: number, y1: number): Vec3[] => [
    [-x, y1, z],
    [-x, y0, z],
    [x, y0, z],
    [x, y1, z],
  ];
  b.polygon(front(ground, high), skin, [
    [0, 0],
    [0, v],
    [u, v],
    [u, 0],
  ]);
  const sides: Vec3[][] = [
    [
      [x, high, z],
      [x, 0, z],
      [x, 0, -z],
      [x, high, -z],
    ],
    [
      [-x, high, -z],
      [-x, 0, -z],
      [-x, 0, z],
      [-x, high, z],
    ],
  ];
  for (const side of sides) b.polygon(side, plain);
  b.polygon(
    [
      [-x, high, -z],
      [-x, high, z],
      [x, high, z],
      [x, high, -z],
    ],
    kit.paint('#6f6a66'),
  );
  b.occlude([0, high / 2, 0], [wide, high, deep]);
  const shop = material(shopfront(random.integer(9999), wall), 1);
  const units = Math.max(1, Math.round(wide / 5));
  const ends = Array.from({ length: units + 1 }, (_, i) => -x + (wide * i) / units);
  for (let i = 0; i < units; i++) b.picture([ends[i]!, ground, z], [ends[i]!, 0, z], [ends[i + 1]!, 0, z], shop);
  const stone = kit.paint(scaleColour(wall, 1.15));
  b.box([0, ground + 0.02, z + 0.08], [wide, 0.3, 0.2], stone, 'back');
  b.box([0, high - 0.15, z + 0.18], [wide, 0.5, 0.4], stone, 'back');
  if (random.next() < 0.6) awning(b, kit, wide * random.between(0.4, 0.8), ground - 0.45, z);
  if (random.next() < 0.5) balconies(b, kit, bays, storeys, ground, z);
  if (random.next() < 0.6)
    b.box([random.between(-0.3, 0.3) * wide, high + 0.7, -z * 0.3], [0.9, 1.6, 0.9], plain, 'bottom');
}

function awning(b: MeshBuilder, kit: Kit, wide: number, y: number, z: number): void {
  const canvas = kit.fabric(kit.random.pick(['#8c3a33', '#3f6a55', '#3a5680', '#c2a35a']));
  const [x, out] = [wide / 2, 1.2];
  b.polygon(
    [
      [-x, y, z],
      [-x, y - 0.5, z + out],
      [x, y - 0.5, z + out],
      [x, y, z],
    ],
    canvas,
  );
  b.polygon(
    [
      [x, y, z],
      [x, y - 0.5, z + out],
      [-x, y - 0.5, z + out],
      [-x, y, z],
    ],
    canvas,
  );
  b.polygon(
    [
      [-x, y - 0.5, z + out],
      [-x, y - 0.72, z + out],
      [x, y - 0.72, z + out],
      [x, y - 0.5, z + out],
    ],
    canvas,
  );
  b.occlude([0, y - 0.25, z + out / 2], [wide, 0.1, out]);
}

function balconies(b: MeshBuilder, kit: Kit, bays: number, storeys: number, ground: number, z: number): void {
  const column = kit.random.integer(bays);
  const x = (column + 0.5 - bays / 2) * FACADE.bay;
  for (let row = 0; row < storeys; row++) {
    const y = ground + row * FACADE.storey + 0.45;
    b.box([x, y, z + 0.45], [2, 0.14, 0.9], kit.paint('#cfc9bd'), 'back');
    b.box([x, y + 0.95, z + 0.87], [2, 0.06, 0.05], kit.dark);
    for (let i = 0; i <= 8; i++)
      b.box([x - 0.97 + (1.94 * i) / 8, y + 0.5, z + 0.87], [0.03, 0.9, 0.03], kit.dark, 'top bottom');
  }
}

/** A tree with a crown of leaf cards. */
export function tree(b: MeshBuilder, kit: Kit, high: number): void {
  const { random } = kit;
  const trunk = high * 0.36;
  b.loft(
    [
      { y: 0, rx: 0.19 },
      { y: 0.3, rx: 0.14 },
      { y: trunk, rx: 0.11 },
      { y: high * 0.7, rx: 0.05 },
    ],
    kit.bark,
    9,
    'none',
  );
  const foliage = kit.foliage(random.integer(3));
  const crown = high - trunk * 0.8;
  const middle = trunk * 0.8 + crown / 2;
  const count = 16;
  for (let i = 0; i < count; i++) {
    const up = (i + 0.5) / count - 0.5;
    const round = Math.sqrt(1 - 4 * up * up * 0.8);
    const angle = i * 2.4 + random.between(-0.4, 0.4);
    const out = crown * 0.2 * round * random.between(0.5, 1.1);
    const size = crown * random.between(0.48, 0.62) * (0.6 + 0.4 * round);
    card(
      b,
      [out * Math.sin(angle), middle + up * crown * 0.72, out * Math.cos(angle)],
      size,
      angle * 1.7,
      random.between(-0.7, 0.7),
      foliage,
    );
  }
  b.occlude([0, middle, 0], [crown * 0.7, crown * 0.8, crown * 0.7], true);
}

export function streetLamp(b: MeshBuilder, kit: Kit): void {
  b.loft(
    [
      { y: 0, rx: 0.11 },
      { y: 0.8, rx: 0.09 },
      { y: 0.85, rx: 0.06 },
      { y: 5.2, rx: 0.045 },
    ],
    kit.dark,
    8,
    'none',
  );
  b.box([0, 5.2, 0.55], [0.07, 0.07, 1.2], kit.dark);
  b.box([0, 5.14, 1.05], [0.22, 0.1, 0.5], kit.paint('#d9d6cc'));
}
