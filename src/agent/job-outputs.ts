import type { LocalParticipant } from '@livekit/rtc-node';
import { networkSize } from '../depth/network-size.ts';
import type { ModelManifest } from '../model/manifest.ts';
import type { DepthFormat } from '../protocol/index.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { AgentContext } from './context.ts';
import { type DataTransport, dataSink } from './data-sink.ts';
import { RoomSink } from './room-sink.ts';
import type { AgentChange } from './settings.ts';
import { trackSink } from './track-sink.ts';

/** Name of the depth track, of the data track and of the messages' topic. */
const DEPTH = 'depth';

interface Settings {
  track: 'gray' | 'off';
  data: DepthFormat;
  transport: DataTransport;
  size: number;
}

/** The sinks of one job's stream, as its settings have them. */
export class JobOutputs {
  readonly #context: AgentContext;
  readonly #stream: LiveStream;
  readonly #participant: LocalParticipant;
  readonly #publisher: string;
  readonly #now: Settings;
  #track: RoomSink | undefined;
  #data: RoomSink | undefined;
  #dataKey = '';

  /** @param size of the stream's network */
  constructor(
    context: AgentContext,
    stream: LiveStream,
    size: number,
    participant: LocalParticipant,
    publisher: string,
  ) {
    this.#context = context;
    this.#stream = stream;
    this.#participant = participant;
    this.#publisher = publisher;
    const { track, data } = context.config.output;
    this.#now = { track: track === 'off' ? 'off' : 'gray', data, transport: 'track', size };
  }

  /** Of the stream's values. */
  get unit(): string {
    return this.#manifest.unit;
  }

  /** What the network sees of a picture of this size. */
  networkSize(width: number, height: number): { width: number; height: number } {
    return networkSize(this.#manifest, width, height, this.#now.size);
  }

  get #manifest(): ModelManifest {
    const { models } = this.#context.pool;
    return (models.find(({ manifest }) => manifest.name === this.#stream.model) ?? models[0]!).manifest;
  }

  /** All of it, or nothing. @throws DepthcastError MODEL_NOT_FOUND, BAD_SIZE, BUSY */
  async change(change: AgentChange): Promise<void> {
    const stream = this.#stream;
    const { model, size, range, still, track, data, transport } = change;
    // What may be refused comes first.
    if (model !== undefined && model !== stream.model) {
      const { admission, pool } = this.#context;
      admission.checkWorkers(model);
      const inferencer = await pool.get(model);
      if (stream.closed) return;
      const next = size ?? pool.sizeOf(inferencer.model);
      stream.setInferencer(inferencer, next);
      this.#now.size = next;
    } else if (size !== undefined && size !== this.#now.size) {
      stream.setSize(size);
      this.#now.size = size;
    }
    if (range !== undefined) stream.setRange(range);
    if (still !== undefined) stream.setStill(still === 'on');
    if (track !== undefined) this.#now.track = track === 'off' ? 'off' : 'gray';
    if (data !== undefined) this.#now.data = data;
    if (transport !== undefined) this.#now.transport = transport;
    this.wire();
  }

  /** Sets up the sinks as the settings have them. */
  wire(): void {
    if (this.#stream.closed) return;
    const { track, data, transport } = this.#now;
    if (track === 'off' && this.#track) {
      this.#stream.remove(this.#track);
      this.#track = undefined;
    } else if (track === 'gray') this.#track ??= this.#addTrack();
    const key = `${transport} ${data}`;
    if (key === this.#dataKey) return;
    this.#dataKey = key;
    if (this.#data) this.#stream.remove(this.#data);
    const options = { name: DEPTH, format: data, steps: this.#context.config.output.u16Steps, transport };
    // Nothing but metadata: the track's frames carry that.
    this.#data =
      data === 'none'
        ? undefined
        : this.#stream.add((listener) => new RoomSink(this.#participant, dataSink(options), listener));
  }

  #addTrack(): RoomSink {
    const options = {
      name: DEPTH,
      stream: `${DEPTH}-${this.#publisher}`,
      maxBitrate: this.#context.config.output.maxBitrate,
    };
    return this.#stream.add((listener) => new RoomSink(this.#participant, trackSink(options), listener));
  }
}
