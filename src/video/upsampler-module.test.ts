import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { needs } from '../../test/support/needs.ts';

const SOURCE = 'native/upsampler';
const MODULE = 'src/video/upsampler.wasm';
const [, channel] = /channel = "(.+)"/.exec(readFileSync(join(SOURCE, 'rust-toolchain.toml'), 'utf8'))!;
const installed = spawnSync('rustup', ['target', 'list', '--installed', '--toolchain', channel!], { encoding: 'utf8' });
const target = installed.status === 0 && installed.stdout.includes('wasm32-wasip1');

const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');

it('is the module that its sources were built to', () => {
  const files = ['Cargo.toml', 'rust-toolchain.toml', ...readdirSync(join(SOURCE, 'src')).map((name) => `src/${name}`)];
  const sources = sha256(files.map((name) => `${name} ${sha256(readFileSync(join(SOURCE, name)))}\n`).join(''));
  const recorded = readFileSync(join(SOURCE, 'upsampler.sum'), 'utf8').trim().split('\n');
  // Changed sources want a new module: npm run build:upsampler writes both.
  expect(recorded).toEqual([`sources ${sources}`, `module ${sha256(readFileSync(MODULE))}`]);
});

it('is made by the build script, bit for bit', {
  timeout: 600_000,
  ...needs(target, `Rust ${channel} with wasm32-wasip1 (rustup; see native/upsampler)`),
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upsampler-'));
  try {
    const file = join(folder, 'upsampler.wasm');
    const built = spawnSync(process.execPath, ['scripts/build-upsampler.mjs', '--to', file], { encoding: 'utf8' });
    expect(built.stderr).toBe('');
    expect(sha256(readFileSync(file))).toBe(sha256(readFileSync(MODULE)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
