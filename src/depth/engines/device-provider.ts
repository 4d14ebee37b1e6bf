import { threadId } from 'node:worker_threads';
import { usableCores } from '../../cgroup.ts';
import type { GraphCache } from '../../model/graph-cache.ts';
import type { InstalledModel } from '../../model/library.ts';
import { GRAPH_PRECISION } from '../../model/precision.ts';
import type { DeviceKind, EngineProvider, PrepareOptions } from '../engine.ts';
import { checkFits, DeviceEngine } from './device-engine.ts';
import { DeviceLedger } from './device-ledger.ts';
import type { DeviceRuntime } from './device-runtime.ts';
import { NodeRuntime } from './node-runtime.ts';
import { graphBytes } from './state-shapes.ts';
import { compareTrials, runTrial, type Trial } from './verify.ts';

/** Threads of the CPU's trial. */
const MAX_THREADS = 8;

/**
 * Networks on a device, each checked against the CPU when it is loaded.
 * @param open reaches the device
 */
export function deviceProvider(
  name: DeviceKind,
  open: (options: PrepareOptions) => Promise<DeviceRuntime>,
): EngineProvider {
  return {
    name,
    async prepare(installed, graphs, options) {
      // Devices have no arithmetic of eight bits for such graphs.
      const model = installed.float32 ?? installed;
      // Opened first: where there is no device, nothing is built and no CPU's time is taken.
      const runtime = await open(options);
      const ledger = new DeviceLedger(options.deviceMemory, options.shared?.ledger, threadId + 1);
      let want: Trial;
      let graph: string;
      try {
        const { manifest } = model;
        graph = await deviceGraph(model, graphs, options, manifest.precision);
        const reference = manifest.kind === 'checkpoint' ? await deviceGraph(model, graphs, options, 'fp32') : graph;
        want = await cpuTrial(model, reference, options, (stream) =>
          checkFits(runtime.device, { model: graphBytes(graph), stream }, ledger),
        );
      } catch (thrown) {
        await runtime.release();
        throw thrown;
      }
      const engine = await DeviceEngine.load(model.manifest, runtime, graph, { ledger });
      try {
        engine.checkRoom(options);
        const check = compareTrials(model.manifest, runtime.device, options, await runTrial(engine, options), want);
        engine.trusted(check, options);
        return engine;
      } catch (thrown) {
        await engine.release();
        throw thrown;
      }
    },
  };
}

async function deviceGraph(
  { manifest, file }: InstalledModel,
  graphs: GraphCache,
  { width, height }: PrepareOptions,
  precision: keyof typeof GRAPH_PRECISION,
): Promise<string> {
  if (manifest.kind !== 'checkpoint') return file;
  const request = { checkpoint: file, kind: 'stream', width, height, config: manifest.network } as const;
  return graphs.get({ ...request, precision: GRAPH_PRECISION[precision], target: 'device' });
}

/**
 * What the CPU makes of the clip, in float32.
 * @param check is told a stream's bytes before the clip is run, and may throw
 */
async function cpuTrial(
  { manifest }: InstalledModel,
  graph: string,
  options: PrepareOptions,
  check: (streamBytes: number) => void,
): Promise<Trial> {
  const threads = options.threads || Math.min(MAX_THREADS, usableCores());
  const engine = await DeviceEngine.load(manifest, new NodeRuntime('cpu', { threads }), graph);
  try {
    check(engine.stateBytes(options));
    return await runTrial(engine, options);
  } finally {
    await engine.release();
  }
}
