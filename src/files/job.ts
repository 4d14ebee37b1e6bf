import { WorkerInferencer } from '../depth/inferencer.ts';
import { networkSize } from '../depth/network-size.ts';
import type { InferenceStream } from '../depth/types.ts';
import { DepthcastError } from '../errors.ts';
import type { InstalledModel } from '../model/library.ts';
import type { Size } from '../model/size.ts';
import { FrameConverter, matrixOf } from '../video/frame-converter.ts';
import type { TimedPicture } from '../video/media-reader.ts';
import { InputScaler } from '../video/scaler.ts';
import { countVideo, countWritten, evenSize, openVideo } from './depth-writer.ts';
import { OfflineNetwork, offlineDepth } from './offline.ts';
import { openSource, parseInput, SCENE_FRAMES } from './open-source.ts';
import { makeRoom, type OutputFiles, type OutputOptions, outputFiles, refuseExisting } from './outputs.ts';
import { type Prepared, prepare } from './prepare.ts';
import { checkSame, inputState, type Record, readRecord, writeRecord } from './record.ts';
import { SerialQueue } from './serial-queue.ts';
import { writtenSize } from './size.ts';
import { type FileSource, noPictures, SelectedSource } from './source.ts';
import { type DepthResult, replayed, streamingDepth } from './streaming.ts';
import { Writer } from './writer.ts';

export interface JobOptions extends OutputOptions {
  /** A file, a folder or glob of images, a URL, `-` for standard input, or `scene:NAME`. */
  input: string;
  /** Folder of what is written. */
  out: string;
  model: InstalledModel;
  mode: 'streaming' | 'offline';
  /** Network size; the model's default when undefined. */
  size: number | undefined;
  /** Of the network; 0 measures. */
  threads: number;
  maxRes: number;
  maxLength: number;
  targetFps: number;
  /** Frames a second of images and scenes. */
  fps: number;
  grayscale: boolean;
  sceneCuts: boolean;
  force: boolean;
  resume: boolean;
  /** Seconds after which a silent network source counts as stalled. */
  timeoutSeconds: number;
  /** Ends the job early; what is done is kept. */
  signal: AbortSignal;
}

/** What is known when the first frame goes to the network. */
export interface JobStart {
  files: OutputFiles;
  size: Size;
  network: Size;
  fps: number;
  /** Frames that are expected; undefined where nobody knows. */
  frames: number | undefined;
  /** Frames that an earlier run wrote. */
  resumed: number;
  device: string;
}

export interface JobEvents {
  start?(start: JobStart): void;
  /** @param frames written so far, earlier runs included */
  progress?(frames: number): void;
}

export interface JobSummary extends JobStart {
  /** Written in all. */
  frames: number;
  /** The input came to its end, or to the length that was asked for. */
  complete: boolean;
  interrupted: boolean;
  epochs: number[];
  /** Damage of the input. */
  problems: string[];
  /** What else is worth knowing. */
  notes: string[];
  seconds: {
    /** Opening the input and the model. */
    load: number;
    /** From the first frame's way to the network until every file was closed. */
    run: number;
    /** Of `run`: in the network, with what belongs to it. */
    inference: number;
  };
}

/** Frames of the source's copy that may wait to be encoded. */
const COPIES_WAITING = 3;

/**
 * One video's way: source -> scaler -> network -> files, each step working while the next one does, with a few frames
 * between them at most. Memory does not depend on the video's length.
 * @throws DepthcastError what opening, the network or writing fails with; files are closed first, so that what was done
 *   can be used
 */
export async function runJob(options: JobOptions, events: JobEvents = {}): Promise<JobSummary> {
  const began = performance.now();
  const input = parseInput(options.input);
  if (options.resume && !input.repeatable)
    throw new DepthcastError('BAD_OPTION', { detail: `--resume: ${options.input} cannot be read again` });
  const files = outputFiles(options.out, input.name, options);
  const before = options.resume ? await readRecord(files.record) : undefined;
  if (before === undefined && !options.force) await refuseExisting(files);
  const opened = await openSource(options.input, options);
  const maxLength = options.maxLength > 0 || input.kind !== 'scene' ? options.maxLength : SCENE_FRAMES;
  const source = new SelectedSource(opened, { targetFps: options.targetFps, maxLength });
  const stop = () => source.interrupt();
  options.signal.addEventListener('abort', stop, { once: true });
  let first: TimedPicture | undefined;
  try {
    first = await source.read();
    if (first === undefined) throw noPictures(source);
    return await new Job(options, events, files, source, first, began).run(before);
  } finally {
    first?.picture.close();
    options.signal.removeEventListener('abort', stop);
    source.close();
  }
}

