import * as zlib from 'node:zlib';

export interface CompressedChunk {
  compression: string;
  compressedData: Uint8Array;
}

/** Quick: the values are noise in their low bits, higher levels gain little. */
const LEVEL = 1;

let compressor: Promise<(chunk: Uint8Array) => CompressedChunk> | undefined;

/** Zstandard of Node itself (22.15 and later), or in WebAssembly, whose module may be started once and no more. */
export function zstdCompressor(): Promise<(chunk: Uint8Array) => CompressedChunk> {
  compressor ??= load();
  return compressor;
}

async function load(): Promise<(chunk: Uint8Array) => CompressedChunk> {
  const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Uint8Array, options: object) => Uint8Array };
  const answer = (compressedData: Uint8Array) => ({ compression: 'zstd', compressedData });
  if (zstdCompressSync) {
    const { ZSTD_c_compressionLevel: level } = zlib.constants as unknown as { ZSTD_c_compressionLevel: number };
    return (chunk) => answer(zstdCompressSync(chunk, { params: { [level]: LEVEL } }));
  }
  const { init, compress } = await import('@bokuweb/zstd-wasm');
  await init();
  return (chunk) => answer(compress(chunk, LEVEL));
}
