import { describe, expect, it } from 'vitest';
import { LiveDepth, toLuma } from './live-depth.ts';
import { Mailbox } from './mailbox.ts';

const luma = (values: number[], near: number, far: number, unit: 'disparity' | 'metres' = 'disparity') => {
  const out = new Uint8ClampedArray(values.length);
  toLuma(Float32Array.from(values), { near, far, unit }, { near: 235, far: 16 }, out);
  return [...out];
};

describe('toLuma', () => {
  it('puts far at 16 and near at 235, linear in disparity', () => {
    expect(luma([1, 2, 3], 3, 1)).toEqual([16, 126, 235]);
    expect(luma([10, 1, 2], 1, 10, 'metres')).toEqual([16, 235, 113]);
  });

  it('saturates beyond head- and footroom and takes NaN for the farthest', () => {
    expect(luma([-50, 50, Number.NaN, Number.POSITIVE_INFINITY], 3, 1)).toEqual([0, 255, 0, 255]);
  });

  it('works with a reversed range, as a fixed one may be', () => {
    expect(luma([1, 3], 1, 3)).toEqual([235, 16]);
  });
});

describe('LiveDepth', () => {
  it('gives its memory back with the last release', () => {
    let released = 0;
    const map = { release: () => released++ } as never;
    const depth = new LiveDepth(map, {} as never, undefined);
    depth.retain();
    depth.release();
    expect(released).toBe(0);
    depth.release();
    expect(released).toBe(1);
  });
});

describe('Mailbox', () => {
  it('keeps one waiting, the newest, and drops every other exactly once', async () => {
    const consumed: number[] = [];
    const dropped: number[] = [];
    let open = () => {};
    const mailbox = new Mailbox<number>(
      async (item) => {
        consumed.push(item);
        await new Promise<void>((resolve) => {
          open = resolve;
        });
      },
      (item) => dropped.push(item),
    );
    for (const item of [1, 2, 3, 4]) mailbox.put(item);
    expect([consumed, dropped]).toEqual([[1], [2, 3]]);
    open();
    await new Promise((resolve) => setImmediate(resolve));
    expect(consumed).toEqual([1, 4]);
    mailbox.put(5);
    mailbox.close();
    mailbox.put(6);
    expect(dropped).toEqual([2, 3, 5, 6]);
  });
});
