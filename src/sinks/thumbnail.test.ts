import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveDepth } from '../stream/live-depth.ts';
import { readImage } from '../video/image-reader.ts';
import { Picture } from '../video/index.ts';
import { Thumbnail } from './thumbnail.ts';

const [W, H] = [640, 480];
const folder = mkdtempSync(join(tmpdir(), 'thumbnail-'));
const errors: Error[] = [];
let thumbnail: Thumbnail;
let released = 0;

beforeEach(() => {
  released = 0;
  thumbnail = new Thumbnail({ sent: () => {}, failed: (error) => errors.push(error) });
});
afterEach(() => {
  thumbnail.close();
  vi.useRealTimers();
});

/** Near on the left, far on the right. */
function push(frameId: number): void {
  const values = Float32Array.from({ length: W * H }, (_, i) => 1 - (i % W) / W);
  const info = { frameId, width: W, height: H, unit: 'disparity', near: 1, far: 0 };
  const depth = new LiveDepth(
    { values, width: W, height: H, release: () => released++ } as never,
    info as never,
    undefined,
  );
  thumbnail.push(depth);
  depth.release();
}

describe('Thumbnail', () => {
  it('is the depth map in colours, small, made once for all that ask, and gives everything back', async () => {
    push(0);
    // Nobody asked: nothing was made.
    expect([released, thumbnail.receivers]).toEqual([1, 0]);
    const asked = Promise.all([thumbnail.take(), thumbnail.take()]);
    expect(thumbnail.receivers).toBe(1);
    push(1);
    const [first, second] = await asked;
    expect(first?.frameId).toBe(1);
    expect(second?.bytes).toBe(first?.bytes);
    const file = join(folder, 'thumbnail.jpg');
    writeFileSync(file, first!.bytes);
    const { picture } = await readImage(file);
    expect([picture!.width, picture!.height]).toEqual([320, 240]);
    const luma = await picture!.read(async ({ data }) => [data![0]![5]!, data![0]![310]!]);
    // Inferno: pale yellow for near, nearly black for far.
    expect(luma[0]).toBeGreaterThan(200);
    expect(luma[1]).toBeLessThan(40);
    picture!.close();
    rmSync(folder, { recursive: true });
    // Asked again at once: the same, without a map.
    expect((await thumbnail.take())?.bytes).toBe(first?.bytes);
    expect([released, Picture.open, errors]).toEqual([2, 0, []]);
  });

  it('waits for a map, but not for ever; is wanted for a while', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const asked = thumbnail.take();
    await vi.advanceTimersByTimeAsync(2000);
    expect(await asked).toBeUndefined();
    expect(thumbnail.receivers).toBe(1);
    vi.advanceTimersByTime(10_000);
    expect(thumbnail.receivers).toBe(0);
    const last = thumbnail.take();
    thumbnail.close();
    expect(await last).toBeUndefined();
    push(1);
    expect(released).toBe(1);
  });
});
