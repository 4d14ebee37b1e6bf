import type { Intrinsics } from '../protocol/index.ts';
import type { Anchor } from './anchors.ts';

/** A place of the picture on the floor, and how the camera stands over it. */
export interface FloorPlace {
  /** Of the picture: 0, 0 is its top left corner, 1, 1 its bottom right one. */
  x: number;
  y: number;
  /** Metres from the floor to the camera. */
  height: number;
  /** Degrees by which the camera looks down; 0, level, where it is left out. It stands upright: no roll. */
  pitch?: number | undefined;
}

/** One standard deviation of the pitch, in radians, and of the height, as a share of it. */
const PITCH_ERROR = (1 * Math.PI) / 180;
const HEIGHT_ERROR = 0.03;
/** So near the horizon (tangent of the angle below it) a degree of pitch is everything. */
const MIN_SLOPE = 0.05;

/**
 * The anchor that a known height over the floor gives: where the ray through a place of the picture meets the floor.
 * @param camera for a picture of `width` x `height`
 * @throws RangeError when the place lies above the horizon, or less than 3 degrees below it
 */
export function floorAnchor(
  { fy, cy }: Pick<Intrinsics, 'fy' | 'cy'>,
  size: { width: number; height: number },
  { x, y, height, pitch = 0 }: FloorPlace,
): Anchor {
  const down = (pitch * Math.PI) / 180;
  const slope = (y * size.height - 0.5 - cy) / fy;
  // What one metre along the optical axis goes down.
  const fall = slope * Math.cos(down) + Math.sin(down);
  if (!(fall >= MIN_SLOPE)) throw new RangeError(`the floor cannot be seen at ${x}, ${y}: the horizon is there`);
  const turned = Math.abs(Math.cos(down) - slope * Math.sin(down));
  return { x, y, metres: height / fall, error: Math.hypot(HEIGHT_ERROR, (PITCH_ERROR * turned) / fall) };
}
