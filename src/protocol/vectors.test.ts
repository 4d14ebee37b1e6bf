import { readdirSync, readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { type WireVector, wireVectors, withSamples } from '../../scripts/wire-vectors.ts';
import { CHUNK_FIELDS } from './chunks.ts';
import { Camera, chunk, decodeFrame, Reassembler } from './index.ts';
import { PACKET_FIELDS } from './layout.ts';

const document = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const directory = new URL('../../test/vectors/wire/', import.meta.url);
/** Numbers of `info` for which JSON has none are strings. */
function infinite(this: unknown, _: string, value: unknown): unknown {
  return value === 'Infinity' && !Array.isArray(this) ? Number.POSITIVE_INFINITY : value;
}
const stored = readdirSync(directory)
  .map((name) => JSON.parse(readFileSync(new URL(name, directory), 'utf8'), infinite) as WireVector)
  .sort((a, b) => place(a) - place(b));
/** The document shows them in the script's order. */
function place(vector: WireVector): number {
  return document.indexOf(`**${vector.name}.json**`);
}
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

test.each(stored)('$name decodes to exactly the documented values', async (vector) => {
  const packet = bytes(vector.packet);
  const { format, values, ...info } = await decodeFrame(packet);
  expect(format).toBe(vector.format);
  const intrinsics = new Camera().intrinsics(info.sourceWidth, info.sourceHeight);
  expect(packet[4]).toBe(vector.version);
  expect(info).toEqual({ ...(vector.version === 1 ? { intrinsics } : {}), ...vector.info });
  expect(values).toEqual(Float32Array.from(vector.output, Number));
  if (vector.planes) expect(inflateRawSync(packet.subarray(packet[7])).toString('hex')).toBe(vector.planes);
  if (vector.chunks) {
    const { sequence, maxChunk, messages } = vector.chunks;
    expect(chunk(packet, sequence, maxChunk)).toEqual(messages.map(bytes));
    const reassembler = new Reassembler();
    const packets = messages.map((message) => reassembler.push(bytes(message)));
    expect(packets.at(-1)).toEqual(packet);
  }
});

test('the encoder still makes the stored vectors', async () => {
  const made = await wireVectors();
  expect(stored.map((v) => v.name).sort()).toEqual(made.map((v) => v.name).sort());
  for (const vector of made) {
    const known = stored.find((v) => v.name === vector.name)!;
    // Another zlib may compress otherwise: what counts of a packed payload is what it inflates to.
    const canonical = (v: WireVector) =>
      v.planes
        ? {
            ...v,
            packet: v.packet.slice(0, 2 * 60),
            rest: v.packet.slice(2 * 64, 2 * Number.parseInt(v.packet.slice(14, 16), 16)),
          }
        : v;
    expect(canonical(vector)).toEqual(canonical(known));
  }
});

test('the document shows the stored vectors and the true byte tables', () => {
  expect(withSamples(document, stored)).toBe(document);
  const rows = (heading: string): unknown[] => {
    const section = document.slice(document.indexOf(heading));
    const table = section.slice(0, section.indexOf('\n\n', section.indexOf('| Offset |')));
    return [...table.matchAll(/^\| (\d+) \| `(\w+)` \| ([\w[\]]+) \|/gm)].map(([, at, name, type]) => [
      name,
      [Number(at), type],
    ]);
  };
  expect(rows('### Packet header')).toEqual(Object.entries(PACKET_FIELDS));
  expect(rows('### Chunks')).toEqual(Object.entries(CHUNK_FIELDS));
});
