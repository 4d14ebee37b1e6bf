import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readNpy, writeNpy } from '../../test/support/npy.ts';
import { NpyFile } from './npy.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-npy-'));
const path = join(folder, 'a.npy');
afterAll(() => rmSync(folder, { recursive: true }));

it('reads what NumPy wrote, one item at a time', () => {
  const vector = new URL('../../test/vectors/vda/tiny_stream_net.npy', import.meta.url);
  const whole = readNpy(vector);
  const file = new NpyFile(vector.pathname);
  expect(file.shape).toEqual([60, 21, 28]);
  expect(file.item(59)).toEqual(whole.data.subarray(59 * 21 * 28));
  expect(() => file.item(60)).toThrowError(/ends too early/);
  file.close();
});

const write = (change: (bytes: Buffer) => Buffer) => {
  writeNpy(path, [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
  writeFileSync(path, change(readFileSync(path)));
};
const replace = (from: string, to: string) => (bytes: Buffer) =>
  Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1');

it.each([
  ['another type', replace('<f4', '<f8'), /<f8/],
  ['Fortran order', replace('False', 'True '), /Fortran/],
  ['a short file', (bytes: Buffer) => bytes.subarray(0, -4), /24 bytes/],
  ['a long file', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(4)]), /24 bytes/],
  ['a negative side', replace('2, 3', '2,-3'), /shape/],
  ['no shape', replace('2, 3,', '     '), /shape/],
  ['a header that runs over the end', (bytes: Buffer) => bytes.subarray(0, 40), /header/],
  ['another kind of file', () => Buffer.from('PK not an array'), /no \.npy/],
  ['nothing', () => Buffer.alloc(0), /no \.npy/],
])('refuses %s', (_name, change, message) => {
  write(change);
  expect(() => new NpyFile(path)).toThrowError(message);
  expect(() => new NpyFile(path)).toThrowError(expect.objectContaining({ code: 'BAD_ARRAY' }));
});

it('refuses a file that is not there', () => {
  expect(() => new NpyFile(join(folder, 'none.npy'))).toThrowError(expect.objectContaining({ code: 'BAD_ARRAY' }));
});
