import type { DeviceOptions } from '../depth/engine-set.ts';
import { focalOf } from '../depth/focal.ts';
import { WorkerInferencer } from '../depth/inferencer.ts';
import type { NetworkImage } from '../depth/types.ts';
import { DepthcastError } from '../errors.ts';
import type { InstalledModel, LibraryOptions } from '../model/library.ts';
import { allowedSizes } from '../model/size.ts';
import { InputScaler, type Picture } from '../video/index.ts';
import type { Contender } from './contender.ts';
import type { Pinhole } from './temporal.ts';
import type { SequenceInfo } from './types.ts';

/** A frame's map; `values` are valid until `release`. */
export interface Prediction {
  /** [height*width] disparity up to scale and shift, or metres. */
  values: Float32Array;
  width: number;
  height: number;
  /** Of the network, its cache and normalisation; undefined for baselines. */
  milliseconds: number | undefined;
  /** Counts resets of memory from 0. */
  epoch: number;
  release(): void;
}

/** One contender's way through one sequence. */
export interface PredictorRun {
  /**
   * Brings a picture to the network's size; it may be closed afterwards.
   * @param camera focal lengths in the picture's pixels, where they are known
   */
  take(picture: Picture, camera?: Pick<Pinhole, 'fx' | 'fy'>): Promise<void>;
  /** Runs the picture that was taken. One call at a time. @param index of the frame in its sequence */
  predict(index: number): Promise<Prediction>;
  close(): void;
}

/** A contender that is ready to run. */
export interface Predictor {
  readonly contender: Contender;
  /** What its values are. */
  readonly unit: 'disparity' | 'metres';
  /** Its disparity may be below zero: the benchmark's floor, made for networks that end in a ReLU, would cut it off. */
  readonly signed: boolean;
  /** For people: what it is and what runs it. */
  readonly description: string;
  start(sequence: SequenceInfo): PredictorRun;
}

/** The contenders of a run, and the depth workers that they share: one for each model and precision. */
export class Predictors {
  readonly list: readonly Predictor[];
  readonly #workers: readonly WorkerInferencer[];

  private constructor(list: readonly Predictor[], workers: readonly WorkerInferencer[]) {
    this.list = list;
    this.#workers = workers;
  }

  /**
   * @param find the model of a name or path, in a precision where one is asked for
   * @param threads of each network; 0 measures what suits it
   * @param devices where they run; the CPU when absent
   * @throws DepthcastError MODEL_NOT_FOUND, BAD_MODEL, BAD_CHECKPOINT, BAD_SIZE, BAD_OUTPUT
   */
  static async load(
    contenders: readonly Contender[],
    find: (model: string, options: Pick<LibraryOptions, 'precision'>) => InstalledModel,
    threads = 0,
    devices: Omit<DeviceOptions, 'lock'> = {},
  ): Promise<Predictors> {
    const workers = new Map<string, WorkerInferencer>();
    const list: Predictor[] = [];
    try {
      for (const contender of contenders) {
        if (contender.baseline) {
          list.push(baseline(contender));
          continue;
        }
        const { model, size, precision } = contender;
        const key = JSON.stringify([model, precision]);
        const worker =
          workers.get(key) ??
          (await WorkerInferencer.create(find(model, { precision }), { ...devices, threads, size }));
        workers.set(key, worker);
        list.push(network(contender, worker));
      }
    } catch (thrown) {
      await Promise.all([...workers.values()].map((worker) => worker.close()));
      throw thrown;
    }
    return new Predictors(list, [...workers.values()]);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }
}

function network(contender: Contender, worker: WorkerInferencer): Predictor {
  const { name, unit, precision, window } = worker.model;
  const size = contender.size ?? allowedSizes(worker.model).default;
  // Refuses a size that the model has not.
  worker.open({ size }).close();
  return {
    contender,
    unit,
    // The anchored window is Video Depth Anything's, whose heads end in a ReLU.
    signed: window.rule !== 'anchored',
    description: `${name}, ${precision}, ${size} px, memory ${contender.memory ? 'on' : 'off'}, ${worker.device}`,
    start({ fps, separate }) {
      // A dropped or slow frame must not read as a gap: time goes by frame numbers.
      const stream = worker.open({ size, sceneCuts: contender.cuts, gapSeconds: Number.POSITIVE_INFINITY });
      const scaler = new InputScaler();
      let input: NetworkImage | undefined;
      return {
        async take(picture, camera) {
          const { width, height } = stream.networkSize(picture.width, picture.height);
          input = stream.takeInput(width, height);
          input.focal = camera && focalOf(camera, picture, input);
          await scaler.scaleInto(picture, input.data, width, height);
        },
        async predict(index) {
          if (!input) throw new DepthcastError('INTERNAL', { detail: 'no picture was taken' });
          if (separate || !contender.memory) stream.reset();
          const map = await stream.infer(input, index / fps);
          // Memory that a worker took with it would change the numbers silently.
          if (map.reset === 'restart')
            throw new DepthcastError('WORKER_DIED', { detail: 'it lost the memory of a frame' });
          const { preprocess, inference, postprocess } = map.timings;
          return {
            values: map.values,
            width: map.width,
            height: map.height,
            milliseconds: preprocess + inference + postprocess,
            epoch: map.epoch,
            release: () => map.release(),
          };
        },
        close() {
          stream.close();
          scaler.close();
        },
      };
    },
  };
}

function baseline(contender: Contender): Predictor {
  const ramp = contender.baseline === 'ramp';
  return {
    contender,
    unit: 'disparity',
    signed: false,
    description: ramp ? 'baseline: nearer towards the bottom' : 'baseline: everything equally far',
    start({ height }) {
      const values = Float32Array.from({ length: ramp ? height : 1 }, (_, y) => (ramp ? (y + 0.5) / height : 1));
      return {
        take: async () => {},
        predict: async () => ({
          values,
          width: 1,
          height: values.length,
          milliseconds: undefined,
          epoch: 0,
          release() {},
        }),
        close() {},
      };
    },
  };
}
