import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Runs a part of test/hostile-video.ts in a process of its own: native code that crashes must not take the tests with it. */
function child(part: string): Promise<{ code: number | null; signal: string | null; report: unknown }> {
  return new Promise((resolve, reject) => {
    const script = fileURLToPath(new URL('../../test/hostile-video.ts', import.meta.url));
    const running = fork(script, [part], {
      execArgv: ['--import', 'tsx', '--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let report: unknown;
    running.on('message', (message) => {
      report = message;
    });
    running.on('error', reject);
    running.on('exit', (code, signal) => resolve({ code, signal, report }));
  });
}

test.each(['VP8', 'H264'])(
  '%s: damaged, truncated and random frames end in a picture or a coded error',
  { timeout: 120_000 },
  async (codec) => {
    const { code, signal, report } = await child(codec);
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect(report).toMatchObject({ open: 0, uncoded: [] });
    expect(report).toHaveProperty('refused', expect.any(Number));
    expect((report as { refused: number }).refused).toBeGreaterThan(100);
  },
);

test('thousands of frames, sizes, codecs, failures and unclosed ends leave no memory behind', {
  timeout: 120_000,
}, async () => {
  const { code, signal, report } = await child('leak');
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  expect(report).toMatchObject({ open: 0 });
  expect((report as { grownMiB: number }).grownMiB).toBeLessThan(40);
});
