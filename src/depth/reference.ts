import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { ModelManifest } from '../model/manifest.ts';
import type { Size } from '../model/size.ts';
import { DepthEngine } from './engine.ts';

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

/** @param full the float32 graph @param graph the one that the reference is for */
export async function writeReference(manifest: ModelManifest, full: string, size: Size, graph: string): Promise<void> {
  const engine = await DepthEngine.load(
    { ...manifest, precision: 'fp32' },
    { graph: full, ...size, threads: availableParallelism() },
  );
  const temporary = `${referencePath(graph)}.${randomBytes(4).toString('hex')}`;
  writeFileSync(temporary, engine.trialMap);
  renameSync(temporary, referencePath(graph));
  await engine.release();
}
