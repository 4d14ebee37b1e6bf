import type { ModelManifest } from '../model/manifest.ts';
import { allowedSizes } from '../model/size.ts';

/** Each step makes a network smaller by about a quarter of its area, down to this share of its default side. */
const STEP = 0.88;
const MIN_SHARE = 0.6;

/**
 * The sizes that a stream may go down by when its server is busy: its own first, then smaller ones of the model's.
 * 256, 224, 192, 160 of the embedded network.
 */
export function sizeLadder(model: Pick<ModelManifest, 'size'>, size: number): number[] {
  const { sizes, default: own } = allowedSizes(model);
  const ladder = [size];
  for (const next of sizes.filter((one) => one >= MIN_SHARE * own).sort((a, b) => b - a))
    if (next <= STEP * ladder.at(-1)!) ladder.push(next);
  return ladder;
}
