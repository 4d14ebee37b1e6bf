import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GraphBuilder } from '../../src/model/graph/builder.ts';
import { MODEL_FILE, writeModel } from '../../src/model/graph/write.ts';

/**
 * Writes a network whose depth is the red of its picture, so that a test reads in a depth map which picture it was made of.
 * It keeps the streaming contract and remembers nothing.
 * @returns the path of its manifest
 */
export function writeLumaModel(folder: string, width: number, height: number): string {
  const b = new GraphBuilder();
  const image = b.input('image', 'float32', [1, 3, height, width]);
  b.input('slots', 'int64', [2]);
  b.input('mask', 'float32', [2]);
  b.output('depth', b.reshape(b.slice(image, 1, 0, 1), [1, height, width]));
  writeModel(b.finish('luma', {}), folder);
  const manifest = {
    name: 'luma',
    title: 'The picture itself',
    file: MODEL_FILE,
    sha256: createHash('sha256')
      .update(readFileSync(join(folder, MODEL_FILE)))
      .digest('hex'),
    unit: 'disparity',
    precision: 'fp32',
    normalise: { mean: [0, 0, 0], std: [1, 1, 1] },
    size: { fixed: { width, height } },
    window: { rule: 'recent', frames: 1, emptyMask: -1 },
    cutThreshold: 2,
    licence: 'Apache-2.0',
    source: 'test/support/luma-model.ts',
  };
  const path = join(folder, 'luma.json');
  writeFileSync(path, JSON.stringify(manifest));
  return path;
}
