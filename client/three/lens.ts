import type { PerspectiveCamera } from 'three';
import { coverRegion } from '../webxr/index.ts';

/**
 * A pinhole camera: focal lengths and principal point in pixels of the sent picture, pixel centres being whole numbers, as
 * `DepthFrame.intrinsics`; or its horizontal field of view in degrees.
 */
export type Lens = { fx: number; fy: number; cx: number; cy: number } | { horizontalFov: number };

/** Size of the picture that the lens is of. */
interface PictureSize {
  sourceWidth: number;
  sourceHeight: number;
}

/** The lens in parts of the picture's sides. */
export function normalised(lens: Lens, { sourceWidth: w, sourceHeight: h }: PictureSize) {
  if ('fx' in lens) return { fx: lens.fx / w, fy: lens.fy / h, cx: (lens.cx + 0.5) / w, cy: (lens.cy + 0.5) / h };
  const fx = 0.5 / Math.tan((lens.horizontalFov * Math.PI) / 360);
  return { fx, fy: (fx * w) / h, cx: 0.5, cy: 0.5 };
}

/**
 * Lets a camera of three.js see as the one that took the picture, for a view that the picture covers (`object-fit: cover`).
 * The principal point counts as the middle.
 * @param aspect width / height of the view
 */
export function matchCamera(camera: PerspectiveCamera, lens: Lens, picture: PictureSize, aspect: number): void {
  const { fy } = normalised(lens, picture);
  const { height } = coverRegion(picture.sourceWidth / picture.sourceHeight, aspect);
  camera.fov = (360 / Math.PI) * Math.atan((0.5 * height) / fy);
  camera.aspect = aspect;
  camera.updateProjectionMatrix();
}
