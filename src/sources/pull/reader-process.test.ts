import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeVideo } from '../../../test/support/video-file.ts';
import { endProcess, startProcess } from '../../child-process.ts';
import { pulledSourceSchema } from '../../config/pulled-source.ts';
import { readRequest } from './address.ts';
import type { ReaderMessage } from './pull-protocol.ts';

it('leaves signals to the server, and ends when it lets go', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-reader-'));
  const child = startProcess(import.meta.url, './reader-process');
  try {
    const url = join(folder, 'clip.mp4');
    await writeVideo(url, { width: 64, height: 48, frames: 20 });
    const next = async () => ((await once(child, 'message')) as [ReaderMessage])[0];
    child.send(readRequest(pulledSourceSchema.parse({ name: 'clip', url })));
    while ((await next()).kind !== 'picture');
    // A terminal's Ctrl-C goes to all of its processes.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      child.kill(signal);
      const told = next();
      child.send({ next: true });
      expect((await told).kind).toBe('picture');
    }
    const exit = once(child, 'exit');
    endProcess(child);
    expect(await exit).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});
