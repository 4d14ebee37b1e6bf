import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  anchoredRule,
  buildStreamGraph,
  type GraphOptions,
  NORMALISE,
} from '../../src/model/graph/video-depth-anything.ts';
import { MODEL_FILE, writeModel } from '../../src/model/graph/write.ts';
import { checkDepth, parityError } from '../../src/model/precision.ts';
import { type Dimensions, formulaFrame, formulaWeights, networkInput } from './formula.ts';
import { StreamRunner } from './stream.ts';

/** Graphs of one network that should agree with the first of them, the plain float32 one. */
const VARIANTS = {
  reference: {},
  fp32: { target: 'cpu' },
  fp16: { precision: 'float16' },
  int8: { precision: 'int8', target: 'cpu' },
} as const satisfies Record<string, Partial<GraphOptions>>;

export interface VariantError {
  /** parityError of the worst frame. */
  relative: number;
  /** Largest absolute difference of any value. */
  absolute: number;
}

export type Variant = Exclude<keyof typeof VARIANTS, 'reference'>;

/** Builds a network from weights by formula in every precision, on disk, and streams the same frames through each. */
export async function comparePrecisions(
  dimensions: Dimensions,
  { size, frames, config }: { size: number; frames: number; config?: GraphOptions['config'] },
  onVariant: (name: string) => void = () => {},
): Promise<Record<Variant, VariantError>> {
  const images = Array.from({ length: frames }, (_, t) =>
    networkInput(formulaFrame(t, 256, 256), { width: 256, height: 256 }, { width: size, height: size }, NORMALISE),
  );
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-precisions-'));
  const result: Partial<Record<Variant, VariantError>> = {};
  let reference: Float32Array[] = [];
  try {
    for (const [name, options] of Object.entries(VARIANTS)) {
      onVariant(name);
      // One after the other, so that the largest network is in memory and on disk once.
      const place = join(folder, name);
      mkdirSync(place);
      writeModel(
        buildStreamGraph(formulaWeights(dimensions), { width: size, height: size, config, ...options }),
        place,
      );
      const runner = await StreamRunner.open(join(place, MODEL_FILE), anchoredRule(32));
      const maps: Float32Array[] = [];
      for (const image of images) maps.push((await runner.run(image, [1, 3, size, size])).depth.slice());
      await runner.close();
      rmSync(place, { recursive: true });
      maps.forEach(checkDepth);
      if (name === 'reference') reference = maps;
      else result[name as Variant] = errors(maps, reference);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return result as Record<Variant, VariantError>;
}

function errors(maps: readonly Float32Array[], reference: readonly Float32Array[]): VariantError {
  let absolute = 0;
  const relative = maps.map((map, t) => {
    for (const [i, value] of map.entries()) absolute = Math.max(absolute, Math.abs(value - reference[t]![i]!));
    return parityError(map, reference[t]!);
  });
  return { relative: Math.max(...relative), absolute };
}
