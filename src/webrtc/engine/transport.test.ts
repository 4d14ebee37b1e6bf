import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { needs } from '../../../test/support/needs.ts';

const SOURCE = 'native/transport';
const MODULE = 'src/webrtc/engine/transport.wasm';
const [, channel] = /channel = "(.+)"/.exec(readFileSync(join(SOURCE, 'rust-toolchain.toml'), 'utf8'))!;
const toolchain = spawnSync('rustup', ['run', channel!, 'rustc', '--version'], { stdio: 'ignore' }).status === 0;
const target =
  toolchain &&
  spawnSync('rustup', ['target', 'list', '--installed', '--toolchain', channel!], { encoding: 'utf8' }).stdout.includes(
    'wasm32-wasip1',
  );

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

it('is made by the build script, bit for bit', {
  timeout: 1_200_000,
  ...needs(target, `Rust ${channel} with wasm32-wasip1 (rustup; see native/transport)`),
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'transport-'));
  try {
    const file = join(folder, 'transport.wasm');
    const built = spawnSync(process.execPath, ['scripts/build-transport.mjs', '--to', file], { encoding: 'utf8' });
    expect(built.stderr).toBe('');
    expect(built.status).toBe(0);
    expect(sha256(readFileSync(file))).toBe(sha256(readFileSync(MODULE)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
