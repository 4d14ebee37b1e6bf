import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { DeviceLock } from './device-lock.ts';

it('lets the calls of a thread, of any lock on the same memory, go one after the other', async () => {
  const memory = new SharedArrayBuffer(4);
  let [inside, most] = [0, 0];
  const call = async () => {
    most = Math.max(most, ++inside);
    await sleep(1);
    inside--;
  };
  const failing = new DeviceLock(memory, 7).hold(() => Promise.reject(new Error('in native code')));
  await Promise.all([
    expect(failing).rejects.toThrow('in native code'),
    ...Array.from({ length: 5 }, () => new DeviceLock(memory, 7).hold(call)),
  ]);
  expect(most).toBe(1);
  expect(new Int32Array(memory)[0]).toBe(0);
});

it('is let go for a thread that ended with it', async () => {
  const memory = new SharedArrayBuffer(4);
  new Int32Array(memory)[0] = 9;
  DeviceLock.free(memory, 8);
  expect(new Int32Array(memory)[0]).toBe(9);
  DeviceLock.free(memory, 9);
  await new DeviceLock(memory, 7).hold(async () => {});
});
