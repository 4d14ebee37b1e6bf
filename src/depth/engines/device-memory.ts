import type { DeviceMemory } from '../engine.ts';

/** Streams that a device's memory has room for beside the network. */
export const streamsThatFit = (limit: number, { model, stream }: DeviceMemory): number =>
  Math.max(0, Math.floor((limit - model) / stream));
