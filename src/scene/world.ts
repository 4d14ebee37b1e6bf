import type { mat4 } from 'gl-matrix';
import type { Lighting } from './light.ts';
import type { Mesh } from './mesh.ts';
import type { Instance } from './visibility.ts';

/** Everything that a scene shows. Times are in seconds, any finite number. */
export interface World {
  lighting: Lighting;
  instances: readonly Instance[];
  /** Focal length in longer picture sides. */
  focal: number;
  /** Whether anything but the camera moves. */
  still: boolean;
  /** Whether the camera stands still. */
  tripod: boolean;
  /** Moves the instances to where they are at a time. */
  animate(time: number): void;
  /** Writes the camera-to-world matrix at a time. */
  camera(time: number, pose: mat4): void;
}

/** A dark spot below something that moves: a place on the ground, a radius in metres, the light it takes away (0..1). */
export interface Shade {
  x: number;
  z: number;
  radius: number;
  depth: number;
}

/** Keeps soft moving shadows on the level polygons of a baked mesh. */
export class MovingShades {
  readonly #mesh: Mesh;
  readonly #baked: Float32Array;
  readonly #floors: number[] = [];

  /** `height`: only polygons at this height, facing up, take shadows. */
  constructor(mesh: Mesh, height: number) {
    this.#mesh = mesh;
    this.#baked = mesh.light.slice();
    for (let p = 0; p < mesh.polygons; p++) {
      const level = mesh.planes[p * 4 + 1]! > 0.999 && Math.abs(mesh.planes[p * 4 + 3]! - height) < 0.2;
      if (level && mesh.lightmaps[p * 3 + 1]! > 0) this.#floors.push(p);
    }
  }

  set(shades: readonly Shade[]): void {
    this.#mesh.light.set(this.#baked);
    for (const p of this.#floors) for (const shade of shades) this.#darken(p, shade);
  }

  #darken(p: number, shade: Shade): void {
    const { gradients: g, lightmaps, light } = this.#mesh;
    const at = (p * 5 + 2) * 4;
    // s = g.p + h over a level polygon depends on x and z only.
    const s = g[at]! * shade.x + g[at + 2]! * shade.z + g[at + 3]!;
    const t = g[at + 4]! * shade.x + g[at + 6]! * shade.z + g[at + 7]!;
    const rs = shade.radius * Math.hypot(g[at]!, g[at + 2]!);
    const rt = shade.radius * Math.hypot(g[at + 4]!, g[at + 6]!);
    const [start, columns, rows] = [lightmaps[p * 3]!, lightmaps[p * 3 + 1]!, lightmaps[p * 3 + 2]!];
    for (let j = Math.max(0, Math.ceil(t - rt)); j <= Math.min(rows - 1, t + rt); j++)
      for (let i = Math.max(0, Math.ceil(s - rs)); i <= Math.min(columns - 1, s + rs); i++) {
        const distance = Math.hypot((i - s) / rs, (j - t) / rt);
        if (distance >= 1) continue;
        const k = 1 - shade.depth * (1 - distance) * (1 + distance * (1 - distance));
        const o = (start + j * columns + i) * 3;
        for (let c = 0; c < 3; c++) light[o + c] = light[o + c]! * k;
      }
  }
}
