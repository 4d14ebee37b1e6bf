import type { LocalParticipant } from '@livekit/rtc-node';
import type { DepthFormat } from '../protocol/index.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { AgentContext } from './context.ts';
import { DataSink, type DataWay } from './data-sink.ts';
import type { AgentChange } from './settings.ts';
import { TrackSink } from './track-sink.ts';

/** Name of the depth track, of the data track and of the messages' topic. */
const DEPTH = 'depth';

interface Settings {
  track: 'gray' | 'off';
  data: DepthFormat;
  way: DataWay;
  model: string;
}

/** The sinks of one job's stream, as its settings have them. */
export class JobOutputs {
  readonly #context: AgentContext;
  readonly #stream: LiveStream;
  readonly #participant: LocalParticipant;
  readonly #publisher: string;
  readonly #now: Settings;
  #track: TrackSink | undefined;
  #data: DataSink | undefined;
  #dataKey = '';

  constructor(context: AgentContext, stream: LiveStream, participant: LocalParticipant, publisher: string) {
    this.#context = context;
    this.#stream = stream;
    this.#participant = participant;
    this.#publisher = publisher;
    const { track, data } = context.config.output;
    this.#now = { track: track === 'off' ? 'off' : 'gray', data, way: 'track', model: stream.model };
  }

  /** Of the stream's values. */
  get unit(): string {
    return this.#context.pool.models.find(({ manifest }) => manifest.name === this.#stream.model)?.manifest.unit ?? '';
  }

  /** @throws DepthcastError MODEL_NOT_FOUND, BAD_SIZE, BUSY */
  async change(change: AgentChange): Promise<void> {
    const stream = this.#stream;
    const { model, size, range, track, data, way } = change;
    if (model !== undefined && model !== stream.model) {
      this.#context.admission.checkWorkers(model);
      const inferencer = await this.#context.pool.get(model);
      if (stream.closed) return;
      stream.setInferencer(inferencer, size);
    } else if (size !== undefined && size !== stream.size) stream.setSize(size);
    if (range !== undefined) stream.setRange(range);
    if (track !== undefined) this.#now.track = track === 'off' ? 'off' : 'gray';
    if (data !== undefined) this.#now.data = data;
    if (way !== undefined) this.#now.way = way;
    this.#wire();
  }

  #wire(): void {
    const { track, data, way } = this.#now;
    if (track === 'off' && this.#track) {
      this.#stream.remove(this.#track);
      this.#track = undefined;
    } else if (track === 'gray') this.#track ??= this.#addTrack();
    const key = `${way} ${data}`;
    if (key === this.#dataKey) return;
    this.#dataKey = key;
    if (this.#data) this.#stream.remove(this.#data);
    const options = { name: DEPTH, format: data, steps: this.#context.config.output.u16Steps, way };
    // Nothing but metadata: the track's frames carry that.
    this.#data =
      data === 'none' ? undefined : this.#stream.add((listener) => new DataSink(this.#participant, options, listener));
  }

  #addTrack(): TrackSink {
    const options = {
      name: DEPTH,
      stream: `${DEPTH}-${this.#publisher}`,
      maxBitrate: this.#context.config.output.maxBitrate,
    };
    return this.#stream.add((listener) => new TrackSink(this.#participant, options, listener));
  }
}
