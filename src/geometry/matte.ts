import type { DepthUnit, MetricMap } from '../protocol/index.ts';
import type { MatteSettings } from '../protocol/matte.ts';

/** One depth map, as far as a matte needs to know it. */
export interface MatteInput {
  /** [height * width], in `unit`. */
  values: Float32Array;
  width: number;
  height: number;
  unit: DepthUnit;
  /** Ends of the display range, in `unit`. */
  near: number;
  far: number;
  /** A new one has nothing to do with what was before. */
  epoch: number;
  /** What makes metres of the values, where it is known. */
  metric?: MetricMap | undefined;
}

/**
 * Positions at which a matte goes from black to white and back: 0 is the far end of the display range, 1 its near end, linear in
 * disparity between and beyond.
 */
export interface MatteRamps {
  farBlack: number;
  farWhite: number;
  nearWhite: number;
  nearBlack: number;
}

/** Ramps are no steeper: positions a step apart are the same to whoever looks. */
const MIN_RAMP = 1e-4;

/**
 * Settings as positions within a map's display range.
 * @returns undefined for metres where the map has none
 */
export function matteRamps(
  { unit, near, far, soft }: MatteSettings,
  map: Omit<MatteInput, 'values' | 'width' | 'height' | 'epoch'>,
): MatteRamps | undefined {
  const half = soft / 2;
  if (unit === 'normalised') {
    const [farBlack, farWhite] = far <= 0 ? [-Infinity, -Infinity] : [far - half, far + half];
    const [nearWhite, nearBlack] = near >= 1 ? [Infinity, Infinity] : [near - half, near + half];
    return { farBlack, farWhite, nearWhite, nearBlack };
  }
  const { metric } = map;
  if (map.unit === 'disparity' && metric === undefined) return undefined;
  const position = positionsOf(map);
  const at = (metres: number): number => {
    if (metres <= 0) return Infinity;
    if (map.unit === 'metres') return position.scale * ((metric?.scale ?? 1) / metres) + position.shift;
    return position.scale * ((1 / metres - metric!.shift) / metric!.scale) + position.shift;
  };
  const [nearWhite, nearBlack] = near <= 0 ? [Infinity, Infinity] : [at(near + half), at(near - half)];
  return { farBlack: at(far + half), farWhite: at(Math.max(1e-3, far - half)), nearWhite, nearBlack };
}

/** Position of a value: scale * disparity + shift, where the disparity of metres is their inverse. */
function positionsOf({ unit, near, far }: Pick<MatteInput, 'unit' | 'near' | 'far'>): { scale: number; shift: number } {
  const [nearest, farthest] = unit === 'metres' ? [1 / near, 1 / far] : [near, far];
  const scale = 1 / (nearest - farthest);
  return { scale, shift: -farthest * scale };
}

/**
 * How far white a position is, 0 to 1, without regard to what was before: plain thresholding.
 */
export function matteOf(position: number, { farBlack, farWhite, nearWhite, nearBlack }: MatteRamps): number {
  const enter = rise(position, farBlack, farWhite);
  if (nearWhite === Infinity) return enter;
  return Math.min(enter, 1 - rise(position, nearWhite, nearBlack));
}

function rise(position: number, from: number, to: number): number {
  const share = (position - from) / Math.max(MIN_RAMP, to - from);
  return share < 1 ? Math.max(share, 0) : 1;
}

/** Change of position, from one frame to the next, that is taken for noise or slow drift, and averaged away. */
const NOISE = 0.04;
/** Share of such a change that is taken over a frame; of a change twice as large, all. */
const FOLLOW = 0.12;
/** Changes as many times larger than noise count as movement. */
const MOVES = 1.5;
/** Positions so close to each other count as one, where the matte can stay as it is by that. */
const PLAY = 0.012;
/** Of what has no distance: farther, or nearer, than everything. */
const BEYOND = 4;

/**
 * Mattes of one stream's depth maps, one after the other, steady in time: noise of the depth is averaged where nothing moves
 * (the weight of a new value grows with its distance from the old one, as in motion-adaptive recursive filters: Dubois and Sabri,
 * Noise Reduction in Image Sequences Using Motion-Compensated Temporal Filtering, IEEE Trans. Comm. 1984), and whiteness has
 * play (hysteresis), so that it does not flicker at the edges. What moves is followed at once. No allocation but for maps of a
 * new size.
 */
export class MatteFilter {
  #position = new Float32Array(0);
  #alpha = new Float32Array(0);
  #epoch: number | undefined;
  #settings: MatteSettings | undefined;
  #ramps: MatteRamps | undefined;
  #moving = new Uint8Array(0);
  #spread = new Uint8Array(0);
  /** Whether the last map's distances in metres were known, where they were asked for. */
  measured = true;

  /** [height * width] of the last map: 1 where it moved, and in the surroundings of that; valid until the next call. */
  get moving(): Uint8Array {
    return this.#moving;
  }

