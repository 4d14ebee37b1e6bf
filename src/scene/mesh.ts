import type { Colour, Texture } from './texture.ts';
import { cross, dot, sub, unit, type Vec3 } from './vector.ts';

export type { Vec3 } from './vector.ts';

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
  /** Which smooth surface a SMOOTH polygon belongs to, below `smooth`. */
  surfaces: Int32Array;
  smooth: number;
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

/** A polygon on its way into a mesh. */
export interface Draft {
  points: readonly Vec3[];
  /** The attributes' values at each corner. */
  values: readonly number[][];
  kind: number;
  surface: number;
  material: Material;
}

/** Lays polygons and ellipsoids out for rendering. */
export function compileMesh(drafts: readonly Draft[], balls: Ball[], occluders: Occluder[]): Mesh {
  const corners = drafts.reduce((n, d) => n + d.points.length, 0);
  const mesh: Mesh = {
    polygons: drafts.length,
    vertices: new Float64Array(corners * 3),
    first: new Int32Array(drafts.length + 1),
    planes: new Float64Array(drafts.length * 4),
    gradients: new Float64Array(drafts.length * ATTRIBUTES * 4),
    kinds: Uint8Array.from(drafts, (d) => d.kind),
    surfaces: Int32Array.from(drafts, (d) => d.surface),
    smooth: drafts.reduce((n, d) => Math.max(n, d.surface + 1), 0),
    materials: drafts.map((d) => d.material),
    lightmaps: new Int32Array(drafts.length * 3),
    light: new Float32Array(0),
    balls,
    occluders,
    ...boundingSphere(drafts, balls),
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
