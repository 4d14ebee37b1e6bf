import type { SettledConfig } from '../config/schema.ts';
import type { InferencerPool } from '../depth/pool.ts';
import type { CameraSettings } from '../protocol/index.ts';
import type { OutputChange, OutputSettings } from '../protocol/messages.ts';
import type { Admission } from '../session/admission.ts';
import type { PublisherSession } from '../session/session.ts';
import { changeStream, settle } from '../session/stream-settings.ts';

export interface OutputContext {
  config: Pick<SettledConfig, 'depth' | 'output'>;
  pool: Pick<InferencerPool, 'models' | 'get' | 'sizeOf'>;
  admission: Pick<Admission, 'checkWorkers'>;
}

/**
 * What one `/ws` session returns. A change is checked as a whole before anything of it is applied, whether the stream
 * runs already or begins with a later offer.
 */
export class OutputControl {
  readonly #context: OutputContext;
  readonly #now: OutputSettings;
  #camera: CameraSettings | undefined;
  #publisher: PublisherSession | undefined;

  constructor(context: OutputContext) {
    const { manifest } = context.pool.models[0]!;
    const { track, layout, upsampling, data, dataSize } = context.config.output;
    this.#context = context;
    this.#camera = context.config.depth.camera ?? undefined;
    this.#now = {
      track,
      layout,
      upsampling,
      still: context.config.depth.still === 'on' ? 'on' : 'off',
      data,
      dataSize,
      range: 'auto',
      model: manifest.name,
      size: context.pool.sizeOf(manifest),
    };
  }

  /** What is in force; before the first offer, what will be. */
  get now(): Readonly<OutputSettings> {
    return this.#now;
  }

  /** What is known of the client's camera. */
  get camera(): CameraSettings | undefined {
    return this.#camera;
  }

  /** @param camera null for that of the server's settings */
  setCamera(camera: CameraSettings | null): void {
    this.#camera = camera ?? this.#context.config.depth.camera ?? undefined;
    this.#publisher?.stream.setCamera(this.#camera);
  }

  /**
   * Takes a change over; without a network size, a new model begins at its own.
   * @throws DepthcastError MODEL_NOT_FOUND, BAD_SIZE; BUSY or BAD_MODEL when the model cannot be loaded; BUSY when the
   *   stream is encoded too often already
   */
  async change(change: OutputChange): Promise<void> {
    const next = this.#settle(change);
    const publisher = this.#publisher;
    const now = this.#now;
    if (publisher) {
      const shown = next.layout !== now.layout || next.track !== now.track;
      if (next.track === 'gray' && shown) await publisher.checkLayout(next.layout);
      await changeStream(publisher.stream, change, this.#context);
      if (next.data !== now.data || next.dataSize !== now.dataSize) publisher.setData(next);
      if (next.layout !== now.layout) publisher.setLayout(next.layout);
      if (next.track !== now.track) publisher.setTrack(next.track === 'gray');
    }
    Object.assign(now, next);
  }

  /** The publisher was opened with the model, size, track, layout, upsampling, data and its size in force; it gets the rest. */
  attach(publisher: PublisherSession): void {
    const { range, still } = this.#now;
    publisher.stream.setStill(still === 'on');
    if (range !== 'auto') publisher.stream.setRange(range);
    this.#publisher = publisher;
  }

  #settle(change: OutputChange): OutputSettings {
    const now = this.#now;
    return {
      ...settle(now, change, this.#context),
      track: change.track ?? now.track,
      layout: change.layout ?? now.layout,
      data: change.data ?? now.data,
      dataSize: change.dataSize ?? now.dataSize,
    };
  }
}
