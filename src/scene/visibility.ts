import type { mat4, ReadonlyMat4 } from 'gl-matrix';
import { seeBall } from './balls.ts';
import { type Intrinsics, NEAR } from './camera.ts';
import { type Mesh, SMOOTH } from './mesh.ts';
import { setPlanes } from './planes.ts';
import { Records, STRIDE, type View } from './records.ts';
import { mipLevel } from './texture.ts';

/** A mesh somewhere in the world; `matrix` is rigid. */
export interface Instance {
  mesh: Mesh;
  matrix: mat4;
}

/** The visibility pass: which polygon or ball is nearest at each pixel centre. */
export class Visibility implements View {
  readonly width: number;
  readonly height: number;
  /** 1 + the record's number, 0 where there is nothing. */
  readonly ids: Int32Array;
  /** 1/z, 0 where there is nothing. */
  readonly inverseDepth: Float32Array;
  readonly records = new Records();
  #surface = 0;
  readonly intrinsics: Intrinsics;
  /** World to camera, rows of 4. */
  readonly #view = new Float64Array(12);
  /** Object to camera, rows of 4. */
  readonly #toCamera = new Float64Array(12);
  #points = new Float64Array(1024);
  readonly #clipped = new Float64Array(128);
  readonly #left: Int32Array;
  readonly #right: Int32Array;

  constructor(width: number, height: number, intrinsics: Intrinsics) {
    this.width = width;
    this.height = height;
    this.intrinsics = intrinsics;
    this.ids = new Int32Array(width * height);
    this.inverseDepth = new Float32Array(width * height);
    this.#left = new Int32Array(height);
    this.#right = new Int32Array(height);
  }

