import { DepthcastError } from '../errors.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { allowedSizes, networkSize as officialSize } from '../model/size.ts';

/**
 * The network's input size for a source picture. Both sides are multiples of what the model asks for and follow the
 * picture's aspect, portrait or landscape; `size` is the long side or, for Video Depth Anything, the short one.
 * @param size one of `allowedSizes(model)`; the model's default when absent
 * @throws DepthcastError BAD_SIZE for a size that the model does not allow
 */
export function networkSize(
  model: Pick<ModelManifest, 'size' | 'name'>,
  sourceWidth: number,
  sourceHeight: number,
  size?: number,
): { width: number; height: number } {
  const side = size ?? allowedSizes(model).default;
  checkSize(model, side);
  const rule = model.size;
  if ('fixed' in rule) return rule.fixed;
  if ('shortSides' in rule) return officialSize({ width: sourceWidth, height: sourceHeight }, side, rule.multipleOf);
  const step = rule.multipleOf;
  const round = (length: number) => Math.max(step, Math.round(length / step) * step);
  const ratio = Math.min(sourceWidth, sourceHeight) / Math.max(sourceWidth, sourceHeight);
  const long = round(side);
  const short = Math.min(long, round(side * ratio));
  return sourceWidth >= sourceHeight ? { width: long, height: short } : { width: short, height: long };
}

/** @throws DepthcastError BAD_SIZE for a size that the model does not allow */
export function checkSize(model: Pick<ModelManifest, 'size' | 'name'>, size: number): void {
  if (!allowedSizes(model).sizes.includes(size))
    throw new DepthcastError('BAD_SIZE', { detail: `${size}; ${model.name} allows ${sizeList(model)}` });
}

/** For people: "192, 256" or "140 to 518 in steps of 14". */
function sizeList(model: Pick<ModelManifest, 'size'>): string {
  const rule = model.size;
  if ('shortSides' in rule) return `${rule.shortSides.from} to ${rule.shortSides.to} in steps of ${rule.multipleOf}`;
  return allowedSizes(model).sizes.join(', ');
}
