import * as z from 'zod/mini';

/**
 * How far the numbers of a pinhole camera can be trusted: `given` by whoever knows the camera, `derived` from a field of view or
 * from intrinsics of a picture of another shape, or `assumed`, because nobody told anything.
 */
export const INTRINSICS_SOURCES = ['given', 'derived', 'assumed'] as const;
export type IntrinsicsSource = (typeof INTRINSICS_SOURCES)[number];

/**
 * A pinhole camera, in pixels of the picture as sent. Pixel (x, y), whose centre has whole coordinates (as in OpenCV and ROS: the
 * picture's left edge is at -0.5), looks along ((x - cx) / fx, (y - cy) / fy, 1): x right, y down, z forward.
 */
export interface Intrinsics {
  fx: number;
  fy: number;
  cx: number;
  cy: number;
  source: IntrinsicsSource;
}

/** Packets carry it as a 32-bit float, in which less may be 0. */
const focal = z.number().check(z.minimum(1e-3), z.maximum(1e6));
const centre = z.number().check(z.minimum(-1e6), z.maximum(1e6));
const side = z.optional(z.int().check(z.minimum(1), z.maximum(65535)));

/**
 * What may be told of a camera: a calibration, with the size of the picture that it holds for (where it is left out: of the first
 * picture that comes), or the horizontal field of view in degrees, 1 to 179.
 */
export type CameraSettings =
  | {
      fx: number;
      fy: number;
      cx: number;
      cy: number;
      width?: number | undefined;
      height?: number | undefined;
    }
  | { hfov: number };

export const cameraSettings = z.union([
  z
    .strictObject({ fx: focal, fy: focal, cx: centre, cy: centre, width: side, height: side })
    .check(
      z.refine(
        (camera) => (camera.width === undefined) === (camera.height === undefined),
        'width and height go together',
      ),
    ),
  z.strictObject({ hfov: z.number().check(z.minimum(1), z.maximum(179)) }),
]) satisfies z.ZodMiniType<CameraSettings, CameraSettings>;

/** The same as a server tells it: a newer one may say more. */
export const presentCamera = z.union([
  z.object({ fx: focal, fy: focal, cx: centre, cy: centre, width: side, height: side }),
  z.object({ hfov: z.number() }),
]) satisfies z.ZodMiniType<CameraSettings, CameraSettings>;

/** Degrees across the longer side where nothing is known: between webcams (about 60) and the main cameras of phones (about 70). */
const ASSUMED_FIELD_OF_VIEW = 65;

/** Sides that agree to this share are those of one picture scaled: encoders round to even numbers. */
const SAME_SHAPE = 0.02;

const focalOf = (degrees: number, pixels: number): number => pixels / 2 / Math.tan((degrees * Math.PI) / 360);

/** A stream's camera: what was told of it, for pictures of any size that its sender scales, crops or turns them to. */
export class Camera {
  readonly #settings: CameraSettings | undefined;
  /** The size that the settings hold for. */
  #size: { width: number; height: number } | undefined;
  #last: { width: number; height: number; intrinsics: Intrinsics } | undefined;

  constructor(settings?: CameraSettings) {
    this.#settings = settings;
    if (settings && 'fx' in settings && settings.width !== undefined && settings.height !== undefined)
      this.#size = { width: settings.width, height: settings.height };
  }

  /**
   * Of a picture of this size. Of another shape than the settings are for, it counts as cropped about the centre and, where upright and
   * lying change places, as turned; both are then marked as derived.
   */
  intrinsics(width: number, height: number): Intrinsics {
    if (this.#last?.width !== width || this.#last.height !== height)
      this.#last = { width, height, intrinsics: this.#of(width, height) };
    return this.#last.intrinsics;
  }

  #of(width: number, height: number): Intrinsics {
    const settings = this.#settings;
    const middle = { cx: (width - 1) / 2, cy: (height - 1) / 2 };
    if (settings === undefined) {
      const f = focalOf(ASSUMED_FIELD_OF_VIEW, Math.max(width, height));
      return { fx: f, fy: f, ...middle, source: 'assumed' };
    }
    this.#size ??= { width, height };
    const told = { ...this.#size };
    let k: Omit<Intrinsics, 'source'>;
    if ('fx' in settings) k = { fx: settings.fx, fy: settings.fy, cx: settings.cx, cy: settings.cy };
    else {
      const f = focalOf(settings.hfov, told.width);
      k = { fx: f, fy: f, cx: (told.width - 1) / 2, cy: (told.height - 1) / 2 };
    }
    const sx = width / told.width;
    const sy = height / told.height;
    if (Math.abs(sx / sy - 1) <= SAME_SHAPE) {
      const source = 'fx' in settings ? 'given' : 'derived';
      return { fx: k.fx * sx, fy: k.fy * sy, cx: (k.cx + 0.5) * sx - 0.5, cy: (k.cy + 0.5) * sy - 0.5, source };
    }
    const turned = width > height !== told.width > told.height;
    if (turned) {
      [told.width, told.height] = [told.height, told.width];
      [k.fx, k.fy] = [k.fy, k.fx];
    }
    const s = Math.max(width / told.width, height / told.height);
    return { fx: k.fx * s, fy: k.fy * s, ...middle, source: 'derived' };
  }
}
