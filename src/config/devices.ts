import type { Config } from './schema.ts';

const MIB = 2 ** 20;

/** Where networks run, by the settings. */
export function devicesOf({ depth, limits }: Pick<Config, 'depth' | 'limits'>) {
  const { device, deviceIndex, onnxruntimeLibrary } = depth;
  return {
    device,
    deviceIndex: deviceIndex ?? undefined,
    onnxruntime: onnxruntimeLibrary ?? undefined,
    deviceMemory: limits.deviceMemory === null ? undefined : limits.deviceMemory * MIB,
  };
}
