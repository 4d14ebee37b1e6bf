import { DepthcastError } from '../../errors.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import { checkDepth, checkParity } from '../../model/precision.ts';
import type { Size } from '../../model/size.ts';
import { badModel } from './contract.ts';

/**
 * A picture with edges and texture, about as spread as a normalised one: no network answers it with a flat map.
 * @param shift pixels that it has moved by to the left
 */
export function trialImage({ width, height }: Size, shift = 0): Float32Array {
  const image = new Float32Array(3 * width * height);
  for (let i = 0; i < image.length; i++) {
    const x = (i % width) + shift;
    const y = Math.floor(i / width) % height;
    const disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2 ? 1.2 : -0.8;
    image[i] = disc + y / height + 0.3 * Math.sin(0.7 * x) * Math.cos(0.4 * y);
  }
  return image;
}

/**
 * Judges the map that a network makes of the trial picture.
 * @param backend for people: "onnxruntime's CPU backend"
 * @param reference the float32 network's map, where there is one
 * @returns parityError against it
 * @throws DepthcastError BAD_MODEL, BAD_OUTPUT, which names the network and the backend
 */
export function judgeTrial(
  { name, precision }: ModelManifest,
  backend: string,
  { width, height }: Size,
  depth: Float32Array,
  reference?: Float32Array | undefined,
): number | undefined {
  if (depth.length !== width * height) throw badModel(`depth holds ${depth.length} values for ${width}x${height}`);
  try {
    checkDepth(depth);
    return reference && checkParity(depth, reference, precision);
  } catch (thrown) {
    const why = (thrown as DepthcastError).detail;
    const detail = `${name}, ${precision}, ${width}x${height} on ${backend}: ${why}`;
    throw new DepthcastError('BAD_OUTPUT', { detail });
  }
}
