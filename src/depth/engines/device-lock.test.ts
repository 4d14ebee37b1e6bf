import { expect, it } from 'vitest';
import { startThread } from '../../threads.ts';
import { DeviceLedger } from './device-ledger.ts';
import { DeviceLock } from './device-lock.ts';

const [ME, OTHER] = [1, 2];
const never = new Promise<never>(() => {});

it('lets calls of one thread through side by side, and another thread in after the last of them', async () => {
  const memory = DeviceLock.memory();
  const lock = new DeviceLock(memory, ME);
  let end = () => {};
  const first = lock.hold(
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  let disposed = false;
  lock.holdNow(() => {
    disposed = true;
  });
  expect(disposed).toBe(true);
  await expect(lock.hold(async () => 7)).resolves.toBe(7);
  expect(DeviceLock.isHeldByOther(memory, OTHER)).toBe(true);
  end();
  await first;
  expect(DeviceLock.isHeldByOther(memory, OTHER)).toBe(false);
  await expect(lock.hold(() => Promise.reject(new Error('in native code')))).rejects.toThrow('in native code');
  await expect(new DeviceLock(memory, OTHER).hold(async () => 8)).resolves.toBe(8);
});

it('keeps a thread out while another is in', async () => {
  const memory = DeviceLock.memory();
  const order = new Int32Array(new SharedArrayBuffer(8));
  await new DeviceLock(memory, ME).hold(async () => {
    startThread(import.meta.url, '../../../test/support/lock-worker', { workerData: { memory, order } });
    await expect.poll(() => Atomics.load(order, 0), { timeout: 25_000 }).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(Atomics.load(order, 1)).toBe(0);
  });
  await expect.poll(() => Atomics.load(order, 1), { timeout: 25_000 }).toBe(1);
});

it('does not wait for a thread that hangs in there and was given up, until it ends or comes back', async () => {
  const memory = DeviceLock.memory();
  let back = () => {};
  const hung = new DeviceLock(memory, OTHER).hold(
    () =>
      new Promise<void>((resolve) => {
        back = resolve;
      }),
  );
  const lock = new DeviceLock(memory, ME);
  DeviceLock.giveUp(memory, ME);
  expect(DeviceLock.isHeldByOther(memory, ME)).toBe(true);
  DeviceLock.giveUp(memory, OTHER);
  await expect(lock.hold(async () => 1)).rejects.toMatchObject({ code: 'DEVICE_LOST' });
  expect(() => lock.holdNow(() => {})).toThrow(/hangs in the device's driver/);
  back();
  await hung;
  await expect(lock.hold(async () => 1)).resolves.toBe(1);

  void new DeviceLock(memory, OTHER).hold(() => never);
  DeviceLock.giveUp(memory, OTHER);
  DeviceLock.free(memory, OTHER);
  await expect(lock.hold(async () => 2)).resolves.toBe(2);
});

it('keeps the books of a device for all threads together, and closes those of one that has ended', () => {
  const memory = DeviceLedger.memory();
  const [a, b] = [new DeviceLedger(100, memory, ME), new DeviceLedger(100, memory, OTHER)];
  expect([a.take(60), b.take(30), b.take(11), a.used]).toEqual([true, true, false, 90]);
  expect([a.fits(5), a.fits(11)]).toEqual([2, 0]);
  a.give(20);
  expect(new DeviceLedger(100, memory, OTHER).take(30)).toBe(true);
  DeviceLedger.free(memory, OTHER);
  expect(a.used).toBe(40);
  DeviceLedger.free(memory, OTHER);
  DeviceLedger.free(memory, ME);
  expect(b.used).toBe(0);
  expect(new DeviceLedger().take(2 ** 45)).toBe(true);
});
