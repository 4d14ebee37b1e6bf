import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seeded } from '../../test/depth-map.ts';
import { DepthcastError } from '../errors.ts';
import { CHUNK_FIELDS } from './chunks.ts';
import { CHUNK_HEADER_SIZE, chunk, MAX_CHUNK, Reassembler } from './index.ts';

const random = seeded(5);
const packetOf = (size: number, fill?: number) => Uint8Array.from({ length: size }, () => fill ?? random() * 256);
const shuffled = <T>(items: T[]): T[] =>
  items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);

test('any packet comes back from its chunks in any order, with duplicates', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 17, max: 600 }),
      fc.nat(),
      (size, maxChunk, sequence) => {
        const packet = packetOf(size);
        const chunks = chunk(packet, sequence, maxChunk);
        expect(Math.max(...chunks.map((c) => c.length))).toBeLessThanOrEqual(maxChunk);
        const reassembler = new Reassembler();
        const out = shuffled([...chunks, ...chunks])
          .map((c) => reassembler.push(c))
          .filter((p) => p !== undefined);
        expect(out).toEqual([packet]);
        expect(reassembler.stats.duplicates + reassembler.stats.stale).toBe(chunks.length);
      },
    ),
  );
});

test('chunks are at most 16 KiB and few', () => {
  const chunks = chunk(packetOf(100_000), 1);
  expect(chunks.length).toBe(Math.ceil(100_000 / (MAX_CHUNK - CHUNK_HEADER_SIZE)));
  expect(Math.max(...chunks.map((c) => c.length))).toBeLessThanOrEqual(16384);
  expect(() => chunk(packetOf(1), 1, CHUNK_HEADER_SIZE)).toThrow(DepthcastError);
  expect(() => chunk(packetOf(0), 1)).toThrow(DepthcastError);
  expect(() => chunk(packetOf(65_536), 1, CHUNK_HEADER_SIZE + 1)).toThrow(DepthcastError);
});

test('a newer packet overtakes; what comes late of older ones is dropped and counted, across the wrap', () => {
  const reassembler = new Reassembler();
  const old = chunk(packetOf(100, 1), 0xffffffff, 56);
  const young = chunk(packetOf(100, 2), 0, 56);
  expect(old).toHaveLength(3);
  expect(reassembler.push(old[0]!)).toBeUndefined();
  expect(young.map((c) => reassembler.push(c)).at(-1)).toEqual(packetOf(100, 2));
  expect(reassembler.push(old[1]!)).toBeUndefined();
  expect(reassembler.push(old[2]!)).toBeUndefined();
  expect(reassembler.push(young[0]!)).toBeUndefined();
  expect(reassembler.stats).toEqual({ packets: 1, incomplete: 1, duplicates: 0, stale: 3, malformed: 0 });
});

test('interleaved packets both complete when they come in order', () => {
  const reassembler = new Reassembler();
  const a = chunk(packetOf(100, 1), 5, 56);
  const b = chunk(packetOf(100, 2), 6, 56);
  const out = [b[0]!, a[0]!, a[1]!, b[1]!, a[2]!, b[2]!].map((c) => reassembler.push(c)?.[0]);
  expect(out).toEqual([undefined, undefined, undefined, undefined, 1, 2]);
  expect(reassembler.stats.incomplete).toBe(0);
});

test('incomplete packets are bounded: the oldest is given up', () => {
  const reassembler = new Reassembler({ maxPartial: 2 });
  for (let sequence = 0; sequence < 1000; sequence++) reassembler.push(chunk(packetOf(100), sequence, 56)[0]!);
  expect(reassembler.stats).toMatchObject({ packets: 0, incomplete: 998 });
  const last = chunk(packetOf(100, 7), 999, 56);
  expect(reassembler.push(last[1]!)).toBeUndefined();
  expect(reassembler.push(last[2]!)?.length).toBe(100);
});

test('contradictions and oversized claims are refused, and the packet still completes', () => {
  const reassembler = new Reassembler({ maxPacket: 1000 });
  const chunks = chunk(packetOf(100, 4), 1, 56);
  reassembler.push(chunks[0]!);
  expect(() => reassembler.push(chunk(packetOf(100), 1, 40)[0]!)).toThrow('contradicts');
  expect(() => reassembler.push(chunk(packetOf(1001), 1)[0]!)).toThrow('larger than 1000');
  expect(() => reassembler.push(chunks[1]!.subarray(0, 30))).toThrow('wrong size');
  reassembler.push(chunks[1]!);
  expect(reassembler.push(chunks[2]!)).toEqual(packetOf(100, 4));
  expect(reassembler.stats.malformed).toBe(3);
});

test('garbage, flipped and truncated chunks never do worse than BAD_PACKET, nor give a packet of the wrong size', () => {
  const reassembler = new Reassembler({ maxPacket: 4096 });
  const survives = (message: Uint8Array) => {
    try {
      const packet = reassembler.push(message);
      if (packet) expect(packet.length).toBeLessThanOrEqual(4096);
    } catch (error) {
      expect(error).toMatchObject({ code: 'BAD_PACKET' });
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), survives), { numRuns: 500 });
  const chunks = fc
    .integer({ min: 1, max: 500 })
    .chain((size) => fc.constantFrom(...chunk(packetOf(size), size & 7, 64)));
  fc.assert(
    fc.property(chunks, fc.array(fc.nat(), { maxLength: 4 }), fc.nat(), (original, flips, cut) => {
      const bytes = original.slice();
      for (const flip of flips) bytes[(flip >> 3) % bytes.length]! ^= 1 << (flip & 7);
      survives(cut % 3 ? bytes : bytes.subarray(0, cut % bytes.length));
    }),
    { numRuns: 2000 },
  );
});

test('a header has its fields where the table says', () => {
  const [, second] = chunk(new Uint8Array(300), 0x01020304, CHUNK_HEADER_SIZE + 100);
  const view = new DataView(second!.buffer);
  const read = ([at, type]: readonly [number, string]) =>
    type === 'u32' ? view.getUint32(at, true) : type === 'u8' ? view.getUint8(at) : view.getUint16(at, true);
  expect(Object.fromEntries(Object.entries(CHUNK_FIELDS).map(([name, field]) => [name, read(field)]))).toEqual({
    magic: 0x4344,
    version: 1,
    reserved: 0,
    sequence: 0x01020304,
    index: 1,
    count: 3,
    packetSize: 300,
  });
});
