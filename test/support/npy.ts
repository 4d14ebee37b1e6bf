import { readFileSync, writeFileSync } from 'node:fs';

/** A little-endian float32 array in NumPy's .npy format, version 1. */
export function readNpy(path: string | URL): { shape: number[]; data: Float32Array } {
  const file = readFileSync(path);
  const start = 10 + file.readUInt16LE(8);
  const header = file.toString('latin1', 10, start);
  const shape = /'shape': \(([^)]*)\)/.exec(header)?.[1];
  if (!header.includes("'descr': '<f4', 'fortran_order': False") || shape === undefined)
    throw new Error(`${path}: ${header}`);
  const bytes = file.subarray(start);
  return {
    shape: shape.split(',').filter(Boolean).map(Number),
    data: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
  };
}

export function writeNpy(path: string, shape: readonly number[], data: Float32Array): void {
  writeFileSync(path, npy(shape, data));
}

/** The bytes of such a file. */
export function npy(shape: readonly number[], data: Float32Array): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const length = Math.ceil((header.length + 11) / 64) * 64 - 10;
  const head = Buffer.from(`\x93NUMPY\x01\x00..${header.padEnd(length - 1)}\n`, 'latin1');
  head.writeUInt16LE(length, 8);
  return Buffer.concat([head, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

/** Every `step`-th pixel of a map from row 1 and column 2 on: what the reference outputs keep. */
export function thin(map: Float32Array, width: number, step: number): number[] {
  const kept: number[] = [];
  for (let y = 1; y * width < map.length; y += step)
    for (let x = 2; x < width; x += step) kept.push(map[y * width + x]!);
  return kept;
}

export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let max = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= max)) max = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return max;
}
