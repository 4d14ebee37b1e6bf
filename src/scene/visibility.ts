import type { mat4, ReadonlyMat4 } from 'gl-matrix';
import type { Intrinsics } from './camera.ts';
import { ATTRIBUTES, BAKED, type Ball, type Material, type Mesh, SMOOTH } from './mesh.ts';

/** A mesh somewhere in the world; `matrix` is rigid. */
export interface Instance {
  mesh: Mesh;
  matrix: mat4;
}

/** Things nearer than this are cut away, in metres. */
const NEAR = 0.05;
/** Doubles of a record. */
export const STRIDE = 36;
export const BALL = 3;
/** Where a record keeps what; planes are three numbers: value = a*x + b*y + c in pixels. */
export const W = 0; // 1/z
export const ATTRIBUTE = 3; // attribute/z, five planes
export const NORMAL = 18; // FLAT: outward normal in the world
export const TURN = 21; // object to world rotation, row-major (SMOOTH)
// Balls: ray direction in the unit sphere's frame (three planes), the camera there, its square length less one, and
// the matrix of world normals.
export const RAY = 0;
export const EYE = 9;
export const OFFSET = 12;
export const NORMALS = 13;
export const PER_PIXEL = 22; // texture repeats that one pixel covers

/** One polygon or ball that may be seen in this frame. */
export interface Seen {
  kind: number;
  material: Material;
  mesh: Mesh;
  /** Polygon number within the mesh. */
  polygon: number;
  /** Its corners on the screen: from `corner`, `corners` of them. */
  corner: number;
  corners: number;
}

/** The visibility pass: which polygon or ball is nearest at each pixel centre. */
export class Visibility {
  readonly width: number;
  readonly height: number;
  /** 1 + the record's number, 0 where there is nothing. */
  readonly ids: Int32Array;
  /** 1/z, 0 where there is nothing. */
  readonly inverseDepth: Float32Array;
  records = new Float64Array(1024 * STRIDE);
  readonly seen: Seen[] = [];
  /** A number per record: neighbours with the same one share a smooth surface, -1 shares none. */
  surfaces = new Int32Array(1024);
  count = 0;
  /** Screen corners of the polygons, x and y. */
  corners = new Float64Array(8192);
  #cornerCount = 0;
  #surface = 0;
  readonly #intrinsics: Intrinsics;
  /** World to camera, rows of 4. */
  readonly #view = new Float64Array(12);
  /** Object to camera, rows of 4. */
  readonly #toCamera = new Float64Array(12);
  #points = new Float64Array(1024);
  readonly #clipped = new Float64Array(64);
  readonly #left: Int32Array;
  readonly #right: Int32Array;

  constructor(width: number, height: number, intrinsics: Intrinsics) {
    this.width = width;
    this.height = height;
    this.#intrinsics = intrinsics;
    this.ids = new Int32Array(width * height);
    this.inverseDepth = new Float32Array(width * height);
    this.#left = new Int32Array(height);
    this.#right = new Int32Array(height);
  }

  render(instances: readonly Instance[], pose: ReadonlyMat4): void {
    this.ids.fill(0);
    this.inverseDepth.fill(0);
    this.count = 0;
    this.#cornerCount = 0;
    this.#surface = 0;
    invertRigid(pose, this.#view);
    for (const instance of instances) this.#instance(instance);
  }

  #instance({ mesh, matrix }: Instance): void {
    multiply(this.#view, matrix, this.#toCamera);
    if (!this.#inSight(mesh)) return;
    this.#surface++;
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
    for (const ball of mesh.balls) this.#ball(mesh, ball, matrix);
  }

  #inSight({ centre: c, radius }: Mesh): boolean {
    const m = this.#toCamera;
    const { fx, fy, cx, cy } = this.#intrinsics;
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

  #record(kind: number, material: Material, mesh: Mesh, polygon: number): number {
    const r = this.count++;
    if ((r + 1) * STRIDE > this.records.length) {
      const larger = new Float64Array(this.records.length * 2);
      larger.set(this.records);
      this.records = larger;
      const surfaces = new Int32Array(this.surfaces.length * 2);
      surfaces.set(this.surfaces);
      this.surfaces = surfaces;
    }
    this.surfaces[r] = kind === SMOOTH ? this.#surface : -1;
    const seen = this.seen[r];
    if (seen) {
      seen.kind = kind;
      seen.material = material;
      seen.mesh = mesh;
      seen.polygon = polygon;
    } else this.seen.push({ kind, material, mesh, polygon, corner: 0, corners: 0 });
    return r;
  }

  /** Projects points start.. of #points, cut at the near plane, onto the screen; the number of corners, 0 if unseen. */
  #project(start: number, count: number): number {
    const { fx, fy, cx, cy } = this.#intrinsics;
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
    // Counter-clockwise seen from outside is clockwise on a screen whose y points down... but for the front side only.
    this.#edges(n, y0, y1, fromBehind);
    const material = mesh.materials[p]!;
    const r = this.#record(mesh.kinds[p]!, material, mesh, p);
    this.#planes(r, mesh, p, matrix, fromBehind);
    this.#keepCorners(r, n);
    if (material.masked) this.#fillMasked(r, y0, y1);
    else this.#fill(r, y0, y1);
  }

