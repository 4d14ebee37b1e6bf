import { DepthcastError } from '../errors.ts';
import type { ModelManifest } from '../model/manifest.ts';

/**
 * The network's input size for a source picture: the long side is `size`, the short side follows the aspect
 * ratio, both rounded to the model's multiple. Portrait pictures give portrait inputs.
 * @param size long side in pixels, one of the manifest's `size.longSides`; its default when absent
 * @throws DepthcastError BAD_SIZE for a size that the model does not allow
 */
export function networkSize(
  model: Pick<ModelManifest, 'size' | 'name'>,
  sourceWidth: number,
  sourceHeight: number,
  size = model.size.default,
): { width: number; height: number } {
  if (!model.size.longSides.includes(size))
    throw new DepthcastError('BAD_SIZE', {
      detail: `${size}; ${model.name} allows ${model.size.longSides.join(', ')}`,
    });
  const step = model.size.multipleOf;
  const round = (side: number) => Math.max(step, Math.round(side / step) * step);
  const ratio = Math.min(sourceWidth, sourceHeight) / Math.max(sourceWidth, sourceHeight);
  const long = round(size);
  const short = Math.min(long, round(size * ratio));
  return sourceWidth >= sourceHeight ? { width: long, height: short } : { width: short, height: long };
}
