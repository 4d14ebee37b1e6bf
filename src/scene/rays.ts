import type { Occluder, Vec3 } from './mesh.ts';

/** The occluder's inverse shape and bounding sphere. */
export interface Blocker {
  inverse: Float64Array;
  ball: boolean;
  centre: Vec3;
  radius: number;
}

/** The blockers that come within `reach` of the straight line between two points. */
export function within(blockers: readonly Blocker[], from: Vec3, to: Vec3, reach: number): Blocker[] {
  const d: Vec3 = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
  const square = d[0] * d[0] + d[1] * d[1] + d[2] * d[2] || 1;
  return blockers.filter(({ centre: c, radius }) => {
    const o: Vec3 = [c[0] - from[0], c[1] - from[1], c[2] - from[2]];
    const t = Math.min(1, Math.max(0, (o[0] * d[0] + o[1] * d[1] + o[2] * d[2]) / square));
    return Math.hypot(o[0] - d[0] * t, o[1] - d[1] * t, o[2] - d[2] * t) < radius + reach;
  });
}

/** Distance to the first blocker along a ray, at most `reach`; 0 where the ray starts inside one. */
export function castRay(from: Vec3, dir: Vec3, blockers: readonly Blocker[], reach: number): number {
  let nearest = reach;
  for (const b of blockers) {
    const cx = b.centre[0] - from[0];
    const cy = b.centre[1] - from[1];
    const cz = b.centre[2] - from[2];
    const along = cx * dir[0] + cy * dir[1] + cz * dir[2];
    const off = cx * cx + cy * cy + cz * cz - along * along;
    if (off > b.radius * b.radius || along < -b.radius || along - b.radius > nearest) continue;
    const t = b.ball ? hitBall(from, dir, b.inverse) : hitBox(from, dir, b.inverse);
    if (t < nearest) nearest = t;
  }
  return nearest;
}

function hitBox(from: Vec3, dir: Vec3, m: Float64Array): number {
  let enter = -Infinity;
  let leave = Infinity;
  for (let k = 0; k < 3; k++) {
    const o = m[k]! * from[0] + m[k + 4]! * from[1] + m[k + 8]! * from[2] + m[k + 12]!;
    const d = m[k]! * dir[0] + m[k + 4]! * dir[1] + m[k + 8]! * dir[2];
    const t1 = (-1 - o) / d;
    const t2 = (1 - o) / d;
    enter = Math.max(enter, Math.min(t1, t2));
    leave = Math.min(leave, Math.max(t1, t2));
  }
  return enter > leave || leave < 0 ? Infinity : Math.max(0, enter);
}

function hitBall(from: Vec3, dir: Vec3, m: Float64Array): number {
  let dd = 0;
  let od = 0;
  let oo = 0;
  for (let k = 0; k < 3; k++) {
    const o = m[k]! * from[0] + m[k + 4]! * from[1] + m[k + 8]! * from[2] + m[k + 12]!;
    const d = m[k]! * dir[0] + m[k + 4]! * dir[1] + m[k + 8]! * dir[2];
    dd += d * d;
    od += o * d;
    oo += o * o;
  }
  const disc = od * od - dd * (oo - 1);
  if (disc < 0) return Infinity;
  const far = (-od + Math.sqrt(disc)) / dd;
  return far < 0 ? Infinity : Math.max(0, (-od - Math.sqrt(disc)) / dd);
}

export function toBlocker({ shape: s, ball }: Occluder): Blocker {
  const inverse = new Float64Array(16);
  const squares: [number, number, number] = [0, 0, 0];
  // The columns of a shape are orthogonal: its inverse has their quotients by the squared lengths as rows.
  for (let k = 0; k < 3; k++) {
    const [x, y, z] = [s[k * 4]!, s[k * 4 + 1]!, s[k * 4 + 2]!];
    const square = x * x + y * y + z * z;
    squares[k] = square;
    inverse[k] = x / square;
    inverse[k + 4] = y / square;
    inverse[k + 8] = z / square;
    inverse[k + 12] = -(x * s[12]! + y * s[13]! + z * s[14]!) / square;
  }
  const [a, b, c] = squares;
  const radius = Math.sqrt(ball ? Math.max(a, b, c) : a + b + c);
  return { inverse, ball, centre: [s[12]!, s[13]!, s[14]!], radius };
}
