import type { ReadonlyMat4 } from 'gl-matrix';
import { NEAR } from './camera.ts';
import type { Ball, Mesh } from './mesh.ts';
import { BALL, EYE, NORMALS, OFFSET, PER_PIXEL, STRIDE, type View } from './records.ts';

/** The shape of the ball at hand in camera coordinates, rows of 4. */
const ballFrame = new Float64Array(12);

/** Records an ellipsoid of a mesh and draws it. `toCamera`: object to camera, rows of 4; `matrix`: object to world. */
export function seeBall(view: View, mesh: Mesh, ball: Ball, matrix: ReadonlyMat4, toCamera: Float64Array): void {
  const m = toCamera;
  const s = ball.shape;
  const { fx, fy, cx, cy } = view.intrinsics;
  const { width, height, records } = view;
  const camera = ballFrame;
  for (let row = 0; row < 3; row++)
    for (let k = 0; k < 4; k++)
      camera[row * 4 + k] =
        m[row * 4]! * s[k * 4]! +
        m[row * 4 + 1]! * s[k * 4 + 1]! +
        m[row * 4 + 2]! * s[k * 4 + 2]! +
        (k === 3 ? m[row * 4 + 3]! : 0);
  const reach = Math.hypot(camera[8]!, camera[9]!, camera[10]!);
  if (camera[11]! - reach < NEAR) return;
  // The bounds of the outline: roots of its dual conic K (c c^T - A A^T) K^T.
  const dual = (i: number, j: number) =>
    camera[i * 4 + 3]! * camera[j * 4 + 3]! -
    camera[i * 4]! * camera[j * 4]! -
    camera[i * 4 + 1]! * camera[j * 4 + 1]! -
    camera[i * 4 + 2]! * camera[j * 4 + 2]!;
  const zz = dual(2, 2);
  const spanX = Math.sqrt(dual(0, 2) ** 2 - zz * dual(0, 0));
  const spanY = Math.sqrt(dual(1, 2) ** 2 - zz * dual(1, 1));
  const x0 = (fx * (dual(0, 2) - spanX)) / zz + cx;
  const x1 = (fx * (dual(0, 2) + spanX)) / zz + cx;
  const top = Math.max(0, Math.ceil((fy * (dual(1, 2) - spanY)) / zz + cy));
  const bottom = Math.min(height, Math.ceil((fy * (dual(1, 2) + spanY)) / zz + cy));
  if (x1 < 0 || x0 > width - 1 || top >= bottom) return;

  const r = records.add(BALL, ball.material, mesh, ball.front ? 1 : 0, -1);
  const o = r * STRIDE;
  const out = records.values;
  let offset = -1;
  for (let k = 0; k < 3; k++) {
    const a = [camera[k]!, camera[4 + k]!, camera[8 + k]!] as const;
    const square = a[0] * a[0] + a[1] * a[1] + a[2] * a[2];
    // Row k of the inverse shape.
    const [ix, iy, iz] = [a[0] / square, a[1] / square, a[2] / square];
    out[o + k * 3] = ix / fx;
    out[o + k * 3 + 1] = iy / fy;
    out[o + k * 3 + 2] = iz - (ix * cx) / fx - (iy * cy) / fy;
    const eye = -(ix * camera[3]! + iy * camera[7]! + iz * camera[11]!);
    out[o + EYE + k] = eye;
    offset += eye * eye;
    // World normal of unit-sphere point s: sum over k of (column k of the object-to-world shape) / square * s_k.
    for (let row = 0; row < 3; row++)
      out[o + NORMALS + row * 3 + k] =
        (matrix[row]! * s[k * 4]! + matrix[row + 4]! * s[k * 4 + 1]! + matrix[row + 8]! * s[k * 4 + 2]!) / square;
  }
  out[o + OFFSET] = offset;
  const size = Math.cbrt(
    Math.hypot(s[0]!, s[1]!, s[2]!) * Math.hypot(s[4]!, s[5]!, s[6]!) * Math.hypot(s[8]!, s[9]!, s[10]!),
  );
  out[o + PER_PIXEL] = camera[11]! / (fx * (ball.front ? size * 2 : ball.material.scale));
  out[o + PER_PIXEL + 1] = ball.front ? 0.5 : size / ball.material.scale;
  fillBall(view, r, top, bottom);
}

function fillBall(view: View, r: number, top: number, bottom: number): void {
  const { ids, inverseDepth, width } = view;
  const rec = view.records.values;
  const o = r * STRIDE;
  const [ax, bx, cx] = [rec[o]!, rec[o + 3]!, rec[o + 6]!];
  const [ex, ey, ez] = [rec[o + EYE]!, rec[o + EYE + 1]!, rec[o + EYE + 2]!];
  const offset = rec[o + OFFSET]!;
  const id = r + 1;
  for (let y = top; y < bottom; y++) {
    // Ray direction d = (a, b, c) + x (ax, bx, cx) in the unit sphere's frame; z solves |e + z d|^2 = 1.
    const a = rec[o + 1]! * y + rec[o + 2]!;
    const b = rec[o + 4]! * y + rec[o + 5]!;
    const c = rec[o + 7]! * y + rec[o + 8]!;
    const along0 = ex * a + ey * b + ez * c;
    const along1 = ex * ax + ey * bx + ez * cx;
    const square0 = a * a + b * b + c * c;
    const square1 = a * ax + b * bx + c * cx;
    const square2 = ax * ax + bx * bx + cx * cx;
    // The discriminant is a quadratic in x: q2 x^2 + 2 q1 x + q0 > 0 between its roots.
    const q2 = along1 * along1 - square2 * offset;
    const q1 = along0 * along1 - square1 * offset;
    const q0 = along0 * along0 - square0 * offset;
    const root = q1 * q1 - q2 * q0;
    if (root <= 0 || q2 >= 0) continue;
    const half = Math.sqrt(root) / -q2;
    const middle = -q1 / q2;
    const x0 = Math.max(0, Math.ceil(middle - half));
    const x1 = Math.min(width, Math.ceil(middle + half));
    for (let x = x0, i = y * width + x0; x < x1; x++, i++) {
      const along = along0 + along1 * x;
      const disc = q0 + x * (2 * q1 + q2 * x);
      // 1/z of the nearer root (-along - sqrt(disc)) / square, without cancellation.
      const w = (-along + Math.sqrt(Math.max(disc, 0))) / offset;
      if (w > inverseDepth[i]!) {
        inverseDepth[i] = w;
        ids[i] = id;
      }
    }
  }
}
