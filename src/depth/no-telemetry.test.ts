import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { needs } from '../../test/support/needs.ts';

it('a depth worker leaves no identifier of the machine behind', {
  ...needs(process.platform === 'linux', 'Linux, where the runtime reports'),
  timeout: 60_000,
}, () => {
  const home = mkdtempSync(join(tmpdir(), 'depthcast-home-'));
  // A process of its own, with a home of its own, as the runtime reads both when it is first loaded.
  const program = `
    import { WorkerInferencer } from '${new URL('./inferencer.ts', import.meta.url)}';
    import { loadConfig } from '${new URL('../config/load.ts', import.meta.url)}';
    import { findModel } from '${new URL('../model/library.ts', import.meta.url)}';
    const inferencer = await WorkerInferencer.create(findModel(loadConfig().depth.model), { threads: 1 });
    await inferencer.close();
  `;
  const { ORT_DISABLE_TELEMETRY: _, XDG_CACHE_HOME: __, ...env } = process.env;
  try {
    const file = join(home, 'program.mjs');
    writeFileSync(file, program);
    execFileSync(process.execPath, ['--import', 'tsx', file], { env: { ...env, HOME: home } });
    expect(existsSync(join(home, '.cache/Microsoft'))).toBe(false);
  } finally {
    rmSync(home, { recursive: true });
  }
});
