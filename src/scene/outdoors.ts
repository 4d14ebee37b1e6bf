import { MeshBuilder } from './builder.ts';
import { FACADE, facade, shopfront } from './facades.ts';
import { card } from './furniture.ts';
import type { Kit } from './materials.ts';
import { type Material, type Mesh, material, type Vec3 } from './mesh.ts';
import { hex, scaleColour } from './texture.ts';

// Things of a street. Each stands on y = 0; sizes in metres.

const WALLS = ['#b9705a', '#c9a27c', '#a8886e', '#8f8d86', '#cfc0a2', '#9c5f4e', '#b5b1a6', '#d2b48c'] as const;

/** A terraced house with its front towards +z; its width is a whole number of bays. Returns nothing. */
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

/** A car, its front towards -z. */
export function car(kit: Kit): Mesh {
  const b = new MeshBuilder();
  const { random } = kit;
  const paint = kit.shiny(
    random.pick(['#a32d2a', '#d5d6d4', '#2c3440', '#3d5f86', '#8a8f93', '#e8e6df', '#445a48', '#b98b3a']),
  );
  const long = random.between(4, 4.5);
  const half = 0.86;
  const h = long / 2;
  // The side view as two convex pieces (z, y): body and cabin; the cabin's upper corners lean inward.
  const body = [
    [-h, 0.32],
    [h - 0.05, 0.3],
    [h, 0.75],
    [h - 0.08, 0.92],
    [-h + 0.9, 0.96],
    [-h + 0.1, 0.78],
  ] as const;
  extrude(b, body, half, half, paint);
  const tall = random.between(1.38, 1.55);
  const cabin = [
    [-h + 0.85, 0.92],
    [h - 0.35, 0.9],
    [h - 0.85, tall],
    [-h + 1.75, tall],
  ] as const;
  extrude(b, cabin, half - 0.03, half - 0.2, paint);
  windows(b, kit, cabin, half);
  for (const z of [-h + 0.78, h - 0.78]) for (const side of [-1, 1]) wheel(b, kit, side * (half - 0.1), z, side);
  for (const side of [-1, 1]) {
    b.box([side * 0.62, 0.66, -h + 0.06], [0.34, 0.14, 0.06], kit.glowing('#f4f1e4', 0.95));
    b.box([side * 0.66, 0.74, h - 0.03], [0.3, 0.14, 0.06], kit.glowing('#b3201c', 0.8));
  }
  b.box([0, 0.42, -h], [1.5, 0.16, 0.08], kit.dark);
  b.box([0, 0.42, h - 0.02], [1.5, 0.18, 0.08], kit.dark);
  b.box([0, 0.56, h - 0.005], [0.5, 0.11, 0.02], kit.paint('#e9e6d4'));
  return b.build();
}

type Profile = readonly (readonly [number, number])[];

/** A convex side view (z, y) as a solid between x = -w and w; `top` is the half width of its upper half. */
function extrude(b: MeshBuilder, profile: Profile, low: number, top: number, skin: Material): void {
  const middle = profile.reduce((sum, [, y]) => sum + y, 0) / profile.length;
  const at = ([z, y]: readonly [number, number], side: number): Vec3 => [side * (y > middle ? top : low), y, z];
  b.polygon(
    profile.map((p) => at(p, -1)),
    skin,
  );
  b.polygon(
    [...profile].reverse().map((p) => at(p, 1)),
    skin,
  );
  profile.forEach((p, i) => {
    const q = profile[(i + 1) % profile.length]!;
    b.polygon([at(q, -1), at(p, -1), at(p, 1), at(q, 1)], skin);
  });
}

/** Dark glass a little outside the cabin's sides, front and back. */
function windows(
  b: MeshBuilder,
  kit: Kit,
  [frontLow, backLow, backHigh, frontHigh]: Profile & { 0: readonly [number, number] },
  half: number,
): void {
  const inner = (a: readonly [number, number], c: readonly [number, number], t: number): [number, number] => [
    a[0] + (c[0] - a[0]) * t,
    a[1] + (c[1] - a[1]) * t,
  ];
  const [low, top] = [half - 0.03, half - 0.2];
  const wide = (t: number) => low + (top - low) * t + 0.006;
  const [t0, t1] = [0.14, 0.86];
  const corner = (f: [number, number], t: number, side: number): Vec3 => [side * wide(t), f[1], f[0]];
  for (const side of [-1, 1]) {
    for (const [from, to] of [
      [0.08, 0.5],
      [0.54, 0.92],
    ] as const) {
      const along = (t: number, s: number): Vec3 => {
        const [a, c] = [inner(frontLow!, frontHigh!, t), inner(backLow!, backHigh!, t)];
        return corner([a[0] + (c[0] - a[0]) * s, a[1] + (c[1] - a[1]) * s], t, side);
      };
      const quad = [along(t1, from), along(t0, from), along(t0, to), along(t1, to)];
      b.polygon(side < 0 ? quad : quad.reverse(), kit.glass);
    }
  }
  for (const [bottom, upper, out] of [
    [frontLow!, frontHigh!, -0.012],
    [backLow!, backHigh!, 0.012],
  ] as const) {
    const [p, q] = [inner(bottom, upper, t0), inner(bottom, upper, t1)];
    const [wp, wq] = [wide(t0) - 0.1, wide(t1) - 0.1];
    const quad: Vec3[] = [
      [wq, q[1] + 0.01, q[0] + out],
      [wp, p[1] + 0.01, p[0] + out],
      [-wp, p[1] + 0.01, p[0] + out],
      [-wq, q[1] + 0.01, q[0] + out],
    ];
    b.polygon(out < 0 ? quad : quad.reverse(), kit.glass);
  }
}

function wheel(b: MeshBuilder, kit: Kit, x: number, z: number, side: number): void {
  const [r, wide, n] = [0.32, 0.2, 14];
  const rim = (radius: number, at: number): Vec3[] =>
    Array.from({ length: n }, (_, i): Vec3 => {
      const a = (side * i * 2 * Math.PI) / n;
      return [at, r + radius * Math.cos(a), z - radius * Math.sin(a)];
    });
  const outer = x + (side * wide) / 2;
  const face = rim(r, outer);
  const inside = rim(r, x - (side * wide) / 2);
  b.polygon(face, kit.dark);
  b.polygon(rim(r * 0.62, outer + side * 0.008), kit.steel);
  for (let i = 0; i < n; i++) {
    const j = (i + 1) % n;
    b.polygon([face[j]!, face[i]!, inside[i]!, inside[j]!], kit.dark);
  }
}
