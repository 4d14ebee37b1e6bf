import { describe, expect, it } from 'vitest';
import { MAX_MISSING, NackList } from './nack.ts';

describe('the list of missing packets', () => {
  it('asks at once, then once per round trip', () => {
    const list = new NackList();
    list.add(10, 12, 0);
    expect(list.due(0, 40)).toEqual([10, 11, 12]);
    expect(list.due(30, 40)).toEqual([]);
    expect(list.due(60, 40)).toEqual([10, 11, 12]);
    list.remove(11, 100, 'repair');
    expect(list.due(120, 40)).toEqual([10, 12]);
    expect(list.requested).toBe(8);
    expect(list.recovered).toBe(1);
  });

  it('waits a little where packets come out of order', () => {
    const list = new NackList();
    list.add(1, 1, 50);
    expect(list.due(50, 1)).toEqual([1]);
    // Not a repair: it was only late.
    list.remove(1, 58, 'original');
    expect(list.recovered).toBe(0);
    list.add(3, 3, 100);
    expect(list.due(105, 1)).toEqual([]);
    expect(list.due(109, 1)).toEqual([]);
    expect(list.due(110, 1)).toEqual([3]);
    // A repair says nothing about the order.
    list.remove(3, 500, 'repair');
    expect(list.recovered).toBe(1);
  });

  it('repeats what it requests where requests get lost', () => {
    const list = new NackList();
    list.add(1, 1, 0);
    expect(list.due(0, 160, true)).toEqual([1]);
    expect(list.due(10, 160, true)).toEqual([]);
    expect(list.due(20, 160, true)).toEqual([1]);
    expect(list.due(30, 160, true)).toEqual([]);
    expect(list.due(210, 160, true)).toEqual([1]);
    expect(list.due(230, 160, true)).toEqual([1]);
    expect(list.due(250, 160, true)).toEqual([]);
    expect(list.due(420, 160, false)).toEqual([1]);
    expect(list.due(440, 160, false)).toEqual([]);
  });

  it('learns how late packets come that were not lost, up to half a round trip', () => {
    const list = new NackList();
    for (const n of [1, 2, 3]) {
      list.add(n, n, 1000 * n);
      list.due(1000 * n, 160);
      list.remove(n, 1000 * n + 40, 'original', 160);
    }
    list.add(9, 9, 9000);
    expect(list.due(9045, 160)).toEqual([]);
    expect(list.due(9055, 160)).toEqual([9]);
    // Much later is no reordering: the path stood still.
    list.remove(9, 9500, 'original', 160);
    list.add(10, 10, 10_000);
    expect(list.due(10_055, 160)).toEqual([10]);
    // Where repairs look like originals, what comes a round trip after it was requested is one.
    list.remove(10, 10_055 + 150, 'either', 160);
    expect(list.recovered).toBe(1);
    list.add(11, 11, 11_000);
    expect(list.due(11_060, 160)).toEqual([11]);
    list.remove(11, 11_070, 'either', 160);
    expect(list.recovered).toBe(1);
  });

  it('does not ask faster than every 20 ms nor slower than every 400 ms', () => {
    const list = new NackList();
    list.add(1, 1, 0);
    list.due(0, 0);
    expect(list.due(19, 0)).toEqual([]);
    expect(list.due(20, 0)).toEqual([1]);
    expect(list.due(20 + 399, 5000)).toEqual([]);
    expect(list.due(20 + 400, 5000)).toEqual([1]);
  });

  it('gives up after a bounded number of tries and a bounded time', () => {
    const list = new NackList();
    list.add(1, 1, 0);
    let requested = 0;
    for (let now = 0; now < 10_000; now += 10) requested += list.due(now, 1).length;
    expect(requested).toBe(10);
    expect(list.isLate(1, 249, 1)).toBe(false);
    expect(list.isLate(1, 250, 1)).toBe(true);
    expect(list.isLate(2, 250, 1)).toBe(false);
    expect(list.isLate(1, 999, 60_000)).toBe(false);
    expect(list.isLate(1, 1000, 60_000)).toBe(true);
    expect(list.expired(849, 1)).toBeUndefined();
    expect(list.expired(850, 1)).toBe(1);
    expect(list.expired(1599, 60_000)).toBeUndefined();
    expect(list.expired(1600, 60_000)).toBe(1);
  });

  it('names the newest expired packet, not those that are still young', () => {
    const list = new NackList();
    list.add(1, 2, 0);
    list.add(5, 5, 200);
    expect(list.expired(860, 1)).toBe(2);
    list.removeBelow(3);
    expect(list.size).toBe(1);
  });

  it('is late after three round trips and 150 ms in between, of 100 ms where none was measured', () => {
    const list = new NackList();
    list.add(1, 1, 0);
    expect(list.isLate(0, 749, 200)).toBe(false);
    expect(list.isLate(0, 750, 200)).toBe(true);
    expect(list.isLate(0, 449)).toBe(false);
    expect(list.isLate(0, 450)).toBe(true);
    expect(list.due(0)).toEqual([1]);
    expect(list.due(134)).toEqual([]);
    expect(list.due(135)).toEqual([1]);
  });

  it('forgets what is below a number, and all', () => {
    const list = new NackList();
    list.add(1, 5, 0);
    list.removeBelow(3);
    expect(list.due(0)).toEqual([3, 4, 5]);
    list.clear();
    expect(list.size).toBe(0);
    expect(list.expired(10_000)).toBeUndefined();
  });

  it('does not try to repair a huge hole', () => {
    const list = new NackList();
    expect(list.add(0, MAX_MISSING - 1, 0)).toBe(true);
    expect(list.add(MAX_MISSING, MAX_MISSING, 0)).toBe(false);
    expect(list.size).toBe(0);
    expect(list.add(5000, 5000 + MAX_MISSING - 1, 0)).toBe(true);
    expect(list.add(0, 1_000_000, 0)).toBe(false);
    expect(list.due(0)).toEqual([]);
  });
});
