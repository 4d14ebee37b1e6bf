import { workerData } from 'node:worker_threads';
import { DeviceLock } from '../../src/depth/engines/device-lock.ts';

/** The other thread of `src/depth/engines/device-lock.test.ts`: tells that it is about to wait, and that it was let in. */
const { memory, order } = workerData as { memory: SharedArrayBuffer; order: Int32Array };
Atomics.store(order, 0, 1);
new DeviceLock(memory, 2).holdNow(() => Atomics.store(order, 1, 1));
