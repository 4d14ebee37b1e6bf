import { expect, it } from 'vitest';
import { DepthMailbox } from './depth-mailbox.ts';
import { LiveDepth } from './live-depth.ts';

it('holds each map until its sink took it or it lost its place, which it tells', async () => {
  const released: number[] = [];
  const depthOf = (n: number) => new LiveDepth({ release: () => released.push(n) } as never, {} as never, undefined);
  const taken: LiveDepth[] = [];
  let done = () => {};
  let dropped = 0;
  const mailbox = new DepthMailbox(
    (depth) => {
      taken.push(depth);
      return new Promise((resolve) => {
        done = resolve;
      });
    },
    () => dropped++,
  );
  const maps = [0, 1, 2, 3].map(depthOf);
  for (const depth of maps.slice(0, 3)) {
    mailbox.put(depth);
    // The stream's own hold.
    depth.release();
  }
  expect([released, dropped, taken]).toEqual([[1], 1, [maps[0]]]);
  taken[0]!.release();
  done();
  await expect.poll(() => taken.length).toBe(2);
  expect(taken[1]).toBe(maps[2]);
  mailbox.close();
  mailbox.put(maps[3]!);
  maps[3]!.release();
  expect([released, dropped]).toEqual([[1, 0, 3], 2]);
});