  render(instances: readonly Instance[], pose: ReadonlyMat4): void {
    this.ids.fill(0);
    this.inverseDepth.fill(0);
    this.records.clear();
    this.#surface = 0;
    invertRigid(pose, this.#view);
    for (const instance of instances) this.#instance(instance);
  }

  #instance({ mesh, matrix }: Instance): void {
    multiply(this.#view, matrix, this.#toCamera);
    if (!this.#inSight(mesh)) return;
    const m = this.#toCamera;
    const { vertices, planes, first } = mesh;
    if (this.#points.length < vertices.length) this.#points = new Float64Array(vertices.length * 2);
    const points = this.#points;
    for (let i = 0; i < vertices.length; i += 3) {
      const [x, y, z] = [vertices[i]!, vertices[i + 1]!, vertices[i + 2]!];
      points[i] = m[0]! * x + m[1]! * y + m[2]! * z + m[3]!;
      points[i + 1] = m[4]! * x + m[5]! * y + m[6]! * z + m[7]!;
      points[i + 2] = m[8]! * x + m[9]! * y + m[10]! * z + m[11]!;
    }
    // The camera in the object's frame: -R^T T.
    const ex = -(m[0]! * m[3]! + m[4]! * m[7]! + m[8]! * m[11]!);
    const ey = -(m[1]! * m[3]! + m[5]! * m[7]! + m[9]! * m[11]!);
    const ez = -(m[2]! * m[3]! + m[6]! * m[7]! + m[10]! * m[11]!);
    for (let p = 0; p < mesh.polygons; p++) {
      const facing = planes[p * 4]! * ex + planes[p * 4 + 1]! * ey + planes[p * 4 + 2]! * ez - planes[p * 4 + 3]!;
      const material = mesh.materials[p]!;
      if (facing > 0 || (material.masked && facing < 0))
        this.#polygon(mesh, p, matrix, first[p]!, first[p + 1]! - first[p]!, facing < 0);
    }
    this.#surface += mesh.smooth;
    for (const ball of mesh.balls) seeBall(this, mesh, ball, matrix, m);
  }

  #inSight({ centre: c, radius }: Mesh): boolean {
    const m = this.#toCamera;
    const { fx, fy, cx, cy } = this.intrinsics;
    const x = m[0]! * c[0] + m[1]! * c[1] + m[2]! * c[2] + m[3]!;
    const y = m[4]! * c[0] + m[5]! * c[1] + m[6]! * c[2] + m[7]!;
    const z = m[8]! * c[0] + m[9]! * c[1] + m[10]! * c[2] + m[11]!;
    if (z + radius < NEAR) return false;
    const sideX = (cx + 1) / fx;
    const sideY = (cy + 1) / fy;
    return (
      Math.abs(x) - sideX * z < radius * Math.sqrt(1 + sideX * sideX) &&
      Math.abs(y) - sideY * z < radius * Math.sqrt(1 + sideY * sideY)
    );
  }

  /** Projects points start.. of #points, cut at the near plane, onto the screen; the number of corners, 0 if unseen. */
  #project(start: number, count: number): number {
    const { fx, fy, cx, cy } = this.intrinsics;
    const points = this.#points;
    const out = this.#clipped;
    let n = 0;
    let before = (start + count - 1) * 3;
    for (let i = 0; i < count; i++) {
      const at = (start + i) * 3;
      const z0 = points[before + 2]!;
      const z1 = points[at + 2]!;
      if (z0 < NEAR !== z1 < NEAR) {
        const t = (NEAR - z0) / (z1 - z0);
        const x = points[before]! + (points[at]! - points[before]!) * t;
        const y = points[before + 1]! + (points[at + 1]! - points[before + 1]!) * t;
        out[n++] = (fx * x) / NEAR + cx;
        out[n++] = (fy * y) / NEAR + cy;
      }
      if (z1 >= NEAR) {
        out[n++] = (fx * points[at]!) / z1 + cx;
        out[n++] = (fy * points[at + 1]!) / z1 + cy;
      }
      before = at;
    }
    return n >> 1;
  }

  #polygon(mesh: Mesh, p: number, matrix: ReadonlyMat4, start: number, count: number, fromBehind: boolean): void {
    const n = this.#project(start, count);
    if (n < 3) return;
    const { width, height } = this;
    const c = this.#clipped;
    let left = Infinity;
    let right = -Infinity;
    let top = Infinity;
    let bottom = -Infinity;
    for (let i = 0; i < n; i++) {
      const x = c[2 * i]!;
      const y = c[2 * i + 1]!;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
    }
    if (right < 0 || left > width - 1 || bottom < 0 || top > height - 1) return;
    const y0 = Math.max(0, Math.ceil(top));
    const y1 = Math.min(height, Math.ceil(bottom));
    if (y0 >= y1 || Math.ceil(left) >= Math.ceil(right)) return;
    this.#edges(n, y0, y1, fromBehind);
    const material = mesh.materials[p]!;
    const kind = mesh.kinds[p]!;
    const r = this.records.add(kind, material, mesh, p, kind === SMOOTH ? this.#surface + mesh.surfaces[p]! : -1);
    setPlanes(this.records.values, r * STRIDE, mesh, p, this.#toCamera, matrix, this.intrinsics, fromBehind);
    // A masked polygon's outline is that of its texture, not of its corners.
    this.records.keepCorners(r, c, material.masked ? 0 : n);
    if (material.masked) this.#fillMasked(r, y0, y1);
    else this.#fill(r, y0, y1);
  }

  /**
   * First and last-plus-one pixel of each row. On the screen a front side goes down on its left, a back side (mirrored) on
   * its right. A pixel belongs to a polygon when its centre lies in it.
   */
  #edges(n: number, y0: number, y1: number, mirrored: boolean): void {
    const c = this.#clipped;
    const w = this.width;
    for (let i = 0; i < n; i++) {
      const j = i + 1 < n ? i + 1 : 0;
      const down = c[2 * j + 1]! > c[2 * i + 1]!;
      // Both polygons at a shared edge walk it from above, so that they agree to the last bit.
      const a = down ? i : j;
      const b = down ? j : i;
      const ya = c[2 * a + 1]!;
      const yb = c[2 * b + 1]!;
      const from = Math.max(y0, Math.ceil(ya));
      const to = Math.min(y1, Math.ceil(yb));
      if (from >= to) continue;
      const xa = c[2 * a]!;
      const slope = (c[2 * b]! - xa) / (yb - ya);
      const side = down !== mirrored ? this.#left : this.#right;
      for (let y = from; y < to; y++) {
        const x = Math.ceil(xa + (y - ya) * slope);
        side[y] = x < 0 ? 0 : Math.min(x, w);
      }
    }
  }

  #fill(r: number, y0: number, y1: number): void {
    const { ids, inverseDepth, width } = this;
    const left = this.#left;
    const right = this.#right;
    const o = r * STRIDE;
    const rec = this.records.values;
    const wx = rec[o]!;
    const wy = rec[o + 1]!;
    const wc = rec[o + 2]!;
    const id = r + 1;
    for (let y = y0; y < y1; y++) {
      const x0 = left[y]!;
      const end = y * width + right[y]!;
      let w = wx * x0 + wy * y + wc;
      for (let i = y * width + x0; i < end; i++) {
        if (w > inverseDepth[i]!) {
          inverseDepth[i] = w;
          ids[i] = id;
        }
        w += wx;
      }
    }
  }

