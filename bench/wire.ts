// What a depth packet costs: CPU time to pack and unpack, and bytes, by size, format, noise and zlib strategy.
// npx tsx bench/wire.ts
import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRaw, type ZlibOptions } from 'node:zlib';
import { DepthPacker, decodeFrame } from '../src/protocol/index.ts';
import { toPlanes } from '../src/protocol/planes.ts';
import { quantise16 } from '../src/protocol/quantise.ts';
import type { DepthFormat } from '../src/protocol/types.ts';
import { depthMap } from '../test/depth-map.ts';

const ROUNDS = 60;
const deflate = promisify<Uint8Array, ZlibOptions, Buffer>(deflateRaw);
const inflate = promisify<Uint8Array, ZlibOptions, Buffer>(inflateRaw);
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function timed(rounds: number, work: () => unknown): Promise<number> {
  for (let i = 0; i < 8; i++) await work();
  const start = cpu();
  for (let i = 0; i < rounds; i++) await work();
  return (cpu() - start) / rounds;
}

const strategies: [string, ZlibOptions][] = [
  ['level 1', { level: 1 }],
  ['level 1, memLevel 9', { level: 1, memLevel: 9 }],
  ['level 1, RLE', { level: 1, strategy: constants.Z_RLE }],
  ['level 1, Huffman only', { level: 1, strategy: constants.Z_HUFFMAN_ONLY }],
  ['level 3', { level: 3 }],
  ['level 6', { level: 6 }],
];

for (const [width, height] of [
  [256, 192],
  [640, 480],
] as const)
  for (const noise of [0, 1e-4, 1e-3]) {
    const values = depthMap(width, height, noise);
    const info = {
      frameId: 1,
      epoch: 0,
      rtpTimestamp: 0,
      width,
      height,
      sourceWidth: 640,
      sourceHeight: 480,
      unit: 'disparity' as const,
      near: 1,
      far: 0,
    };
    console.log(`\n${width}x${height}, noise ${noise} of the range`);
    for (const format of ['u8', 'u16', 'f16'] as DepthFormat[])
      for (const [name, options] of strategies) {
        if (name !== 'level 1' && format !== 'u16') continue;
        const packer = new DepthPacker((bytes) => deflate(bytes, options));
        const packet = (await packer.pack(info, values, format)).slice();
        const raw = 64 + width * height * (format === 'u8' ? 1 : 2);
        const pack = await timed(ROUNDS, () => packer.pack(info, values, format));
        const unpack = await timed(ROUNDS, () =>
          decodeFrame(packet, (bytes, size) => inflate(bytes, { maxOutputLength: size })),
        );
        console.log(
          `${format.padEnd(4)}${name.padEnd(22)} ${raw} -> ${packet.length} bytes (${(raw / packet.length).toFixed(2)}x), ` +
            `pack ${pack.toFixed(2)} ms, unpack ${unpack.toFixed(2)} ms CPU`,
        );
      }
    const codes = new Uint16Array(values.length);
    const planes = new Uint8Array(2 * values.length);
    const own = await timed(ROUNDS, () => {
      quantise16(values, codes);
      toPlanes(codes, width, height, 2, planes);
    });
    console.log(`of which on the calling thread (quantise, planes): ${own.toFixed(2)} ms`);
  }
