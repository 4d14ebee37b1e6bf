import { closeSync, fsyncSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { byteLength, type ExternalData, encodeModel, type Initializer, type OnnxModel } from './onnx.ts';

/** The two files of a model on disk, in one folder. */
export const MODEL_FILE = 'model.onnx';
export const WEIGHTS_FILE = 'model.weights';
const NAMES = { model: MODEL_FILE, weights: WEIGHTS_FILE };

/** Smaller constants stand in the model file, where shape inference sees them. */
const MIN_EXTERNAL_BYTES = 4096;
/** onnxruntime maps the weights file into memory; values start on cache lines. */
const ALIGNMENT = 64;

/**
 * Writes a model with its weights in a file of their own: one constant at a time is in memory, and onnxruntime maps
 * that file instead of parsing it. Blocking.
 */
export function writeModel(model: OnnxModel, folder: string, { model: modelFile, weights } = NAMES): void {
  const places = new Map<Initializer, ExternalData>();
  const fd = openSync(join(folder, weights), 'w');
  try {
    let end = 0;
    for (const initializer of model.initializers) {
      if (byteLength(initializer) < MIN_EXTERNAL_BYTES) continue;
      const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      const bytes = initializer.make();
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
      places.set(initializer, { file: weights, offset });
      end = offset + bytes.length;
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  writeFileSync(
    join(folder, modelFile),
    encodeModel(model, (initializer) => places.get(initializer)),
    { flush: true },
  );
}
