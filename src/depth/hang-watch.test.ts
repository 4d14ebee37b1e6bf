import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { COMPILE_MS, HangWatch, WATCH_MS, type WatchedDevice } from './hang-watch.ts';
import { Activity, type DepthCalls } from './worker-protocol.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'], now: 1_000_000 });
  vi.advanceTimersByTime(1000);
});
afterEach(() => void vi.useRealTimers());

const ON_CPU: WatchedDevice = { accelerated: false, elsewhere: false };
const ON_DEVICE: WatchedDevice = { accelerated: true, elsewhere: false };

function watched(kind: 'graph' | 'checkpoint' = 'graph') {
  const activity = new Activity();
  const watch = new HangWatch(activity, kind);
  const channel: { busySince: number; busyWith: keyof DepthCalls | undefined } = { busySince: 0, busyWith: undefined };
  return {
    activity,
    watch,
    channel,
    ask(call: keyof DepthCalls) {
      channel.busySince = performance.now();
      channel.busyWith = call;
    },
    /** Looks as often as the watchdog does. @returns after how many ms it says that the worker hangs, if it does within `ms` */
    hangsWithin(ms: number, device = ON_CPU) {
      const from = performance.now();
      while (performance.now() - from < ms) {
        if (watch.look(channel, device)) return performance.now() - from;
        vi.advanceTimersByTime(WATCH_MS);
      }
      return undefined;
    },
  };
}

it.each([
  ['graph', 'infer', ON_CPU, 30_000],
  ['graph', 'infer', ON_DEVICE, 30_000],
  ['graph', 'prepare', ON_CPU, 30_000],
  ['checkpoint', 'infer', ON_CPU, 120_000],
  ['checkpoint', 'prepare', ON_DEVICE, COMPILE_MS],
] as const)('of a %s waits for %s (%o) for %i ms', (kind, call, device, patience) => {
  const { ask, hangsWithin } = watched(kind);
  ask(call);
  const hangs = hangsWithin(2 * patience, device)!;
  expect(hangs).toBeGreaterThan(patience);
  expect(hangs).toBeLessThanOrEqual(patience + WATCH_MS);
});

it('says nothing of a worker that has nothing to do, that answers, or that is not there', () => {
  const { watch, ask, hangsWithin } = watched();
  expect(hangsWithin(100_000)).toBeUndefined();
  for (let n = 0; n < 5; n++) {
    ask('infer');
    expect(hangsWithin(25_000)).toBeUndefined();
  }
  vi.advanceTimersByTime(1_000_000);
  expect(watch.look(undefined, ON_CPU)).toBe(false);
});

it("notices a frame of another thread's stream, of which this one is told nothing", async () => {
  const { activity, hangsWithin } = watched();
  let answer = () => {};
  const frame = activity.during('infer', () => new Promise<void>((resolve) => (answer = resolve)));
  expect(hangsWithin(25_000)).toBeUndefined();
  expect(hangsWithin(20_000)).toBeDefined();
  answer();
  await frame;
});

it("lets a frame wait behind another thread's network, however long a device takes to compile it", async () => {
  const { activity, ask, hangsWithin } = watched();
  let answer = () => {};
  const building = activity.during('prepare', () => new Promise<void>((resolve) => (answer = resolve)));
  ask('infer');
  expect(hangsWithin(COMPILE_MS - WATCH_MS, ON_DEVICE)).toBeUndefined();
  answer();
  await building;
  const frame = activity.during('infer', () => new Promise<void>(() => {}));
  void frame;
  expect(hangsWithin(25_000, ON_DEVICE)).toBeUndefined();
  expect(hangsWithin(20_000, ON_DEVICE)).toBeDefined();
});

it('does not count the time for which the process was suspended', () => {
  const { watch, channel, ask, hangsWithin } = watched();
  ask('infer');
  expect(hangsWithin(10_000)).toBeUndefined();
  vi.advanceTimersByTime(3_600_000);
  expect(watch.look(channel, ON_CPU)).toBe(false);
  expect(hangsWithin(10_000)).toBeUndefined();
  expect(hangsWithin(30_000)).toBeDefined();
});

it("does not count the time for which it waits for the device's driver", () => {
  const { ask, hangsWithin } = watched();
  ask('infer');
  expect(hangsWithin(1_000_000, { accelerated: true, elsewhere: true })).toBeUndefined();
  expect(hangsWithin(25_000, ON_DEVICE)).toBeUndefined();
  expect(hangsWithin(20_000, ON_DEVICE)).toBeDefined();
});
