import type { Intrinsics } from './camera.ts';
import type { Material, Mesh } from './mesh.ts';

/** Doubles of a record. */
export const STRIDE = 36;
/** A record's kind beside the polygons' FLAT, SMOOTH and BAKED. */
export const BALL = 3;
// Where a record keeps what. A plane is three numbers a, b, c: value = a*x + b*y + c at pixel (x, y). It starts with the
// plane of 1/z; then:
/** Five planes: attribute/z. */
export const ATTRIBUTE = 3;
/** The outward normal in the world. */
export const NORMAL = 18;
/** Object-to-world rotation, row-major. */
export const TURN = 21;
// Balls start with the three planes of the ray's direction in the unit sphere's frame; then:
/** The camera in the unit sphere's frame. */
export const EYE = 9;
/** That point's square distance from the middle, less one. */
export const OFFSET = 12;
/** From points of the unit sphere to world normals, row-major. */
export const NORMALS = 13;
/** Texture repeats that one pixel covers, then repeats per unit radius. */
export const PER_PIXEL = 22;

/** One polygon or ball that may be seen in this frame. */
export interface Seen {
  kind: number;
  material: Material;
  mesh: Mesh;
  /** Polygon number within the mesh; of a ball 1 for a front map, else 0. */
  polygon: number;
  /** Its corners on the screen: from `corner`, `corners` of them. */
  corner: number;
  corners: number;
}

/** What may be seen in a frame; the buffers only grow. */
export class Records {
  count = 0;
  /** STRIDE doubles a record. */
  values = new Float64Array(1024 * STRIDE);
  readonly seen: Seen[] = [];
  /** A number per record: neighbours with the same one share a smooth surface, -1 shares none. */
  surfaces = new Int32Array(1024);
  /** Screen corners of the polygons, x and y. */
  corners = new Float64Array(8192);
  #cornerCount = 0;

  clear(): void {
    this.count = 0;
    this.#cornerCount = 0;
  }

  /** The number of the new record. */
  add(kind: number, material: Material, mesh: Mesh, polygon: number, surface: number): number {
    const r = this.count++;
    if (this.count > this.surfaces.length) {
      this.values = grown(this.values, new Float64Array(this.values.length * 2));
      this.surfaces = grown(this.surfaces, new Int32Array(this.surfaces.length * 2));
    }
    this.surfaces[r] = surface;
    const seen = this.seen[r];
    if (seen) {
      seen.kind = kind;
      seen.material = material;
      seen.mesh = mesh;
      seen.polygon = polygon;
    } else this.seen.push({ kind, material, mesh, polygon, corner: 0, corners: 0 });
    return r;
  }

  /** Keeps the first n screen corners of `from` (x and y) as those of record r. */
  keepCorners(r: number, from: Float64Array, n: number): void {
    const at = this.#cornerCount;
    if ((at + n) * 2 > this.corners.length)
      this.corners = grown(this.corners, new Float64Array(this.corners.length * 2));
    for (let i = 0; i < n * 2; i++) this.corners[at * 2 + i] = from[i]!;
    this.#cornerCount += n;
    const seen = this.seen[r]!;
    seen.corner = at;
    seen.corners = n;
  }
}

/** A picture in which things are being seen. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly intrinsics: Intrinsics;
  readonly records: Records;
  /** 1 + the number of the nearest record at each pixel, 0 where there is nothing. */
  readonly ids: Int32Array;
  /** 1/z, 0 where there is nothing. */
  readonly inverseDepth: Float32Array;
}

function grown<T extends Float64Array | Int32Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
