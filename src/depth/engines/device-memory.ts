import type { DeviceMemory, SharedDevice } from '../engine.ts';
import { StreamCount } from '../stream-count.ts';
import { DeviceLedger } from './device-ledger.ts';
import { DeviceLock } from './device-lock.ts';

/** Streams that a device's memory has room for beside the network. */
export const streamsThatFit = (limit: number, { model, stream }: DeviceMemory): number =>
  Math.max(0, Math.floor((limit - model) / stream));

export const shareDevice = (): SharedDevice => ({
  lock: DeviceLock.memory(),
  ledger: DeviceLedger.memory(),
  streams: StreamCount.memory(),
});

/** Takes back what a thread that has ended held of the device. */
export function freeDevice({ lock, ledger }: Pick<SharedDevice, 'lock' | 'ledger'>, thread: number): void {
  DeviceLock.free(lock, thread);
  DeviceLedger.free(ledger, thread);
}