  /**
   * @param settings another object than last time counts as changed: the matte then follows at once
   * @returns [height * width], 0 black to 1 white; valid until the next call. All black where metres are asked for and were
   *   never known; where they are not known any more, the last that were go on.
   */
  update(map: MatteInput, settings: MatteSettings): Float32Array {
    const fresh = matteRamps(settings, map);
    this.measured = fresh !== undefined;
    const resized = this.#alpha.length !== map.values.length;
    if (resized) {
      this.#position = new Float32Array(map.values.length);
      this.#alpha = new Float32Array(map.values.length);
      this.#moving = new Uint8Array(map.values.length);
      this.#spread = new Uint8Array(map.values.length);
    }
    const anew = resized || map.epoch !== this.#epoch;
    const changed = settings !== this.#settings;
    this.#epoch = map.epoch;
    this.#settings = settings;
    if (fresh !== undefined) this.#ramps = fresh;
    if (this.#ramps === undefined) return this.#alpha.fill(0);
    this.#follow(map, anew);
    this.#shade(this.#ramps, anew || changed);
    if (anew || changed) this.#moving.fill(1);
    else spread(this.#moving, this.#spread, map.width, map.height);
    return this.#alpha;
  }

  #follow({ values, unit, near, far }: MatteInput, anew: boolean): void {
    const kept = this.#position;
    const moving = this.#moving;
    const { scale, shift } = positionsOf({ unit, near, far });
    const metres = unit === 'metres';
    for (let i = 0; i < values.length; i++) {
      const position = scale * (metres ? 1 / values[i]! : values[i]!) + shift;
      const now = Math.max(-BEYOND, Math.min(BEYOND, Number.isNaN(position) ? -BEYOND : position));
      const change = now - kept[i]!;
      const share = Math.abs(change) / NOISE;
      moving[i] = share >= MOVES ? 1 : 0;
      const weight = anew || share >= 2 ? 1 : share <= 1 ? FOLLOW : FOLLOW + (1 - FOLLOW) * (share - 1);
      kept[i] = kept[i]! + weight * change;
    }
  }

  #shade(ramps: MatteRamps, anew: boolean): void {
    const alpha = this.#alpha;
    const position = this.#position;
    for (let i = 0; i < alpha.length; i++) {
      const at = position[i]!;
      if (anew) {
        alpha[i] = matteOf(at, ramps);
        continue;
      }
      const one = matteOf(at - PLAY, ramps);
      const other = matteOf(at + PLAY, ramps);
      const was = alpha[i]!;
      alpha[i] = Math.max(Math.min(one, other), Math.min(Math.max(one, other), was));
    }
  }
}

/** Map pixels around one that moves which its picture's edges may reach: those of a window of the guided filter. */
const REACH = 3;

/** Marks what lies within REACH of a mark, in both directions. */
function spread(marks: Uint8Array, spare: Uint8Array, width: number, height: number): void {
  const pass = (from: Uint8Array, to: Uint8Array, lines: number, length: number, line: number, step: number) => {
    for (let n = 0; n < lines; n++) {
      let left = -1;
      // Ahead by REACH: a mark lights the REACH pixels before it, and as many behind.
      for (let i = -REACH; i < length; i++) {
        const ahead = i + REACH;
        if (ahead < length && from[n * line + ahead * step] === 1) left = 2 * REACH + 1;
        left--;
        if (i >= 0) to[n * line + i * step] = left >= 0 ? 1 : 0;
      }
    }
  };
  pass(marks, spare, height, width, width, 1);
  pass(spare, marks, width, height, 1, width);
}

/** Share of a change that a still pixel takes over a frame, as a shift: an eighth. */
const STILL_SHIFT = 3;
/** Fraction bits of what is kept: an eighth of a step must not be lost. */
const FRACTION = 6;

/**
 * Holds a matte of the picture's size steady that was enlarged along the picture's edges: these tremble with the picture's own
 * noise. What the map says is still follows slowly, what moves at once. No allocation but for a new size.
 */
export class MatteSteadier {
  #kept = new Uint16Array(0);
  #columns = new Uint16Array(0);
  #from = '';

  /**
   * @param luma [to.height * to.width]; changed in place
   * @param moving [from.height * from.width], as MatteFilter has it
   */
  steady(
    luma: Uint8Array | Uint8ClampedArray,
    to: { width: number; height: number },
    moving: Uint8Array,
    from: { width: number; height: number },
  ): void {
    const sizes = `${from.width}x${from.height} ${to.width}x${to.height}`;
    const anew = this.#from !== sizes;
    if (anew) {
      this.#from = sizes;
      this.#kept = new Uint16Array(to.width * to.height);
      this.#columns = Uint16Array.from({ length: to.width }, (_, x) => Math.floor(((x + 0.5) * from.width) / to.width));
    }
    const kept = this.#kept;
    const columns = this.#columns;
    for (let y = 0, i = 0; y < to.height; y++) {
      const row = Math.floor(((y + 0.5) * from.height) / to.height) * from.width;
      for (let x = 0; x < to.width; x++, i++) {
        const now = luma[i]! << FRACTION;
        if (anew || moving[row + columns[x]!] === 1) {
          kept[i] = now;
          continue;
        }
        const next = kept[i]! + ((now - kept[i]!) >> STILL_SHIFT);
        kept[i] = next;
        luma[i] = (next + (1 << (FRACTION - 1))) >> FRACTION;
      }
    }
  }
}
