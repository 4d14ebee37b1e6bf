import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadReport } from '../../loadtest/report.ts';

/** Runs `npm run loadtest` with these options, and `during` beside it. */
export async function loadtest(
  options: string,
  during?: (child: ChildProcess, printed: () => string) => Promise<void>,
) {
  const folder = await mkdtemp(join(tmpdir(), 'depthcast-load-'));
  const [json, html] = [join(folder, 'report.json'), join(folder, 'report.html')];
  const words = [...options.split(' '), '--json', json, '--html', html];
  const child = spawn(process.execPath, ['--import', 'tsx', 'loadtest/main.ts', ...words], { stdio: 'pipe' });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => {
      printed += text;
    });
  const exit = once(child, 'exit') as Promise<[number]>;
  try {
    // What the test itself runs into ends the load test too, and is what the test fails with.
    const [[code]] = await Promise.all([
      exit,
      during?.(child, () => printed).catch((thrown) => {
        child.kill('SIGKILL');
        throw thrown;
      }),
    ]);
    const report = JSON.parse(await readFile(json, 'utf8')) as LoadReport;
    return { code, printed, report, html: await readFile(html, 'utf8') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
