import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SOURCE = 'native/transport';
const MODULE = 'src/webrtc/engine/transport.wasm';
const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');

it('is the module that its sources were built to', () => {
  const files = ['Cargo.toml', 'crates.lock', 'rust-toolchain.toml']
    .concat(readdirSync(join(SOURCE, 'src')).map((name) => `src/${name}`))
    .concat(readdirSync(join(SOURCE, 'patches')).map((name) => `patches/${name}`));
  const sources = sha256(files.map((name) => `${name} ${sha256(readFileSync(join(SOURCE, name)))}\n`).join(''));
  const recorded = readFileSync(join(SOURCE, 'transport.sum'), 'utf8').trim().split('\n');
  // Changed sources want a new module: npm run build:transport writes both.
  expect(recorded).toEqual([`sources ${sources}`, `module ${sha256(readFileSync(MODULE))}`]);
});
