import { MeshBuilder } from './builder.ts';
import type { Kit } from './materials.ts';
import type { Material, Mesh, Vec3 } from './mesh.ts';

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
