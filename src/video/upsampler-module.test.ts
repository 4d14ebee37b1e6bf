import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SOURCE = 'native/upsampler';
const MODULE = 'src/video/upsampler.wasm';
const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');

it('is the module that its sources were built to', () => {
  const files = ['Cargo.toml', 'rust-toolchain.toml', ...readdirSync(join(SOURCE, 'src')).map((name) => `src/${name}`)];
  const sources = sha256(files.map((name) => `${name} ${sha256(readFileSync(join(SOURCE, name)))}\n`).join(''));
  const recorded = readFileSync(join(SOURCE, 'upsampler.sum'), 'utf8').trim().split('\n');
  // Changed sources want a new module: npm run build:upsampler writes both.
  expect(recorded).toEqual([`sources ${sources}`, `module ${sha256(readFileSync(MODULE))}`]);
});
