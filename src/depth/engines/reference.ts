import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

// Beside a graph of less precision stands the map that its float32 twin makes of the trial picture, so that every load
// can tell whether the backend computes what it should without loading that twin again.

/** Of a graph's file: raw little-endian float32 [height*width]. */
export const referencePath = (graph: string): string => `${graph.replace(/\.onnx$/i, '')}.reference`;

export function readReference(graph: string): Float32Array | undefined {
  const path = referencePath(graph);
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~3)));
}

/** @param graph the one that the reference is for @param map of the float32 network: CpuEngine.trialMap */
export function writeReference(graph: string, map: Float32Array): void {
  const temporary = `${referencePath(graph)}.${randomBytes(4).toString('hex')}`;
  writeFileSync(temporary, map);
  renameSync(temporary, referencePath(graph));
}
