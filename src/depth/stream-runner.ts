import { DepthcastError } from '../errors.ts';
import { CutDetector, signature } from './cuts.ts';
import type { Engine, EngineState } from './engine.ts';
import type { EngineSet } from './engine-set.ts';
import { displayRange, ExtremesReader, RangeTracker } from './range.ts';
import type { DisplayRange, InferenceTimings, NetworkImage, ResetCause, StreamOptions } from './types.ts';

/** A frame's result; `depth` holds it until the stream's next frame. */
export interface StreamResult {
  depth: Float32Array;
  range: DisplayRange;
  reset: ResetCause | undefined;
  timings: Omit<InferenceTimings, 'queue'>;
}

/** One stream inside the depth worker: its state in the engine, scene-cut detector and display range. */
export class StreamRunner {
  readonly #engines: EngineSet;
  readonly #cuts: CutDetector;
  readonly #range = new RangeTracker();
  readonly #extremes = new ExtremesReader();
  #engine: Engine | undefined;
  #memory: EngineState | undefined;
  #depth = new Float32Array();
  #width = 0;
  #height = 0;
  #lastTime = 0;
  /** Why the next frame is the first of its memory. */
  #fresh: ResetCause | undefined;

  constructor(engines: EngineSet) {
    const { manifest } = engines;
    this.#engines = engines;
    this.#cuts = new CutDetector(manifest.cutThreshold);
  }

  close(): void {
    this.#memory?.dispose();
    this.#memory = undefined;
    if (this.#engine) this.#engines.free(this.#engine);
    this.#engine = undefined;
  }

  /**
   * Takes the network for a size, and memory there. On a device a frame runs, for which the driver compiles.
   * @param carry the picture is the same: where the engine can, memory goes on at the new size
   */
  async prepare(width: number, height: number, carry = false): Promise<void> {
    if (this.#width === width && this.#height === height) return;
    if (carry && this.#width > 0 && this.#engine!.capabilities.resamples) {
      await this.#carry(width, height);
      return;
    }
    this.#fresh = this.#width === 0 ? (this.#fresh ?? 'start') : 'size';
    await this.#resize(width, height);
    if (this.#engine!.capabilities.kind === 'cpu') return;
    await this.#memory!.run(new Float32Array(3 * width * height), this.#depth);
    this.#memory!.reset();
  }

  /**
   * @param image planar RGB in [0, 1]; normalised in place
   * @param time media time in seconds
   * @param asked why the caller wants a reset before this frame, if it does
   * @param last media time of the picture before, where that did not come here
   */
  async infer(
    image: NetworkImage,
    time: number,
    options: Omit<StreamOptions, 'size' | 'reduced'>,
    asked: ResetCause | undefined,
    last = Number.NEGATIVE_INFINITY,
  ): Promise<StreamResult> {
    const began = performance.now();
    const dt = time - this.#lastTime;
    this.#lastTime = time;
    await this.prepare(image.width, image.height);
    let reset = asked ?? this.#fresh;
    this.#fresh = undefined;
    if (time - Math.max(time - dt, last) > options.gapSeconds || dt < 0) reset ??= 'gap';
    if (reset) this.#forget();
    const memory = this.#memory!;
    const picture = this.#engine!.capabilities.summary ? undefined : signature(image);
    this.#normalise(image);
    const ready = performance.now();

    let summary = await memory.run(image.data, this.#depth, image.focal);
    if (options.sceneCuts && !reset && this.#cuts.isCut(picture ?? summary!)) {
      // The frame was mixed with memories of another scene: run it again with none.
      reset = 'cut';
      this.#forget();
      summary = await memory.run(image.data, this.#depth, image.focal);
    }
    const ran = performance.now();
    const inference = ran - ready;

    const extremes = this.#extremes.read(this.#depth);
    if (!extremes.finite) {
      this.#width = 0;
      throw new DepthcastError('BAD_OUTPUT', { detail: 'the map holds values that are not finite' });
    }
    this.#cuts.add(picture ?? summary!);
    const tracked = this.#range.update(extremes, reset ? 0 : Math.max(0, dt));
    return {
      depth: this.#depth,
      range: options.range === 'auto' ? displayRange(tracked, this.#engines.manifest.unit) : options.range,
      reset,
      timings: {
        preprocess: ready - began,
        inference,
        inferenceShared: inference * (memory.sharedFactor ?? 1),
        postprocess: performance.now() - ran,
      },
    };
  }

  /** The old size's memory goes first: a stream never holds two. */
  async #resize(width: number, height: number): Promise<void> {
    this.#width = 0;
    this.close();
    this.#engine = await this.#engines.take(width, height);
    this.#memory = await this.#engine.createState({ width, height });
    this.#depth = new Float32Array(width * height);
    this.#width = width;
    this.#height = height;
  }

  /** A network of open size is the same for both. */
  async #carry(width: number, height: number): Promise<void> {
    const [engine, memory] = [this.#engine!, this.#memory!];
    const next = await memory.resampled!({ width, height });
    const taken = await this.#engines.take(width, height);
    this.#engines.free(engine);
    memory.dispose();
    this.#engine = taken;
    this.#memory = next;
    this.#depth = new Float32Array(width * height);
    this.#width = width;
    this.#height = height;
  }

  #forget(): void {
    this.#memory!.reset();
    this.#cuts.reset();
    this.#range.reset();
  }

  #normalise({ data, width, height }: NetworkImage): void {
    const { mean, std } = this.#engines.manifest.normalise;
    const plane = width * height;
    for (let c = 0; c < 3; c++) {
      const scale = 1 / std[c]!;
      const shift = -mean[c]! * scale;
      for (let i = c * plane, end = i + plane; i < end; i++) data[i] = data[i]! * scale + shift;
    }
  }
}
