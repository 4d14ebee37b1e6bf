import { refusal } from '../depth/device-choice.ts';
import { WorkerInferencer } from '../depth/inferencer.ts';
import type { InferenceStream, NetworkImage } from '../depth/types.ts';
import { OFFLINE_STATE_MAPS } from '../model/offline-windows.ts';
import type { ModelPrecision } from '../model/precision.ts';
import type { Size } from '../model/size.ts';
import type { JobOptions } from './job-types.ts';
import { OfflineNetwork, offlineDepth, replayedOffline } from './offline.ts';
import { readState, removeStates, writeState } from './offline-state.ts';
import { parseInput } from './open-source.ts';
import type { Prepared } from './prepare.ts';
import { type DepthResult, MAX_IN_FLIGHT, replayed, streamingDepth } from './streaming.ts';

/** What turns prepared frames into depth: the streaming or the offline network, loaded. */
export interface DepthBackend {
  /** For people. */
  readonly device: string;
  /** What the network is computed in, and why not in what its manifest says. */
  readonly precision: ModelPrecision;
  readonly notes: readonly string[];
  /** Whether it goes by the camera. */
  readonly usesCamera: boolean;
  /** Written frames that stay: it goes on behind them. */
  readonly keep: number;
  takeInput(width: number, height: number): NetworkImage;
  /** Frames written before that the network sees again. */
  replay(index: number): boolean;
  depthOf(frames: AsyncIterable<Prepared>): AsyncGenerator<DepthResult>;
  /** The input came to its end: nothing goes on from here. */
  finished(): Promise<void>;
  close(): Promise<void>;
}

export interface BackendOptions {
  job: JobOptions;
  /** Path of the run's record, beside which offline states are kept. */
  record: string;
  /** Of the written maps, and of the network's input. */
  size: Size;
  network: Size;
  /** Frames that an earlier run wrote, and those at which its epochs began. */
  written: number;
  epochs: readonly number[];
  /** Anchors make metres of what is written. */
  anchored: boolean;
}

/** @throws DepthcastError what loading the network fails with */
export function openBackend(options: BackendOptions): Promise<DepthBackend> {
  return options.job.mode === 'offline' ? openOffline(options) : openStreaming(options);
}

async function openStreaming({ job, size: picture, written, epochs, anchored }: BackendOptions): Promise<DepthBackend> {
  const { input, model, threads, devices, size, sceneCuts } = job;
  // A file's pictures follow one another however far apart they were taken.
  const gapSeconds = parseInput(input).kind === 'live' ? undefined : Infinity;
  const inferencer = await WorkerInferencer.create(model, { ...devices, threads, size, picture, yields: false });
  let stream: InferenceStream;
  try {
    stream = inferencer.open({
      maxInFlight: MAX_IN_FLIGHT,
      sceneCuts,
      ...(size && { size }),
      ...(gapSeconds && { gapSeconds }),
    });
  } catch (thrown) {
    await inferencer.close();
    throw thrown;
  }
  return {
    device: inferencer.device,
    precision: inferencer.model.precision,
    notes: inferencer.refused.map(refusal),
    usesCamera: inferencer.usesCamera,
    keep: written,
    takeInput: (width, height) => stream.takeInput(width, height),
    // Anchors are compared with the maps of their frames: all of the epoch's are needed.
    replay: anchored ? sinceEpoch(written, epochs) : replayed(model.manifest, written, epochs),
    depthOf: (frames) => streamingDepth(frames, stream, written, sceneCuts),
    finished: async () => {},
    close: () => inferencer.close(),
  };
}

async function openOffline({ job, record, size, network: input, written }: BackendOptions): Promise<DepthBackend> {
  const { model, threads, signal } = job;
  const values = OFFLINE_STATE_MAPS * size.width * size.height;
  const state = written > 0 ? await readState(record, written, values) : undefined;
  // Only behind a whole window can it go on: what was written since then is written again.
  const keep = state?.frames ?? 0;
  if (keep === 0) await removeStates(record);
  const network = new OfflineNetwork({ model, network: input, size, threads, state: state?.maps });
  try {
    await network.ready();
  } catch (thrown) {
    network.close();
    throw thrown;
  }
  return {
    device: 'CPU',
    precision: model.manifest.precision,
    notes: [],
    usesCamera: false,
    keep,
    takeInput: (width, height) => network.takeInput(width, height),
    replay: state ? replayedOffline(state) : () => false,
    depthOf: (frames) => offlineDepth(frames, { network, state, save: (next) => writeState(record, next), signal }),
    finished: () => removeStates(record),
    close: async () => network.close(),
  };
}

/** Written frames of the epoch that goes on behind them. */
function sinceEpoch(keep: number, epochs: readonly number[]): (index: number) => boolean {
  const start = epochs.findLast((epoch) => epoch < keep) ?? 0;
  return (index) => index >= start && index < keep;
}
