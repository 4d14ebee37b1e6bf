import { mat4, type ReadonlyMat4 } from 'gl-matrix';
import type { Colour, Texture } from './texture.ts';

export type Vec3 = readonly [number, number, number];

export interface Material {
  readonly texture: Texture;
  /** Metres that one repeat of the texture covers, where the geometry does not say. */
  readonly scale: number;
  /** Multiplies the texture. */
  readonly tint: Colour;
  /** The texture's alpha cuts holes (leaves); seen from both sides. */
  readonly masked: boolean;
  /** Brightness in place of lighting, for what shines by itself; 0 for what is lit. */
  readonly glow: number;
  /** Infinitely far: its depth is Infinity. */
  readonly sky: boolean;
  /** Strength of the highlight on curved surfaces, 0..1. */
  readonly gloss: number;
  /** The texture runs along the longer side of a face (wood). */
  readonly grain: boolean;
}

export type Finish = Partial<Omit<Material, 'texture' | 'scale' | 'tint'>>;

/** Always the same shape of object: shading reads materials for every span. */
export function material(texture: Texture, scale: number, tint: Colour = [1, 1, 1], finish: Finish = {}): Material {
  const { masked = false, glow = 0, sky = false, gloss = 0, grain = false } = finish;
  return { texture, scale, tint, masked, glow, sky, gloss, grain };
}

/** How a polygon takes its light. */
export const FLAT = 0;
export const SMOOTH = 1;
export const BAKED = 2;

/** u, v and three more: the normal (SMOOTH) or lightmap s, t and nothing (BAKED). */
export const ATTRIBUTES = 5;

/** An ellipsoid: `shape` maps the unit sphere to the mesh's coordinates. */
export interface Ball {
  shape: Float64Array;
  material: Material;
  /** Texture coordinates are u = front ? (x+1)/2 : x*repeats; a front map shows a picture to local +z. */
  front: boolean;
}

/** A solid that throws shadow when light is baked: the box or ball that `shape` makes of the unit cube [-1,1]^3 or unit sphere. */
export interface Occluder {
  shape: Float64Array;
  ball: boolean;
}

/** Convex planar polygons and ellipsoids in one rigid frame. Polygon p owns the vertices first[p] to first[p+1]. */
export interface Mesh {
  polygons: number;
  vertices: Float64Array;
  first: Int32Array;
  /** Four a polygon: outward normal n and offset d, n.p = d. */
  planes: Float64Array;
  /** Four for each attribute of a polygon: gradient g and constant h, so that attribute(p) = g.p + h. */
  gradients: Float64Array;
  kinds: Uint8Array;
  materials: Material[];
  /** BAKED polygons: where the lightmap starts, its width and its height, in texels. */
  lightmaps: Int32Array;
  /** Red, green and blue per lightmap texel. */
  light: Float32Array;
  balls: Ball[];
  occluders: Occluder[];
  centre: Vec3;
  radius: number;
}

interface Draft {
  points: Vec3[];
  values: number[][];
  kind: number;
  material: Material;
}

const sub = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const unit = (a: Vec3): Vec3 => {
  const n = Math.sqrt(dot(a, a)) || 1;
  return [a[0] / n, a[1] / n, a[2] / n];
};

/** A cross-section of a loft: an ellipse across `y`, optionally off its axis and with squarer corners. */
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
  #place = mat4.create() as ReadonlyMat4;

  /** Runs `build` with everything moved to (x, y, z) and turned by `turn` radians about the vertical axis. */
  at(position: Vec3, turn: number, build: () => void): void {
    const m = mat4.fromTranslation(new Float64Array(16) as unknown as mat4, position as [number, number, number]);
    this.placed(mat4.rotateY(m, m, turn), build);
  }

  /** Runs `build` in the rigid frame `matrix`, relative to the current one. */
  placed(matrix: ReadonlyMat4, build: () => void): void {
    const before = this.#place;
    this.#place = mat4.multiply(new Float64Array(16) as unknown as mat4, before, matrix);
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
    const m = mat4.translate(new Float64Array(16) as unknown as mat4, this.#place, centre as [number, number, number]);
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
    this.#drafts.push({ points: moved, values: turned, kind, material });
  }

  build(): Mesh {
    const drafts = this.#drafts;
    const corners = drafts.reduce((n, d) => n + d.points.length, 0);
    const mesh: Mesh = {
      polygons: drafts.length,
      vertices: new Float64Array(corners * 3),
      first: new Int32Array(drafts.length + 1),
      planes: new Float64Array(drafts.length * 4),
      gradients: new Float64Array(drafts.length * ATTRIBUTES * 4),
      kinds: Uint8Array.from(drafts, (d) => d.kind),
      materials: drafts.map((d) => d.material),
      lightmaps: new Int32Array(drafts.length * 3),
      light: new Float32Array(0),
      balls: this.#balls,
      occluders: this.#occluders,
      ...boundingSphere(drafts, this.#balls),
    };
    drafts.forEach((draft, p) => {
      const start = mesh.first[p]!;
      mesh.first[p + 1] = start + draft.points.length;
      draft.points.forEach((point, i) => {
        mesh.vertices.set(point, (start + i) * 3);
      });
      setPolygon(mesh, p, draft);
    });
    return mesh;
  }
}

function setPolygon(mesh: Mesh, p: number, draft: Draft): void {
  const [a, b, c] = draft.points as [Vec3, Vec3, Vec3];
  const e1 = sub(b, a);
  const e2 = sub(c, a);
  const n = cross(e1, e2);
  const nn = dot(n, n);
  const normal = unit(n);
  mesh.planes.set([...normal, dot(normal, a)], p * 4);
  const d1 = cross(e2, n);
  const d2 = cross(n, e1);
  const count = draft.values[0]!.length;
  for (let k = 0; k < count; k++) {
    const values = draft.values.map((v) => v[k]!);
    const k1 = (values[1]! - values[0]!) / nn;
    const k2 = (values[2]! - values[0]!) / nn;
    const g: Vec3 = [d1[0] * k1 + d2[0] * k2, d1[1] * k1 + d2[1] * k2, d1[2] * k1 + d2[2] * k2];
    // Texture coordinates repeat: moved to be positive, so that shading may truncate instead of round down.
    const positive = k < 2 ? 1 - Math.floor(Math.min(...values)) : 0;
    mesh.gradients.set([...g, values[0]! - dot(g, a) + positive], (p * ATTRIBUTES + k) * 4);
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

function boundingSphere(drafts: readonly Draft[], balls: readonly Ball[]): { centre: Vec3; radius: number } {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  const grow = (point: Vec3, margin: number) => {
    for (let k = 0; k < 3; k++) {
      low[k] = Math.min(low[k]!, point[k]! - margin);
      high[k] = Math.max(high[k]!, point[k]! + margin);
    }
  };
  for (const draft of drafts) for (const point of draft.points) grow(point, 0);
  for (const { shape: s } of balls) {
    const reach = Math.max(
      Math.hypot(s[0]!, s[1]!, s[2]!),
      Math.hypot(s[4]!, s[5]!, s[6]!),
      Math.hypot(s[8]!, s[9]!, s[10]!),
    );
    grow([s[12]!, s[13]!, s[14]!], reach);
  }
  const centre: Vec3 = [(low[0]! + high[0]!) / 2, (low[1]! + high[1]!) / 2, (low[2]! + high[2]!) / 2];
  return { centre, radius: Math.hypot(high[0]! - low[0]!, high[1]! - low[1]!, high[2]! - low[2]!) / 2 };
}
