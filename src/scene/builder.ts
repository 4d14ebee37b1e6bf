import { mat4, type ReadonlyMat4 } from 'gl-matrix';
import { matrix } from './camera.ts';
import { type Ball, compileMesh, type Draft, FLAT, type Material, type Mesh, type Occluder, SMOOTH } from './mesh.ts';
import { cross, dot, sub, unit, type Vec3 } from './vector.ts';

/** A cross-section of a loft: an ellipse across `y`; x and z move its middle off the axis. */
export interface Ring {
  y: number;
  rx: number;
  rz?: number;
  x?: number;
  z?: number;
}

/** Collects polygons and ellipsoids in the coordinates of the current placement (y up, metres). */
export class MeshBuilder {
  #drafts: Draft[] = [];
  #balls: Ball[] = [];
  #occluders: Occluder[] = [];
  #place: ReadonlyMat4 = matrix();
  #surface = 0;

  /** Runs `build` with everything moved to (x, y, z) and turned by `turn` radians about the vertical axis. */
  at(position: Vec3, turn: number, build: () => void): void {
    const m = mat4.fromTranslation(matrix(), position as [number, number, number]);
    this.placed(mat4.rotateY(m, m, turn), build);
  }

  /** Runs `build` in a rigid frame relative to the current one. */
  placed(frame: ReadonlyMat4, build: () => void): void {
    const before = this.#place;
    this.#place = mat4.multiply(matrix(), before, frame);
    build();
    this.#place = before;
  }

  /** A convex planar polygon, its corners counter-clockwise seen from outside. `uv` gives one pair a corner. */
  polygon(points: readonly Vec3[], material: Material, uv?: readonly (readonly [number, number])[]): void {
    const values = uv ? uv.map(([u, v]) => [u, v]) : this.#planarUv(points, material);
    this.#add(points, values, FLAT, material);
  }

  /** A parallelogram with one whole texture on it; corners counter-clockwise from the top left. */
  picture(topLeft: Vec3, bottomLeft: Vec3, bottomRight: Vec3, material: Material): void {
    const topRight: Vec3 = [
      topLeft[0] + bottomRight[0] - bottomLeft[0],
      topLeft[1] + bottomRight[1] - bottomLeft[1],
      topLeft[2] + bottomRight[2] - bottomLeft[2],
    ];
    const corners = [
      [0, 0],
      [0, 1],
      [1, 1],
      [1, 0],
    ] as const;
    this.polygon([topLeft, bottomLeft, bottomRight, topRight], material, corners);
  }

  /** A box; `size` are its full extents. `skip` leaves out faces by name, as in 'bottom' or 'top back'. */
  box(centre: Vec3, size: Vec3, material: Material, skip = ''): void {
    const [x, y, z] = centre;
    const [a, b, c] = [size[0] / 2, size[1] / 2, size[2] / 2];
    const p = (i: number, j: number, k: number): Vec3 => [x + i * a, y + j * b, z + k * c];
    const face = (name: string, ...corners: Vec3[]) => {
      if (!skip.includes(name)) this.polygon(corners, material);
    };
    face('front', p(-1, 1, 1), p(-1, -1, 1), p(1, -1, 1), p(1, 1, 1));
    face('back', p(1, 1, -1), p(1, -1, -1), p(-1, -1, -1), p(-1, 1, -1));
    face('right', p(1, 1, 1), p(1, -1, 1), p(1, -1, -1), p(1, 1, -1));
    face('left', p(-1, 1, -1), p(-1, -1, -1), p(-1, -1, 1), p(-1, 1, 1));
    face('top', p(-1, 1, -1), p(-1, 1, 1), p(1, 1, 1), p(1, 1, -1));
    face('bottom', p(-1, -1, 1), p(-1, -1, -1), p(1, -1, -1), p(1, -1, 1));
    this.occlude(centre, size);
  }

  /** Throws shadow like a box, or a ball that fills it, without being seen. */
  occlude(centre: Vec3, size: Vec3, ball = false): void {
    this.#occluders.push({ shape: this.#shape(centre, [size[0] / 2, size[1] / 2, size[2] / 2]), ball });
  }

  /** An ellipsoid with the given half axes. */
  ball(centre: Vec3, radii: Vec3, material: Material, front = false): void {
    const shape = this.#shape(centre, radii);
    this.#balls.push({ shape, material, front });
    this.#occluders.push({ shape, ball: true });
  }

