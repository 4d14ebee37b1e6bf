import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  anchoredRule,
  buildStreamGraph,
  type GraphTarget,
  NORMALISE,
} from '../../src/model/graph/video-depth-anything.ts';
import { MODEL_FILE, writeModel } from '../../src/model/graph/write.ts';
import { findModel, type InstalledModel } from '../../src/model/library.ts';
import type { Size } from '../../src/model/size.ts';
import { modelFolder } from '../../src/model/store/folder.ts';
import { createScene } from '../../src/scene/scene.ts';
import { formulaCheckpoint } from './checkpoint.ts';
import { formulaFrame, formulaWeights, networkInput, TINY, TINY_CONFIG } from './formula.ts';

/** Frames of the room, as the embedded network takes them. */
export function nanoImages(model: InstalledModel, size: Size, frames: number): Float32Array[] {
  const { mean, std } = model.manifest.normalise;
  const room = createScene('room', size);
  const plane = size.width * size.height;
  return Array.from({ length: frames }, (_, frame) => {
    const { rgba } = room.render(frame / 15);
    return Float32Array.from({ length: 3 * plane }, (_, i) => {
      const c = Math.floor(i / plane);
      return (rgba[4 * (i % plane) + c]! / 255 - mean[c]!) / std[c]!;
    });
  });
}

/** Frames by formula, as the tiny network takes them. */
export const tinyImages = (size: Size, frames: number, from: Size = { width: 64, height: 48 }): Float32Array[] =>
  Array.from({ length: frames }, (_, t) =>
    networkInput(formulaFrame(t, from.width, from.height), from, size, NORMALISE),
  );

/** The tiny network's checkpoint as a model of its own. @param folder an empty one */
export function tinyCheckpoint(folder: string): InstalledModel {
  writeFileSync(join(folder, 'tiny.pth'), formulaCheckpoint(TINY));
  const found = findModel(join(folder, 'tiny.pth'), { store: modelFolder(join(folder, 'cache')) });
  return { ...found, manifest: { ...found.manifest, network: TINY_CONFIG } } as InstalledModel;
}

/** The tiny network's graph for one target, with its manifest. @param folder where it is written */
export function tinyGraph(folder: string, size: Size, target: GraphTarget): InstalledModel {
  writeModel(buildStreamGraph(formulaWeights(TINY), { ...size, config: TINY_CONFIG, target }), folder);
  const manifest = {
    kind: 'graph',
    name: `tiny-${target}`,
    title: 'tiny',
    file: MODEL_FILE,
    unit: 'disparity',
    precision: 'fp32',
    normalise: NORMALISE,
    size: { fixed: size },
    window: anchoredRule(32),
    cutThreshold: 0.3,
    licence: 'none',
    source: 'by formula',
  };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(manifest));
  return findModel(join(folder, 'model.json'), { store: modelFolder(join(folder, 'cache')) });
}
