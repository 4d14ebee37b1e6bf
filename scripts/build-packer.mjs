// npm run build:packer: builds src/sinks/packer.wasm (payloads of depth packets) from native/packer. Needs
// rustup, which fetches the compiler that native/packer/rust-toolchain.toml names. `--to FILE` writes elsewhere. The same
// sources make the same bytes on every machine; test/package/modules.test.ts compares them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT, run, say } from './lib.mjs';

const SOURCE = join(ROOT, 'native/packer');
const TARGET = 'wasm32-wasip1';
const to = process.argv.indexOf('--to');
const output = to > 0 ? resolve(process.argv[to + 1]) : join(ROOT, 'src/sinks/packer.wasm');

if (spawnSync('cargo', ['--version'], { cwd: SOURCE, stdio: 'ignore' }).status !== 0) {
  console.error('build:packer needs cargo; see https://rustup.rs');
  process.exit(1);
}
const built = join(ROOT, '.cache/packer');
const flags = [
  '-Ctarget-feature=+simd128,+bulk-memory',
  '-Clink-arg=-zstack-size=65536',
  // 64 MiB: maps of half a million pixels, with room to spare.
  '-Clink-arg=--max-memory=67108864',
  // No path of this machine goes into the module.
  `--remap-path-prefix=${SOURCE}=.`,
];
run('cargo', ['build', '--quiet', '--release', '--locked', '--offline', '--target', TARGET], {
  cwd: SOURCE,
  env: { ...process.env, RUSTFLAGS: flags.join(' '), CARGO_TARGET_DIR: built },
});
const made = readFileSync(join(built, TARGET, 'release/depthcast_packer.wasm'));
writeFileSync(output, made);
say(`${output}: ${made.length} bytes`);

// What was built from what; the test compares.
if (to < 0) {
  const sha256 = (data) => createHash('sha256').update(data).digest('hex');
  const files = ['Cargo.toml', 'rust-toolchain.toml', ...readdirSync(join(SOURCE, 'src')).map((name) => `src/${name}`)];
  const sources = sha256(files.map((name) => `${name} ${sha256(readFileSync(join(SOURCE, name)))}\n`).join(''));
  writeFileSync(join(SOURCE, 'packer.sum'), `sources ${sources}\nmodule ${sha256(made)}\n`);
}
