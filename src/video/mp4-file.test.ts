import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeVideo } from '../../test/support/video-file.ts';
import { MediaReader } from './media-reader.ts';
import { Mp4File } from './mp4-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'depthcast-mp4-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function timesOf(path: string): Promise<number[]> {
  const reader = await MediaReader.open(`file:${path}`);
  const times: number[] = [];
  for (let next = await reader.read(); next; next = await reader.read()) {
    times.push(next.time);
    next.picture.close();
  }
  reader.close();
  return times;
}

it.each([
  ['of a steady rate', (n: number) => n],
  ['with pauses', (n: number) => n + Math.floor(n / 4) * 20],
])('keeps the times of frames %s, however often it is flushed', async (name, stamp) => {
  const [original, copied] = [join(folder, `${name}.mkv`), join(folder, `${name}.mp4`)];
  await writeVideo(original, { width: 96, height: 64, frames: 24, fps: 24, gop: 8, stamp });
  const reader = await MediaReader.open(`file:${original}`, { keepPackets: true });
  const tap = reader.packets!;
  // After every packet.
  const file = await Mp4File.create(copied, { ...tap, parameters: tap.parameters, flushMs: -1 });
  for (let next = await reader.read(); next; next = await reader.read()) {
    next.picture.close();
    for (const packet of tap.take(next.stamp!)) {
      await file.put(packet);
      packet.free();
    }
  }
  await file.finish();
  file.close();
  reader.close();
  expect(await timesOf(copied)).toEqual(await timesOf(original));
});