  /** First and last-plus-one pixel of each row. A pixel belongs to a polygon when its centre lies in it. */
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

  /** Writes 1/z and the attributes as planes over the screen. */
  #planes(r: number, mesh: Mesh, p: number, matrix: ReadonlyMat4, fromBehind: boolean): void {
    const m = this.#toCamera;
    const { fx, fy, cx, cy } = this.#intrinsics;
    const o = r * STRIDE;
    const rec = this.records;
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
    for (let k = 0; k < used; k++) {
      const g = (p * ATTRIBUTES + k) * 4;
      const [ga, gb, gc] = [mesh.gradients[g]!, mesh.gradients[g + 1]!, mesh.gradients[g + 2]!];
      const gx = m[0]! * ga + m[1]! * gb + m[2]! * gc;
      const gy = m[4]! * ga + m[5]! * gb + m[6]! * gc;
      const gz = m[8]! * ga + m[9]! * gb + m[10]! * gc;
      const h = mesh.gradients[g + 3]! - gx * m[3]! - gy * m[7]! - gz * m[11]!;
      const at = o + ATTRIBUTE + k * 3;
      rec[at] = gx / fx + h * wx;
      rec[at + 1] = gy / fy + h * wy;
      rec[at + 2] = gz - (gx * cx) / fx - (gy * cy) / fy + h * wc;
    }
    const sign = fromBehind ? -1 : 1;
    for (let k = 0; k < 3; k++) {
      rec[o + NORMAL + k] = sign * (matrix[k]! * a + matrix[k + 4]! * b + matrix[k + 8]! * c);
      rec[o + TURN + k * 3] = matrix[k]!;
      rec[o + TURN + k * 3 + 1] = matrix[k + 4]!;
      rec[o + TURN + k * 3 + 2] = matrix[k + 8]!;
    }
  }

  #keepCorners(r: number, n: number): void {
    const at = this.#cornerCount;
    if ((at + n) * 2 > this.corners.length) {
      const larger = new Float64Array(this.corners.length * 2);
      larger.set(this.corners);
      this.corners = larger;
    }
    for (let i = 0; i < n * 2; i++) this.corners[at * 2 + i] = this.#clipped[i]!;
    this.#cornerCount += n;
    const seen = this.seen[r]!;
    seen.corner = at;
    seen.corners = n;
  }

  #fill(r: number, y0: number, y1: number): void {
    const { ids, inverseDepth, width } = this;
    const left = this.#left;
    const right = this.#right;
    const o = r * STRIDE;
    const wx = this.records[o]!;
    const wy = this.records[o + 1]!;
    const wc = this.records[o + 2]!;
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
    const { texture } = this.seen[r]!.material;
    const rec = this.records;
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
      const level = mipLevel(texture.size, texture.levels, z, ux - u0 * wx, uy - u0 * wy, vx - v0 * wx, vy - v0 * wy);
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

  #ball(mesh: Mesh, ball: Ball, matrix: ReadonlyMat4): void {
    const m = this.#toCamera;
    const s = ball.shape;
    const { fx, fy, cx, cy } = this.#intrinsics;
    const { width, height } = this;
    const rec = this.records;
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

    const r = this.#record(BALL, ball.material, mesh, -1);
    this.seen[r]!.polygon = ball.front ? 1 : 0;
    const o = r * STRIDE;
    const out = this.records === rec ? rec : this.records;
    let offset = -1;
    for (let k = 0; k < 3; k++) {
      const a = [camera[k]!, camera[4 + k]!, camera[8 + k]!] as const;
      const square = a[0] * a[0] + a[1] * a[1] + a[2] * a[2];
      // Row k of the inverse shape.
      const [ix, iy, iz] = [a[0] / square, a[1] / square, a[2] / square];
      out[o + RAY + k * 3] = ix / fx;
      out[o + RAY + k * 3 + 1] = iy / fy;
      out[o + RAY + k * 3 + 2] = iz - (ix * cx) / fx - (iy * cy) / fy;
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
    this.#fillBall(r, top, bottom);
  }

  #fillBall(r: number, top: number, bottom: number): void {
    const { ids, inverseDepth, width, records: rec } = this;
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
}

const ballFrame = new Float64Array(12);

/**
 * The mip level whose texels are about as large as a pixel; the derivatives are those of u/z less u d(1/z), which times z
 * are repeats per pixel.
 */
export function mipLevel(
  size: number,
  levels: number,
  z: number,
  ux: number,
  uy: number,
  vx: number,
  vy: number,
): number {
  const k = size * z;
  const across = (ux * ux + vx * vx) * k * k;
  const down = (uy * uy + vy * vy) * k * k;
  // Between the sharper and the blurrier axis: floors seen at a grazing angle would smear otherwise.
  const area = Math.sqrt(across * down) * 0.5 + Math.max(across, down) * 0.2;
  const level = area < 1 ? 0 : (32 - Math.clz32(area)) >> 1;
  return level < levels ? level : levels - 1;
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
