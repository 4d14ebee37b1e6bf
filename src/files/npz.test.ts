import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { needs } from '../../test/support/needs.ts';
import { NpyFile } from '../model/npy.ts';
import { combineCrc32 } from './crc32.ts';
import { NpzWriter } from './npz.ts';

const folder = mkdtempSync(join(tmpdir(), 'depthcast-npz-'));
const path = join(folder, 'depths.npz');
afterAll(() => rmSync(folder, { recursive: true }));

const [W, H] = [7, 5];
const map = (n: number) => Float32Array.from({ length: W * H }, (_, i) => 100 * n + i + 0.25);

/** Reads the archive as a zip program would: from its end records, checking the checksum. */
function member(file: string): { name: string; data: Buffer } {
  const bytes = readFileSync(file);
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const locator = end - 20;
  expect(bytes.readUInt32LE(locator)).toBe(0x07064b50);
  const end64 = Number(bytes.readBigUInt64LE(locator + 8));
  expect(bytes.readUInt32LE(end64)).toBe(0x06064b50);
  const central = Number(bytes.readBigUInt64LE(end64 + 48));
  expect(bytes.readUInt32LE(central)).toBe(0x02014b50);
  const nameLength = bytes.readUInt16LE(central + 28);
  const size = Number(bytes.readBigUInt64LE(central + 46 + nameLength + 4));
  const start = 30 + bytes.readUInt16LE(26) + bytes.readUInt16LE(28);
  expect(bytes.subarray(14, 18).equals(bytes.subarray(central + 16, central + 20))).toBe(true);
  const data = bytes.subarray(start, start + size);
  expect(start + size).toBe(central);
  expect(crc32(data)).toBe(bytes.readUInt32LE(central + 16));
  return { name: bytes.toString('latin1', 30, 30 + nameLength), data: Buffer.from(data) };
}

/** The maps of an archive, by the .npy reader. */
function maps(file: string): Float32Array[] {
  const { name, data } = member(file);
  expect(name).toBe('depths.npy');
  const npy = join(folder, 'member.npy');
  writeFileSync(npy, data);
  const array = new NpyFile(npy);
  expect(array.shape.slice(1)).toEqual([H, W]);
  const items = Array.from({ length: array.shape[0]! }, (_, n) => array.item(n));
  array.close();
  return items;
}

async function write(from: number, to: number, keep = 0): Promise<NpzWriter> {
  const writer = await NpzWriter.create(path, W, H, keep);
  for (let n = from; n < to; n++) await writer.write(map(n));
  return writer;
}

describe('NpzWriter', () => {
  it('writes an archive of one array that holds every map', async () => {
    await (await write(0, 9)).finish();
    expect(maps(path)).toEqual(Array.from({ length: 9 }, (_, n) => map(n)));
    expect(await NpzWriter.count(path, W, H)).toBe(9);
    expect(await NpzWriter.count(path, H, W)).toBeUndefined();
  });

  it('continues a finished archive after any map', async () => {
    await (await write(0, 9)).finish();
    await (await write(4, 6, 4)).finish();
    expect(maps(path)).toEqual(Array.from({ length: 6 }, (_, n) => map(n)));
  });

  it('continues one that a killed process left, in the middle of a map', async () => {
    const dying = await write(0, 9);
    const left = readFileSync(path);
    await dying.finish();
    writeFileSync(path, left.subarray(0, -50));
    expect(await NpzWriter.count(path, W, H)).toBe(8);
    await (await write(7, 12, 7)).finish();
    expect(maps(path)).toEqual(Array.from({ length: 12 }, (_, n) => map(n)));
  });

  it('refuses to continue too short an archive, or another file', async () => {
    await (await write(0, 3)).finish();
    await expect(NpzWriter.create(path, W, H, 4)).rejects.toMatchObject({ code: 'BAD_ARRAY' });
    writeFileSync(path, 'no archive');
    await expect(NpzWriter.create(path, W, H, 1)).rejects.toMatchObject({ code: 'BAD_ARRAY' });
  });

  it('says when the disk is full', needs(existsSync('/dev/full'), '/dev/full (Linux)'), async () => {
    await expect(NpzWriter.create('/dev/full', W, H)).rejects.toMatchObject({ code: 'DISK_FULL' });
  });
});

it('joins checksums of any two pieces', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
      expect(combineCrc32(crc32(a), crc32(b), b.length)).toBe(crc32(Buffer.concat([a, b])));
    }),
  );
});
