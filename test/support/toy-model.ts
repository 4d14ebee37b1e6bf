import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GraphBuilder } from '../../src/model/graph/builder.ts';
import { MODEL_FILE, writeModel } from '../../src/model/graph/write.ts';

/** What a toy's values are said to be. */
export type ToyUnit = 'disparity' | 'metres';

interface ToyModel {
  name: string;
  title: string;
  unit: ToyUnit;
  width: number;
  height: number;
}

/** Writes a graph of one size that takes pictures as they are, with a window of one frame. @returns the path of its manifest */
export function writeToyModel(b: GraphBuilder, folder: string, { name, title, unit, width, height }: ToyModel): string {
  writeModel(b.finish(name, {}), folder);
  const manifest = {
    name,
    title,
    file: MODEL_FILE,
    sha256: createHash('sha256')
      .update(readFileSync(join(folder, MODEL_FILE)))
      .digest('hex'),
    unit,
    precision: 'fp32',
    normalise: { mean: [0, 0, 0], std: [1, 1, 1] },
    size: { fixed: { width, height } },
    window: { rule: 'recent', frames: 1, emptyMask: -1 },
    cutThreshold: 2,
    licence: 'Apache-2.0',
    source: `test/support/${name}-model.ts`,
  };
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify(manifest));
  return path;
}