  /** Like #fill, where the texture's alpha is at least a half. */
  #fillMasked(r: number, y0: number, y1: number): void {
    const { ids, inverseDepth, width } = this;
    const { texture } = this.records.seen[r]!.material;
    const rec = this.records.values;
    const o = r * STRIDE;
    const [wx, wy, wc] = [rec[o]!, rec[o + 1]!, rec[o + 2]!];
    const [ux, uy, uc] = [rec[o + 3]!, rec[o + 4]!, rec[o + 5]!];
    const [vx, vy, vc] = [rec[o + 6]!, rec[o + 7]!, rec[o + 8]!];
    const { texels } = texture;
    const id = r + 1;
    for (let y = y0; y < y1; y++) {
      const x0 = this.#left[y]!;
      const x1 = this.#right[y]!;
      if (x0 >= x1) continue;
      const z = 1 / (wx * x0 + wy * y + wc);
      const u0 = (ux * x0 + uy * y + uc) * z;
      const v0 = (vx * x0 + vy * y + vc) * z;
      const level = mipLevel(texture, (ux - u0 * wx) * z, (uy - u0 * wy) * z, (vx - v0 * wx) * z, (vy - v0 * wy) * z);
      const size = texture.size >> level;
      const offset = texture.offsets[level]!;
      const mask = size - 1;
      for (let x = x0, i = y * width + x0; x < x1; x++, i++) {
        const w = wx * x + wy * y + wc;
        if (w <= inverseDepth[i]!) continue;
        const k = size / w;
        const tu = ((ux * x + uy * y + uc) * k) | 0;
        const tv = ((vx * x + vy * y + vc) * k) | 0;
        if (texels[offset + (tv & mask) * size + (tu & mask)]! >= 0) continue; // alpha below 128
        inverseDepth[i] = w;
        ids[i] = id;
      }
    }
  }
}

function invertRigid(pose: ReadonlyMat4, out: Float64Array): void {
  for (let row = 0; row < 3; row++) {
    for (let k = 0; k < 3; k++) out[row * 4 + k] = pose[row * 4 + k]!;
    out[row * 4 + 3] = -(pose[row * 4]! * pose[12] + pose[row * 4 + 1]! * pose[13] + pose[row * 4 + 2]! * pose[14]);
  }
}

/** out = a (rows of 4) times b (column-major). */
function multiply(a: Float64Array, b: ReadonlyMat4, out: Float64Array): void {
  for (let row = 0; row < 3; row++)
    for (let k = 0; k < 4; k++)
      out[row * 4 + k] =
        a[row * 4]! * b[k * 4]! +
        a[row * 4 + 1]! * b[k * 4 + 1]! +
        a[row * 4 + 2]! * b[k * 4 + 2]! +
        (k === 3 ? a[row * 4 + 3]! : 0);
}
