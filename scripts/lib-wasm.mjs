// Builds a WebAssembly module from a crate without dependencies in native/. Needs rustup, which fetches the compiler that the crate's
// rust-toolchain.toml names. The same sources make the same bytes on every machine; test/package/modules.test.ts compares them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT, run, say } from './lib.mjs';

const TARGET = 'wasm32-wasip1';

/**
 * `--to FILE` on the command line writes elsewhere, and leaves the sums as they are.
 * @param name of the crate's folder. @param output where the module stands. @param maxMemory bytes that it may grow to
 */
export function buildWasm({ name, output: usual, maxMemory }) {
  const source = join(ROOT, 'native', name);
  const to = process.argv.indexOf('--to');
  const output = to > 0 ? resolve(process.argv[to + 1]) : join(ROOT, usual);
  if (spawnSync('cargo', ['--version'], { cwd: source, stdio: 'ignore' }).status !== 0) {
    console.error(`build:${name} needs cargo; see https://rustup.rs`);
    process.exit(1);
  }
  const built = join(ROOT, '.cache', name);
  const flags = [
    '-Ctarget-feature=+simd128,+bulk-memory',
    '-Clink-arg=-zstack-size=65536',
    `-Clink-arg=--max-memory=${maxMemory}`,
    // No path of this machine goes into the module.
    `--remap-path-prefix=${source}=.`,
  ];
  run('cargo', ['build', '--quiet', '--release', '--locked', '--offline', '--target', TARGET], {
    cwd: source,
    env: { ...process.env, RUSTFLAGS: flags.join(' '), CARGO_TARGET_DIR: built },
  });
  const made = readFileSync(join(built, TARGET, `release/depthcast_${name}.wasm`));
  writeFileSync(output, made);
  say(`${output}: ${made.length} bytes`);

  // What was built from what; the test compares.
  if (to < 0) {
    const sha256 = (data) => createHash('sha256').update(data).digest('hex');
    const files = [
      'Cargo.toml',
      'rust-toolchain.toml',
      ...readdirSync(join(source, 'src')).map((file) => `src/${file}`),
    ];
    const sources = sha256(files.map((file) => `${file} ${sha256(readFileSync(join(source, file)))}\n`).join(''));
    writeFileSync(join(source, `${name}.sum`), `sources ${sources}\nmodule ${sha256(made)}\n`);
  }
}
