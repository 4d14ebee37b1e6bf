import { existsSync, readFileSync } from 'node:fs';
import { writeFileAtomically } from '../../atomic-file.ts';
import type { Size } from '../../model/size.ts';

// Beside a graph of less precision stands the map that its float32 twin makes of the trial picture, so that every load
// can tell whether the backend computes what it should without loading that twin again.

/** Size of the trial picture where a graph leaves its size open: one map then stands for every size. */
export const OPEN_REFERENCE: Size = { width: 160, height: 128 };

/** Of a graph's file: raw little-endian float32 [height*width]. */
export const referencePath = (graph: string): string => `${graph.replace(/\.onnx$/i, '')}.reference`;

export function readReference(graph: string): Float32Array | undefined {
  const path = referencePath(graph);
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~3)));
}

/** @param graph the one that the reference is for @param map of the float32 network: CpuEngine.trialMap */
export async function writeReference(graph: string, map: Float32Array): Promise<void> {
  await writeFileAtomically(referencePath(graph), new Uint8Array(map.buffer, map.byteOffset, map.byteLength));
}
