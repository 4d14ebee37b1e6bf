import type { mat4 } from 'gl-matrix';
import { DepthcastError } from '../errors.ts';
import { type Intrinsics, intrinsicsFor, matrix } from './camera.ts';
import { smoothEdges } from './edges.ts';
import type { Vec3 } from './mesh.ts';
import { Shading } from './shading.ts';
import { Visibility } from './visibility.ts';
import type { World } from './world.ts';

/** One rendered frame; the buffers are reused when the target is. */
export interface RenderTarget {
  readonly width: number;
  readonly height: number;
  /** [height*width*4] red, green, blue, alpha 255. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  /** [height*width] metres along the optical axis at the pixel's centre, exact to float32; Infinity for sky. */
  readonly depth: Float32Array<ArrayBuffer>;
  /** Camera-to-world, column-major, doubles; camera x right, y down, z forward; world y up, metres. */
  readonly pose: mat4;
  /** Pixel (x, y) sees along ((x-cx)/fx, (y-cy)/fy, 1). */
  readonly intrinsics: Intrinsics;
  /** Seconds. */
  time: number;
}

const SMALLEST = 16;
const LARGEST = 4096;

/** Buffers for one frame. Throws BAD_OPTION unless both sides are whole numbers from 16 to 4096. */
export function createTarget(width: number, height: number): RenderTarget {
  for (const side of [width, height])
    if (!Number.isInteger(side) || side < SMALLEST || side > LARGEST)
      throw new DepthcastError('BAD_OPTION', {
        detail: `picture sides are ${SMALLEST} to ${LARGEST} pixels, not ${width}x${height}`,
      });
  return {
    width,
    height,
    rgba: new Uint8ClampedArray(width * height * 4),
    depth: new Float32Array(width * height),
    pose: matrix(),
    intrinsics: { fx: 0, fy: 0, cx: 0, cy: 0 },
    time: 0,
  };
}

/** Draws worlds of one picture size: visibility, then shading of what is seen, then antialiasing of the outlines. */
export class Renderer {
  readonly #world: World;
  readonly #visibility: Visibility;
  readonly #shading: Shading;
  readonly intrinsics: Intrinsics;

  constructor(world: World, width: number, height: number) {
    this.#world = world;
    this.intrinsics = intrinsicsFor(width, height, world.focal);
    this.#visibility = new Visibility(width, height, this.intrinsics);
    this.#shading = new Shading(this.#visibility, world.lighting);
  }

  /** Draws the world as it is at `time` into a target of this renderer's size. */
  render(time: number, target: RenderTarget): void {
    const world = this.#world;
    world.animate(time);
    world.camera(time, target.pose);
    Object.assign(target.intrinsics, this.intrinsics);
    target.time = time;
    const pixels = new Int32Array(target.rgba.buffer);
    const forward: Vec3 = [target.pose[8], target.pose[9], target.pose[10]];
    this.#visibility.render(world.instances, target.pose);
    this.#shading.render(pixels, target.depth, forward);
    smoothEdges(this.#visibility, pixels);
  }
}
