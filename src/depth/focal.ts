import type { Size } from '../model/size.ts';
import { Camera, type Intrinsics } from '../protocol/camera.ts';

/** Focal lengths in pixels of a network's input, which may be stretched: across and down. */
export interface Focal {
  x: number;
  y: number;
}

/** Of a picture that is brought to the network's size. */
export function focalOf({ fx, fy }: Pick<Intrinsics, 'fx' | 'fy'>, picture: Size, network: Size): Focal {
  return { x: (fx * network.width) / picture.width, y: (fy * network.height) / picture.height };
}

/** As the network's input `focal` has them. */
export function setFocal(input: Float32Array, { x, y }: Focal): void {
  input[0] = x;
  input[1] = y;
}

/** Of a camera that nobody knows. */
export function assumedFocal({ width, height }: Size): Focal {
  const { fx, fy } = new Camera().intrinsics(width, height);
  return { x: fx, y: fy };
}
