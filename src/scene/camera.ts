import { mat4 } from 'gl-matrix';
import type { Vec3 } from './mesh.ts';

/** Pinhole camera: pixel (x, y), whose centre has whole coordinates, looks along ((x-cx)/fx, (y-cy)/fy, 1). */
export interface Intrinsics {
  fx: number;
  fy: number;
  cx: number;
  cy: number;
}

/** Things nearer to the camera than this are cut away, in metres. */
export const NEAR = 0.05;

/** A 4x4 identity in doubles: gl-matrix's own are single precision. */
export function matrix(): mat4 {
  return mat4.identity(new Float64Array(16) as unknown as mat4);
}

/** Square pixels, the optical axis through the middle; `focal` is in longer picture sides. */
export function intrinsicsFor(width: number, height: number, focal: number): Intrinsics {
  const f = focal * Math.max(width, height);
  return { fx: f, fy: f, cx: (width - 1) / 2, cy: (height - 1) / 2 };
}

/**
 * Camera-to-world matrix (column-major) of a camera at `eye` that looks at `target`: camera x is right, y down, z forward
 * (as in OpenCV), the world's y is up. `roll` in radians tilts the picture.
 */
export function lookAt(out: mat4, eye: Vec3, target: Vec3, roll = 0): mat4 {
  const f = normalised(target[0] - eye[0], target[1] - eye[1], target[2] - eye[2]);
  // Right is forward x the world's up; roll turns both about the axis afterwards.
  const r = normalised(-f[2], 0, f[0]);
  const d: Vec3 = [f[1] * r[2] - f[2] * r[1], f[2] * r[0] - f[0] * r[2], f[0] * r[1] - f[1] * r[0]];
  const [c, s] = [Math.cos(roll), Math.sin(roll)];
  for (let k = 0; k < 3; k++) {
    out[k] = r[k]! * c + d[k]! * s;
    out[4 + k] = d[k]! * c - r[k]! * s;
    out[8 + k] = f[k]!;
    out[12 + k] = eye[k]!;
  }
  out[3] = 0;
  out[7] = 0;
  out[11] = 0;
  out[15] = 1;
  return out;
}

function normalised(x: number, y: number, z: number): Vec3 {
  const n = Math.hypot(x, y, z);
  return [x / n, y / n, z / n];
}
