import { readdirSync, readFileSync } from 'node:fs';
import { decodeFrame } from '../../../src/protocol/index.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const FOLDER = new URL('../../vectors/wire/', import.meta.url);
const VECTORS = readdirSync(FOLDER).map(
  (name) =>
    JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as { packet: string; chunks?: { messages: string[] } },
);
export const PACKETS = VECTORS.map(({ packet }) => Buffer.from(packet, 'hex'));
export const CHUNKS = VECTORS.flatMap(({ chunks }) => (chunks?.messages ?? []).map((hex) => Buffer.from(hex, 'hex')));

export default defineTarget({
  name: 'wire-packet',
  about: 'depth packets, as a client reads them',
  inputs: () => damagedBytes(PACKETS),
  read: async (packet) => {
    const { format, width, height, values } = await decodeFrame(packet);
    if (values.length !== (format === 'none' ? 0 : width * height)) throw new Error('values of another size');
  },
});