  /** A round solid along the y axis through the given rings, bottom to top; smooth sides, flat ends. */
  loft(
    rings: readonly Ring[],
    material: Material,
    segments = 12,
    ends: 'both' | 'none' | 'top' | 'bottom' = 'both',
  ): void {
    const around = (i: number): [number, number] => {
      const angle = (2 * Math.PI * (i % segments)) / segments;
      return [Math.sin(angle), Math.cos(angle)];
    };
    const point = (ring: Ring, i: number): Vec3 => {
      const [s, c] = around(i);
      return [(ring.x ?? 0) + s * ring.rx, ring.y, (ring.z ?? 0) + c * (ring.rz ?? ring.rx)];
    };
    const length = Math.max(...rings.map((r) => r.rx)) * 2 * Math.PI;
    const repeats = Math.max(1, Math.round(length / material.scale));
    for (let k = 0; k + 1 < rings.length; k++) {
      const lower = rings[k]!;
      const upper = rings[k + 1]!;
      for (let i = 0; i < segments; i++) {
        const corner = (ring: Ring, at: number, j: number) => ({
          p: point(ring, j),
          v: [(j / segments) * repeats, -ring.y / material.scale, ...ringNormal(rings, at, around(j))],
        });
        const [a, b] = [corner(lower, k, i), corner(lower, k, i + 1)];
        const [c, d] = [corner(upper, k + 1, i + 1), corner(upper, k + 1, i)];
        if (lower.rx > 0) this.#add([a.p, b.p, c.p], [a.v, b.v, c.v], SMOOTH, material);
        if (upper.rx > 0) this.#add([a.p, c.p, d.p], [a.v, c.v, d.v], SMOOTH, material);
      }
    }
    const cap = (ring: Ring, up: boolean) => {
      const points = Array.from({ length: segments }, (_, i) => point(ring, i));
      if (ring.rx === 0) return;
      if (!up) points.reverse();
      // Smooth although flat: such small faces are not worth a lightmap.
      const values = this.#planarUv(points, material).map((uv) => [...uv, 0, up ? 1 : -1, 0]);
      this.#add(points, values, SMOOTH, material);
    };
    if (ends === 'both' || ends === 'bottom') cap(rings[0]!, false);
    if (ends === 'both' || ends === 'top') cap(rings.at(-1)!, true);
    this.#occludeRings(rings);
    this.#surface++;
  }

  #occludeRings(rings: readonly Ring[]): void {
    const low = rings[0]!;
    const high = rings.at(-1)!;
    const widest = rings.reduce((a, b) => (b.rx > a.rx ? b : a));
    const side = 1.7;
    this.occlude(
      [widest.x ?? 0, (low.y + high.y) / 2, widest.z ?? 0],
      [widest.rx * side, high.y - low.y, (widest.rz ?? widest.rx) * side],
    );
  }

  #shape(centre: Vec3, radii: Vec3): Float64Array {
    const m = mat4.translate(matrix(), this.#place, centre as [number, number, number]);
    return mat4.scale(m, m, radii as [number, number, number]) as unknown as Float64Array;
  }

  /** Texture coordinates along the face's own horizontal and vertical, in repeats. */
  #planarUv(points: readonly Vec3[], material: Material): number[][] {
    const n = unit(cross(sub(points[1]!, points[0]!), sub(points[2]!, points[0]!)));
    const flat = Math.abs(n[1]) > 0.8;
    let across: Vec3 = flat ? [1, 0, 0] : unit(cross([0, 1, 0], n));
    let down: Vec3 = flat ? [0, 0, 1] : cross(across, n);
    const extent = (axis: Vec3) => {
      const along = points.map((p) => dot(p, axis));
      return Math.max(...along) - Math.min(...along);
    };
    if (material.grain && extent(down) > extent(across)) [across, down] = [down, across];
    return points.map((p) => [dot(p, across) / material.scale, dot(p, down) / material.scale]);
  }

  #add(points: readonly Vec3[], values: number[][], kind: number, material: Material): void {
    const m = this.#place;
    const turn = ([x, y, z]: Vec3): Vec3 => [
      m[0] * x + m[4] * y + m[8] * z,
      m[1] * x + m[5] * y + m[9] * z,
      m[2] * x + m[6] * y + m[10] * z,
    ];
    const moved = points.map((p): Vec3 => {
      const [x, y, z] = turn(p);
      return [x + m[12], y + m[13], z + m[14]];
    });
    const turned = values.map((v) => (kind === SMOOTH ? [v[0]!, v[1]!, ...turn([v[2]!, v[3]!, v[4]!])] : v));
    this.#drafts.push({ points: moved, values: turned, kind, surface: kind === SMOOTH ? this.#surface : -1, material });
  }

  build(): Mesh {
    return compileMesh(this.#drafts, this.#balls, this.#occluders);
  }
}

function ringNormal(rings: readonly Ring[], k: number, [s, c]: [number, number]): Vec3 {
  const below = rings[Math.max(0, k - 1)]!;
  const above = rings[Math.min(rings.length - 1, k + 1)]!;
  const ring = rings[k]!;
  const rz = ring.rz ?? ring.rx;
  const slope =
    ((above.rx - below.rx) / (above.y - below.y || 1) +
      ((above.rz ?? above.rx) - (below.rz ?? below.rx)) / (above.y - below.y || 1)) /
    2;
  return unit([s / (ring.rx || 1e-3), -slope / Math.max(ring.rx, rz, 1e-3), c / (rz || 1e-3)]);
}
