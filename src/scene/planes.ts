import type { ReadonlyMat4 } from 'gl-matrix';
import type { Intrinsics } from './camera.ts';
import { ATTRIBUTES, BAKED, type Mesh, SMOOTH } from './mesh.ts';
import { ATTRIBUTE, NORMAL, TURN } from './records.ts';

/** Writes 1/z and the attributes of polygon p as planes over the screen into the record at `o`; `m`: object to camera. */
export function setPlanes(
  rec: Float64Array,
  o: number,
  mesh: Mesh,
  p: number,
  m: Float64Array,
  matrix: ReadonlyMat4,
  k: Intrinsics,
  fromBehind: boolean,
): void {
  const { fx, fy, cx, cy } = k;
  const [a, b, c] = [mesh.planes[p * 4]!, mesh.planes[p * 4 + 1]!, mesh.planes[p * 4 + 2]!];
  const nx = m[0]! * a + m[1]! * b + m[2]! * c;
  const ny = m[4]! * a + m[5]! * b + m[6]! * c;
  const nz = m[8]! * a + m[9]! * b + m[10]! * c;
  const d = mesh.planes[p * 4 + 3]! + nx * m[3]! + ny * m[7]! + nz * m[11]!;
  const wx = nx / (fx * d);
  const wy = ny / (fy * d);
  const wc = (nz - (nx * cx) / fx - (ny * cy) / fy) / d;
  rec[o] = wx;
  rec[o + 1] = wy;
  rec[o + 2] = wc;
  const kind = mesh.kinds[p]!;
  const used = kind === SMOOTH ? 5 : kind === BAKED ? 4 : 2;
  for (let n = 0; n < used; n++) {
    const g = (p * ATTRIBUTES + n) * 4;
    const [ga, gb, gc] = [mesh.gradients[g]!, mesh.gradients[g + 1]!, mesh.gradients[g + 2]!];
    const gx = m[0]! * ga + m[1]! * gb + m[2]! * gc;
    const gy = m[4]! * ga + m[5]! * gb + m[6]! * gc;
    const gz = m[8]! * ga + m[9]! * gb + m[10]! * gc;
    const h = mesh.gradients[g + 3]! - gx * m[3]! - gy * m[7]! - gz * m[11]!;
    const at = o + ATTRIBUTE + n * 3;
    rec[at] = gx / fx + h * wx;
    rec[at + 1] = gy / fy + h * wy;
    rec[at + 2] = gz - (gx * cx) / fx - (gy * cy) / fy + h * wc;
  }
  const sign = fromBehind ? -1 : 1;
  for (let row = 0; row < 3; row++) {
    rec[o + NORMAL + row] = sign * (matrix[row]! * a + matrix[row + 4]! * b + matrix[row + 8]! * c);
    rec[o + TURN + row * 3] = matrix[row]!;
    rec[o + TURN + row * 3 + 1] = matrix[row + 4]!;
    rec[o + TURN + row * 3 + 2] = matrix[row + 8]!;
  }
}
