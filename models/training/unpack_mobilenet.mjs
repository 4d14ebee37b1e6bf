// MobileNetV2 weights out of the npm package nsfwjs 4.4.0 (MIT): dequantised to float32, with an index.
// Usage: node unpack_mobilenet.mjs PACKAGE_FOLDER OUT: writes OUT.bin and OUT.json ({ name: { shape, offset } }, in floats)
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const folder = resolve(process.argv[2], 'dist/models/mobilenet_v2');
const require = createRequire(import.meta.url);
const load = (name) => {
  const loaded = require(join(folder, name));
  return loaded.default ?? loaded;
};

const packed = load('model.min.js');
const model = typeof packed === 'string' ? JSON.parse(packed) : packed;
const shard = load('group1-shard1of1.min.js');
const bytes = typeof shard === 'string' ? Buffer.from(shard, 'base64') : Buffer.from(shard);

const index = {};
const parts = [];
let read = 0;
let written = 0;
for (const { weights } of model.weightsManifest)
  for (const { name, shape, quantization } of weights) {
    const count = shape.reduce((product, side) => product * side, 1);
    if (quantization?.dtype !== 'uint8') throw new Error(`${name}: expected uint8 weights`);
    const values = Float32Array.from(
      bytes.subarray(read, read + count),
      (q) => q * quantization.scale + quantization.min,
    );
    read += count;
    index[name] = { shape, offset: written };
    written += count;
    parts.push(Buffer.from(values.buffer));
  }
writeFileSync(`${process.argv[3]}.bin`, Buffer.concat(parts));
writeFileSync(`${process.argv[3]}.json`, JSON.stringify(index));
