import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { needs } from '../support/needs.ts';

describe.each([
  ['transport', 'src/webrtc/engine/transport.wasm'],
  ['packer', 'src/sinks/packer.wasm'],
  ['upsampler', 'src/video/upsampler.wasm'],
])('the WebAssembly module of native/%s', (name, module) => {
  const source = join('native', name);
  const [, channel] = /channel = "(.+)"/.exec(readFileSync(join(source, 'rust-toolchain.toml'), 'utf8'))!;
  const query = ['target', 'list', '--installed', '--toolchain', channel!];
  const installed = spawnSync('rustup', query, { encoding: 'utf8' });
  const target = installed.status === 0 && installed.stdout.includes('wasm32-wasip1');

  it('is made by the build script, bit for bit', {
    timeout: 1_200_000,
    ...needs(target, `Rust ${channel} with wasm32-wasip1 (rustup; see ${source})`),
  }, () => {
    const folder = mkdtempSync(join(tmpdir(), `${name}-`));
    try {
      const file = join(folder, `${name}.wasm`);
      const built = spawnSync(process.execPath, [`scripts/build-${name}.mjs`, '--to', file], { encoding: 'utf8' });
      expect(built.stderr).toBe('');
      expect(built.status).toBe(0);
      expect(readFileSync(file).equals(readFileSync(module))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