class Job {
  readonly #options: JobOptions;
  readonly #events: JobEvents;
  readonly #files: OutputFiles;
  readonly #source: FileSource;
  readonly #first: TimedPicture;
  readonly #began: number;
  readonly #size: Size;
  readonly #network: Size;
  #epochs: number[] = [];
  #written = 0;
  #inference = 0;
  #startedAt = 0;
  #problems = new Set<string>();
  #notes = new Set<string>();

  constructor(
    options: JobOptions,
    events: JobEvents,
    files: OutputFiles,
    source: FileSource,
    first: TimedPicture,
    began: number,
  ) {
    this.#options = options;
    this.#events = events;
    this.#files = files;
    this.#source = source;
    this.#first = first;
    this.#began = began;
    const { width, height } = first.picture;
    this.#size = writtenSize({ width, height }, options.maxRes);
    this.#network = networkSize(options.model.manifest, this.#size.width, this.#size.height, options.size);
  }

  async run(before: Record | undefined): Promise<JobSummary> {
    const { model, mode } = this.#options;
    const now = await this.#record(false);
    let keep = 0;
    if (before !== undefined) {
      checkSame(before, now);
      this.#epochs = before.epochs;
      keep = before.complete ? before.frames : await this.#countWritten();
      this.#epochs = before.epochs.filter((start) => start < keep);
      if (before.complete) {
        this.#written = keep;
        return this.#summary(this.#startInfo(keep, ''), true, false);
      }
      if (mode === 'offline')
        throw new DepthcastError('BAD_OPTION', { detail: 'an offline run cannot go on; use --force' });
    }
    this.#written = keep;
    // Only now: an input that cannot be read costs nobody an earlier result.
    if (before === undefined) await makeRoom(this.#options.out, this.#files);
    if (mode === 'offline') return this.#offline(model);
    return this.#streaming(keep);
  }

  async #streaming(keep: number): Promise<JobSummary> {
    const { model, threads, size, sceneCuts } = this.#options;
    const inferencer = await WorkerInferencer.create(model, { threads, size, picture: this.#size });
    try {
      // A file's pictures follow one another however far apart they were taken.
      const live = parseInput(this.#options.input).kind === 'live';
      const stream = inferencer.open({ ...(size && { size }), sceneCuts, ...(!live && { gapSeconds: Infinity }) });
      return await this.#process(inferencer.device, keep, stream, (frames) =>
        streamingDepth(frames, stream, keep, sceneCuts),
      );
    } finally {
      await inferencer.close();
    }
  }

  async #offline(model: InstalledModel): Promise<JobSummary> {
    const network = new OfflineNetwork({
      model,
      network: this.#network,
      size: this.#size,
      threads: this.#options.threads,
    });
    try {
      await network.ready();
      return await this.#process('CPU', 0, undefined, (frames) => offlineDepth(frames, network));
    } finally {
      network.close();
    }
  }

  async #process(
    device: string,
    keep: number,
    stream: InferenceStream | undefined,
    depthOf: (frames: AsyncIterable<Prepared>) => AsyncGenerator<DepthResult>,
  ): Promise<JobSummary> {
    const { options, files } = { options: this.#options, files: this.#files };
    const { fps, aspect } = this.#source.info;
    const matrix = await this.#first.picture.read(async (frame) => matrixOf(frame));
    const video = evenSize(this.#size);
    const metric = options.model.manifest.unit === 'metres';
    const writer = new Writer({
      files,
      size: this.#size,
      fps,
      aspect,
      matrix,
      grayscale: options.grayscale,
      metric,
      keep,
    });
    const converter = new FrameConverter(video.width, video.height, matrix);
    const scaler = new InputScaler();
    const copies = new SerialQueue(COPIES_WAITING);
    const start = this.#startInfo(keep, device);
    let interrupted = false;
    let failure: unknown;
    const source = await openVideo(files.source, { ...video, fps, aspect, matrix }, keep);
    try {
      await writer.open();
      await writeRecord(files.record, await this.#record(false));
      this.#startedAt = performance.now();
      this.#events.start?.(start);
      const takeInput = (width: number, height: number) =>
        stream?.takeInput(width, height) ?? { data: new Float32Array(3 * width * height), width, height };
      const replay = replayed(options.model.manifest, keep, this.#epochs);
      const frames = prepare({
        source: this.#source,
        first: this.#first,
        network: this.#network,
        scaler,
        converter,
        takeInput,
        keep,
        replay,
      });
      for await (const result of depthOf(frames)) {
        this.#inference += result.milliseconds;
        const { index, time, frame, resized } = result.prepared;
        if (index < keep || frame === undefined) {
          result.release();
          continue;
        }
        if (resized) this.#notes.add('the size of the pictures changes; all are brought to the first');
        if (result.reset) {
          this.#epochs.push(index);
          // Now, so that it is known after a crash too.
          await writeRecord(files.record, await this.#record(false));
        }
        const colour = files.sideBySide ? (frame.clone() ?? undefined) : undefined;
        await copies.add(() => source.write(frame, time).finally(() => frame.free()));
        const values = writer.takeValues(result.values.length);
        values.set(result.values);
        result.release();
        const { near, far } = result.range;
        const facts = { index, time, epoch: this.#epochs.length - 1, near, far };
        await writer.write(facts, values, result.size, colour);
        this.#written = index + 1;
        this.#events.progress?.(this.#written);
        if (options.signal.aborted) {
          interrupted = true;
          break;
        }
      }
    } catch (thrown) {
      failure = thrown;
    }
    interrupted ||= options.signal.aborted;
    for (const close of [() => copies.idle(), () => writer.finish(), () => source.finish()])
      await close().catch((thrown: unknown) => {
        failure ??= thrown;
      });
    converter.close();
    scaler.close();
    for (const problem of this.#source.problems) this.#problems.add(problem);
    const complete = !interrupted && failure === undefined;
    await writeRecord(files.record, await this.#record(complete)).catch((thrown: unknown) => {
      failure ??= thrown;
    });
    if (failure !== undefined) throw failure;
    return this.#summary(start, complete, interrupted);
  }

  #startInfo(keep: number, device: string): JobStart {
    const { fps, frames } = this.#source.info;
    return {
      files: this.#files,
      size: this.#size,
      network: this.#network,
      fps: fps.num / fps.den,
      frames,
      resumed: keep,
      device,
    };
  }

  #summary(start: JobStart, complete: boolean, interrupted: boolean): JobSummary {
    const now = performance.now();
    const startedAt = this.#startedAt || now;
    return {
      ...start,
      frames: this.#written,
      complete,
      interrupted,
      epochs: this.#epochs,
      problems: [...this.#problems],
      notes: [...this.#notes],
      seconds: {
        load: (startedAt - this.#began) / 1000,
        run: (now - startedAt) / 1000,
        inference: this.#inference / 1000,
      },
    };
  }

  async #countWritten(): Promise<number> {
    const [depth, source] = await Promise.all([countWritten(this.#files, this.#size), countVideo(this.#files.source)]);
    return Math.min(depth, source);
  }

  async #record(complete: boolean): Promise<Record> {
    const { input, model, mode, maxRes, maxLength, targetFps, grayscale, sceneCuts } = this.#options;
    const { saveNpz, saveExr, savePng16, sideBySide } = this.#options;
    const { num, den } = this.#source.info.fps;
    return {
      format: 1,
      input,
      inputState: await inputState(input),
      model: model.manifest.name,
      unit: model.manifest.unit,
      mode,
      size: this.#size,
      network: this.#network,
      fps: [num, den],
      frames: this.#written,
      complete,
      epochs: this.#epochs,
      options: { maxRes, maxLength, targetFps, grayscale, sceneCuts, saveNpz, saveExr, savePng16, sideBySide },
    };
  }
}
