// npm run build:transport: builds src/webrtc/engine/transport.wasm (DTLS and SCTP) from native/transport. Needs rustup, which
// fetches the compiler that native/transport/rust-toolchain.toml names, and patch(1). `--to FILE` writes elsewhere.
// The same sources make the same bytes on every machine; test/package/modules.test.ts compares them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT, run, say } from './lib.mjs';

const SOURCE = join(ROOT, 'native/transport');
const MODULE = 'depthcast_transport.wasm';
const TARGET = 'wasm32-wasip1';
// Cargo's name of its default registry, whatever mirror it is fetched from.
const REGISTRY = 'registry+https://github.com/rust-lang/crates.io-index';

const to = process.argv.indexOf('--to');
const output = to > 0 ? resolve(process.argv[to + 1]) : join(ROOT, 'src/webrtc/engine/transport.wasm');
// Built in a copy: only the compiled crates stay, and the tree keeps no lock file.
const work = join(ROOT, '.cache/transport');
const vendor = join(work, 'vendor');

for (const [program, args] of [
  ['cargo', ['--version']],
  ['patch', ['--version']],
])
  if (spawnSync(program, args, { cwd: SOURCE, stdio: 'ignore' }).status !== 0) {
    console.error(`build:transport needs ${program}; for cargo see https://rustup.rs`);
    process.exit(1);
  }

say('Fetching crates');
mkdirSync(work, { recursive: true });
for (const name of ['src', 'vendor']) rmSync(join(work, name), { recursive: true, force: true });
for (const name of ['Cargo.toml', 'rust-toolchain.toml', 'src'])
  cpSync(join(SOURCE, name), join(work, name), { recursive: true });
const lock = readFileSync(join(SOURCE, 'crates.lock'), 'utf8');
writeFileSync(join(work, 'Cargo.lock'), lock.replaceAll(/^checksum = /gm, `source = "${REGISTRY}"\nchecksum = `));
// Checks every crate against its checksum in the lock file.
run('cargo', ['vendor', '--quiet', '--locked', '--versioned-dirs', vendor], {
  cwd: work,
  stdio: ['ignore', 'ignore', 'inherit'],
});

say('Patching');
const patched = readdirSync(join(SOURCE, 'patches')).map((file) => file.replace(/\.patch$/, ''));
for (const crate of patched) {
  const file = `${crate}.patch`;
  const folder = readdirSync(vendor).find(
    (name) => name.startsWith(`${crate}-`) && /^\d/.test(name.slice(crate.length + 1)),
  );
  if (!folder) throw new Error(`${file} is for no crate of crates.lock`);
  run('patch', ['-s', '-p1', '-d', join(vendor, folder), '-i', join(SOURCE, 'patches', file)]);
  const sums = join(vendor, folder, '.cargo-checksum.json');
  writeFileSync(sums, JSON.stringify({ ...JSON.parse(readFileSync(sums, 'utf8')), files: {} }));
}

say('Compiling (about a minute)');
const rustFlags = [
  '-Clink-arg=-zstack-size=262144',
  // 16 MiB: what a peer can make its instance hold.
  '-Clink-arg=--max-memory=16777216',
  '-Ctarget-feature=+simd128,+bulk-memory',
  // No path of this machine goes into the module.
  `--remap-path-prefix=${vendor}=vendor`,
  `--remap-path-prefix=${work}=.`,
];
const env = { ...process.env, RUSTFLAGS: rustFlags.join(' '), CARGO_TARGET_DIR: join(work, 'target') };
const cargo = (...args) =>
  run(
    'cargo',
    [
      ...args,
      ...['--quiet', '--release', '--locked', '--offline', '--target', TARGET],
      ...['--config', 'source.crates-io.replace-with="vendored"'],
      ...['--config', `source.vendored.directory=${JSON.stringify(vendor)}`],
    ],
    { cwd: work, env },
  );
// Cargo takes crates of a registry for unchanging.
cargo('clean', ...patched.flatMap((crate) => ['-p', crate]));
cargo('build');
const made = join(work, 'target', TARGET, 'release', MODULE);
if (!existsSync(made)) throw new Error(`${made} was not made`);
writeFileSync(output, readFileSync(made));
say(`${output}: ${readFileSync(output).length} bytes`);

// What was built from what; the test compares.
if (to < 0) {
  const sha256 = (data) => createHash('sha256').update(data).digest('hex');
  const files = ['Cargo.toml', 'crates.lock', 'rust-toolchain.toml']
    .concat(readdirSync(join(SOURCE, 'src')).map((name) => `src/${name}`))
    .concat(readdirSync(join(SOURCE, 'patches')).map((name) => `patches/${name}`));
  const sources = sha256(files.map((name) => `${name} ${sha256(readFileSync(join(SOURCE, name)))}\n`).join(''));
  writeFileSync(join(SOURCE, 'transport.sum'), `sources ${sources}\nmodule ${sha256(readFileSync(output))}\n`);
}
