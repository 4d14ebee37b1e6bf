import { focalOf } from '../depth/focal.ts';
import { networkSize } from '../depth/network-size.ts';
import { DepthcastError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import type { ModelPrecision } from '../model/precision.ts';
import type { Size } from '../model/size.ts';
import type { MetricMap } from '../protocol/index.ts';
import { GuidedUpsampler } from '../video/guided-upsampler.ts';
import type { TimedPicture } from '../video/media-info.ts';
import { InputScaler } from '../video/scaler.ts';
import { readAnchors } from './anchor-file.ts';
import { type DepthBackend, openBackend } from './depth-backend.ts';
import { diskError } from './disk.ts';
import { checkGeometry, JobGeometry } from './job-geometry.ts';
import type { JobEvents, JobOptions, JobStart, JobSummary } from './job-types.ts';
import { openSource, parseInput, SCENE_FRAMES } from './open-source.ts';
import { clearOutputs, type OutputFiles, outputFiles, refuseExisting } from './outputs.ts';
import { prepare } from './prepare.ts';
import { checkSame, type RunRecord, readRecord, recordOf, writeRecord } from './run-record.ts';
import { countSunk, Sink, type SinkOptions } from './sink.ts';
import { writtenSize } from './size.ts';
import { type FileSource, noPictures, SelectedSource } from './source.ts';
import type { DepthResult } from './streaming.ts';

/**
 * One video's path: source -> scaler -> network -> files, each step working while the next one does, with a few frames
 * between them at most. Memory does not depend on the video's length.
 * @throws DepthcastError what opening, the network or writing fails with; files are closed first, so that what was done
 *   can be used
 */
export async function runJob(options: JobOptions, events: JobEvents = {}): Promise<JobSummary> {
  const began = performance.now();
  const input = parseInput(options.input);
  if (options.resume && !input.repeatable)
    throw new DepthcastError('BAD_OPTION', { detail: `--resume: ${options.input} cannot be read again` });
  if (options.resume && options.mcap)
    throw new DepthcastError('BAD_OPTION', { detail: '--resume: an MCAP file cannot be gone on with' });
  const files = outputFiles(options.out, input.name, options);
  const before = options.resume ? await readRecord(files.record) : undefined;
  if (before === undefined && !options.force) await refuseExisting(files);
  const anchors = options.anchors === undefined ? undefined : await readAnchors(options.anchors);
  checkGeometry(options, anchors);
  const opened = await openSource(options.input, options);
  const maxLength = options.maxLength > 0 || input.kind !== 'scene' ? options.maxLength : SCENE_FRAMES;
  const source = new SelectedSource(opened, { targetFps: options.targetFps, maxLength });
  const stop = () => source.interrupt();
  options.signal.addEventListener('abort', stop, { once: true });
  let first: TimedPicture | undefined;
  try {
    first = await source.read();
    if (first === undefined) throw noPictures(source);
    const geometry = await JobGeometry.create(options, anchors, first, source.info.fps);
    return await new Job(options, events, files, source, first, began, geometry).run(before);
  } finally {
    first?.picture.close();
    options.signal.removeEventListener('abort', stop);
    source.close();
  }
}

const sizeText = ({ width, height }: Size): string => `${width}x${height}`;

class Job {
  readonly #options: JobOptions;
  readonly #events: JobEvents;
  readonly #files: OutputFiles;
  readonly #source: FileSource;
  readonly #first: TimedPicture;
  readonly #began: number;
  readonly #size: Size;
  readonly #network: Size;
  readonly #geometry: JobGeometry;
  /** The record of the run that this one goes on from. */
  #before: RunRecord | undefined;
  #epochs: number[] = [];
  #written = 0;
  #inference = 0;
  #startedAt = 0;
  #problems = new Set<string>();
  #precision: ModelPrecision;
  #notes = new Set<string>();

  constructor(
    options: JobOptions,
    events: JobEvents,
    files: OutputFiles,
    source: FileSource,
    first: TimedPicture,
    began: number,
    geometry: JobGeometry,
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
    this.#geometry = geometry;
    this.#precision = options.model.manifest.precision;
    const mapSize = options.mode === 'offline' ? this.#size : this.#network;
    if (options.upsampling !== 'off' && !GuidedUpsampler.fits(mapSize, this.#size))
      this.#notes.add(
        `depth cannot be enlarged along edges from ${sizeText(mapSize)} to ${sizeText(this.#size)}; it is interpolated`,
      );
  }

  async run(before: RunRecord | undefined): Promise<JobSummary> {
    const { out } = this.#options;
    let keep = 0;
    if (before !== undefined) {
      this.#geometry.usesCamera = before.options['camera'] !== undefined;
      checkSame(before, await this.#record(false));
      this.#before = before;
      keep = before.complete ? before.frames : await countSunk(this.#sinkOptions(0));
      this.#epochs = before.epochs.filter((start) => start < keep);
      if (before.complete) {
        this.#written = keep;
        return this.#summary(this.#startInfo(keep, { device: '' }), true, false);
      }
    }
    // Only now: an input that cannot be read costs nobody an earlier result.
    if (before === undefined) await clearOutputs(out, this.#files);
    const backend = await openBackend({
      job: this.#options,
      record: this.#files.record,
      size: this.#size,
      network: this.#network,
      written: keep,
      epochs: this.#epochs,
      anchored: this.#geometry.anchored,
    });
    try {
      const summary = await this.#process(backend);
      if (summary.complete) await backend.finished();
      return summary;
    } finally {
      await backend.close();
    }
  }

  async #process(backend: DepthBackend): Promise<JobSummary> {
    const { keep } = backend;
    this.#written = keep;
    this.#epochs = this.#epochs.filter((start) => start < keep);
    this.#geometry.usesCamera = backend.usesCamera;
    this.#precision = backend.precision;
    for (const note of backend.notes) this.#notes.add(note);
    if (this.#before) checkSame(this.#before, await this.#record(false));
    const start = this.#startInfo(keep, backend);
    const scaler = new InputScaler();
    let sink: Sink | undefined;
    let failure: unknown;
    try {
      if (this.#files.points) await makeFolder(this.#files.points).catch(diskError(this.#files.points));
      sink = await Sink.open(this.#sinkOptions(keep), this.#first);
      await writeRecord(this.#files.record, await this.#record(false));
      this.#startedAt = performance.now();
      this.#events.start?.(start);
      const frames = prepare({
        source: this.#source,
        first: this.#first,
        network: this.#network,
        focal: backend.usesCamera ? focalOf(this.#geometry.intrinsics, this.#size, this.#network) : undefined,
        scaler,
        converter: sink.converter,
        keep,
        skip: (stamp) => sink!.skip(stamp),
        takeInput: backend.takeInput,
        replay: backend.replay,
      });
      for await (const result of backend.depthOf(frames)) {
        await this.#take(result, keep, sink);
        if (this.#options.signal.aborted) break;
      }
    } catch (thrown) {
      failure = thrown;
    }
    const interrupted = this.#options.signal.aborted;
    await sink?.finish().catch((thrown: unknown) => {
      failure ??= thrown;
    });
    scaler.close();
    for (const problem of this.#source.problems) this.#problems.add(problem);
    for (const note of [...this.#source.notes, ...this.#geometry.notes]) this.#notes.add(note);
    const pointless = sink?.pointless ?? 0;
    if (pointless > 0) this.#notes.add(`${pointless} frames have no points: no pixel has metres up to 100`);
    const complete = !interrupted && failure === undefined;
    // Frames were on their way to the files when one of them failed.
    if (failure !== undefined) this.#written = Math.min(this.#written, await countSunk(this.#sinkOptions(0)));
    await writeRecord(this.#files.record, await this.#record(complete)).catch((thrown: unknown) => {
      failure ??= thrown;
    });
    if (failure !== undefined) throw failure;
    return this.#summary(start, complete, interrupted);
  }

  async #take(result: DepthResult, keep: number, sink: Sink): Promise<void> {
    this.#inference += result.milliseconds;
    const { index, time, resized } = result.prepared;
    if (result.reset && index >= keep) this.#epochs.push(index);
    const epoch = this.#epochs.length - 1;
    const { unit } = this.#options.model.manifest;
    let metres: MetricMap | undefined;
    try {
      metres = this.#geometry.metres({ values: result.values, ...result.size, unit, epoch }, index, time);
    } catch (thrown) {
      result.prepared.frame?.free();
      result.release();
      throw thrown;
    }
    // Shown to the network again, for its memory.
    if (index < keep) return result.release();
    if (resized) this.#notes.add('the size of the pictures changes; all are brought to the first');
    // Now, so that it is known after a crash too.
    if (result.reset) await writeRecord(this.#files.record, await this.#record(false));
    await sink.write(result, epoch, { metres, points: this.#geometry.points(this.#files.points, index) });
    this.#written = index + 1;
    this.#events.progress?.(this.#written, this.#source.info.frames);
  }

  #sinkOptions(keep: number): SinkOptions {
    const { grayscale, upsampling, model } = this.#options;
    return {
      files: this.#files,
      source: this.#source,
      size: this.#size,
      grayscale,
      upsampling,
      metric: model.manifest.unit === 'metres',
      anchored: this.#geometry.anchored,
      keep,
      camera: { name: parseInput(this.#options.input).name, intrinsics: this.#geometry.intrinsics },
    };
  }

  #startInfo(keep: number, { device }: Pick<DepthBackend, 'device'>): JobStart {
    const { fps, frames } = this.#source.info;
    return {
      files: this.#files,
      size: this.#size,
      network: this.#network,
      fps: fps.num / fps.den,
      frames,
      resumed: keep,
      device,
      precision: this.#precision,
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

  #record(complete: boolean): Promise<RunRecord> {
    return recordOf(this.#options, this.#geometry, {
      size: this.#size,
      network: this.#network,
      fps: this.#source.info.fps,
      frames: this.#written,
      complete,
      epochs: this.#epochs,
      precision: this.#precision,
    });
  }
}
