import type { SettledConfig } from '../config/schema.ts';
import { checkSize } from '../depth/network-size.ts';
import type { InferencerPool } from '../depth/pool.ts';
import { DepthcastError } from '../errors.ts';
import { resolveSize } from '../model/size.ts';
import type { CameraSettings } from '../protocol/index.ts';
import type { OutputChange, OutputSettings } from '../protocol/messages.ts';
import type { Admission } from '../session/admission.ts';
import type { PublisherSession } from '../session/session.ts';

export interface OutputContext {
  config: Pick<SettledConfig, 'depth' | 'output'>;
  pool: Pick<InferencerPool, 'models' | 'get'>;
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
    const { track, layout, upsampling, data } = context.config.output;
    this.#context = context;
    this.#camera = context.config.depth.camera ?? undefined;
    this.#now = {
      track,
      layout,
      upsampling,
      still: context.config.depth.still === 'on' ? 'on' : 'off',
      data,
      range: 'auto',
      model: manifest.name,
      size: resolveSize(manifest, context.config.depth.size),
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
      if (next.model !== now.model) {
        this.#context.admission.checkWorkers(next.model);
        const inferencer = await this.#context.pool.get(next.model);
        if (!publisher.closed) publisher.stream.setInferencer(inferencer, next.size);
      } else if (next.size !== now.size) publisher.stream.setSize(next.size);
      if (change.range !== undefined) publisher.stream.setRange(next.range);
      if (next.data !== now.data) publisher.setData(next.data);
      publisher.stream.upsampling = next.upsampling;
      if (next.still !== now.still) publisher.stream.setStill(next.still === 'on');
      if (next.layout !== now.layout) publisher.setLayout(next.layout);
      if (next.track !== now.track) publisher.setTrack(next.track === 'gray');
    }
    Object.assign(now, next);
  }

  /** The publisher was opened with the model, size, track, layout, upsampling and data in force; it gets the rest. */
  attach(publisher: PublisherSession): void {
    const { range, still } = this.#now;
    publisher.stream.setStill(still === 'on');
    if (range !== 'auto') publisher.stream.setRange(range);
    this.#publisher = publisher;
  }

  #settle(change: OutputChange): OutputSettings {
    const now = this.#now;
    const name = change.model ?? now.model;
    const models = this.#context.pool.models.map(({ manifest }) => manifest);
    const manifest = models.find((model) => model.name === name);
    if (manifest === undefined) {
      const detail = `${name}; there is ${models.map((model) => model.name).join(', ')}`;
      throw new DepthcastError('MODEL_NOT_FOUND', { detail });
    }
    const size =
      change.size ?? (name === now.model ? now.size : resolveSize(manifest, this.#context.config.depth.size));
    checkSize(manifest, size);
    return {
      track: change.track ?? now.track,
      layout: change.layout ?? now.layout,
      upsampling: change.upsampling ?? now.upsampling,
      still: change.still ?? now.still,
      data: change.data ?? now.data,
      range: change.range ?? now.range,
      model: name,
      size,
    };
  }
}
