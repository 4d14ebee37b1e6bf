import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { countFrames, VideoWriter } from './video-writer.ts';

it('a video that gets no frame ends without harm', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-video-'));
  try {
    const path = join(folder, 'empty.mp4');
    const writer = await VideoWriter.create(path, { width: 64, height: 48, fps: { num: 30, den: 1 }, matrix: 'bt709' });
    await writer.finish();
    expect((await countFrames(path)) ?? 0).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
