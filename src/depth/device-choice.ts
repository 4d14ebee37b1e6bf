import { toDepthcastError } from '../errors.ts';
import type { GraphCache } from '../model/graph-cache.ts';
import type { InstalledModel } from '../model/library.ts';
import type { ModelPrecision } from '../model/precision.ts';
import type { DeviceKind, Engine, EngineProvider, PrepareOptions } from './engine.ts';
import { cpuProvider } from './engines/cpu.ts';
import { mayHaveCuda, mayHaveWebgpu } from './engines/present.ts';
import { trialImage } from './engines/trial.ts';

/** `depth.device`. */
export type DeviceSetting = 'auto' | DeviceKind;

/** A device that was not taken, or not for the network's own precision, and why. */
export interface RefusedDevice {
  readonly device: DeviceKind;
  /** The one that it does not compute rightly, where it runs the network in fp32 instead. */
  readonly precision?: ModelPrecision;
  readonly reason: string;
}

/** For people. */
export const refusal = ({ device, precision, reason }: RefusedDevice): string =>
  precision ? `${device} runs it in fp32, not in ${precision}: ${reason}` : `${device} was not taken: ${reason}`;

export interface ChosenEngine {
  readonly provider: EngineProvider;
  readonly engine: Engine;
  /** Devices that `auto` tried and did not take. */
  readonly refused: readonly RefusedDevice[];
}

/** What only a device needs is loaded with it. */
const PROVIDERS: Readonly<Record<DeviceKind, () => Promise<EngineProvider>>> = {
  cpu: async () => cpuProvider,
  webgpu: async () => (await import('./engines/webgpu.ts')).webgpuProvider,
  cuda: async () => (await import('./engines/cuda.ts')).cudaProvider,
};
/**
 * A network that takes no longer than this on the CPU stays there: the way to a device and back costs milliseconds too,
 * and another process may have better use for it.
 */
const QUICK_MS = 15;
/** Of the CPU's frame: the quickest of so many. */
const FRAMES = 3;

/**
 * Prepares a network on the device that is asked for, or, for `auto`, on the fastest that passes its check.
 * @throws DepthcastError what the device's provider throws; of `auto`, what the CPU's does
 */
export async function prepareOn(
  device: DeviceSetting,
  model: InstalledModel,
  graphs: GraphCache,
  options: PrepareOptions,
): Promise<ChosenEngine> {
  if (device !== 'auto') {
    const provider = await PROVIDERS[device]();
    return { provider, engine: await provider.prepare(model, graphs, options), refused: [] };
  }
  const candidates: DeviceKind[] = [];
  if (mayHaveCuda(options.onnxruntime)) candidates.push('cuda');
  if (mayHaveWebgpu()) candidates.push('webgpu');
  // A checkpoint's network is never that quick on a CPU: the one for the CPU is built only if it is needed.
  const quick = candidates.length > 0 && model.manifest.kind !== 'checkpoint';
  let cpu = quick || candidates.length === 0 ? await cpuProvider.prepare(model, graphs, options) : undefined;
  const refused: RefusedDevice[] = [];
  try {
    const least = cpu && candidates.length > 0 ? await frameTime(cpu, options) : Infinity;
    if (cpu && least <= QUICK_MS) return { provider: cpuProvider, engine: cpu, refused };
    for (const kind of candidates) {
      const tried = await tryDevice(kind, model, graphs, options, least);
      if ('provider' in tried) {
        await cpu?.release();
        return { ...tried, refused };
      }
      refused.push({ device: kind, ...tried });
    }
    cpu ??= await cpuProvider.prepare(model, graphs, options);
    return { provider: cpuProvider, engine: cpu, refused };
  } catch (thrown) {
    await cpu?.release();
    throw thrown;
  }
}

/** Prepares the network there, if that is faster than the CPU's `least` milliseconds a frame. */
async function tryDevice(
  kind: DeviceKind,
  model: InstalledModel,
  graphs: GraphCache,
  options: PrepareOptions,
  least: number,
): Promise<Omit<ChosenEngine, 'refused'> | Pick<RefusedDevice, 'reason'>> {
  try {
    const provider = await PROVIDERS[kind]();
    const engine = await provider.prepare(model, graphs, options);
    const { milliseconds, cpuMilliseconds } = engine.capabilities.check!;
    const onCpu = Math.min(least, cpuMilliseconds);
    if (milliseconds < onCpu) return { provider, engine };
    await engine.release();
    return { reason: `${milliseconds.toFixed(0)} ms a frame, the CPU takes ${onCpu.toFixed(0)}` };
  } catch (thrown) {
    const { code, detail, message } = toDepthcastError(thrown);
    return { reason: `${code}: ${detail ?? message}` };
  }
}

/** Milliseconds of a frame. */
async function frameTime(engine: Engine, size: PrepareOptions): Promise<number> {
  const image = trialImage(size);
  const map = new Float32Array(size.width * size.height);
  const state = await engine.createState(size);
  try {
    let least = Infinity;
    for (let i = 0; i < FRAMES; i++) {
      const began = performance.now();
      await state.run(image, map);
      least = Math.min(least, performance.now() - began);
    }
    return least;
  } finally {
    state.dispose();
  }
}
