import { EventEmitter } from 'node:events';
import { type JobAssignment, JobStatus } from '@livekit/protocol';
import { DisconnectReason } from '@livekit/rtc-ffi-bindings';
import { ConnectionState, type RemoteTrack, type RemoteTrackPublication, Room, RoomEvent } from '@livekit/rtc-node';
import type { Logger } from 'pino';
import { toDepthcastError } from '../errors.ts';
import { LiveStream } from '../stream/live-stream.ts';
import type { AgentContext } from './context.ts';
import { preferSize } from './ffi.ts';
import { JobOutputs } from './job-outputs.ts';
import { Publisher } from './publisher.ts';
import { RoomSource } from './room-source.ts';
import { ATTRIBUTE, settingsOfAttributes, settingsOfMetadata } from './settings.ts';

/** Others see by it that this agent lives; see reconcile.ts. */
const BEAT_MS = 2000;
/** A layer of twice the network's size holds all that the network sees. */
const LAYER = 2;

interface JobEvents {
  /** It was reported to the server before. */
  ended: [reason: string];
}

export interface JobOptions {
  context: AgentContext;
  assignment: JobAssignment;
  /** Where the server is, if the assignment does not say. */
  url: string;
  place: { filled(stream: LiveStream): void; free(): void };
  /** Tells the server how the job stands. */
  report(status: JobStatus, error?: string): void;
}

/** One publisher of a room: joins, turns its video into depth, and gives that back to the room until the publisher leaves. */
export class DepthJob extends EventEmitter<JobEvents> {
  readonly id: string;
  /** Identity of the publisher, and its room. */
  readonly publisher: string;
  readonly roomName: string;
  readonly #options: JobOptions;
  readonly #log: Logger;
  readonly #room = new Room();
  readonly #publisher: Publisher;
  readonly #began = performance.now();
  #joining: Promise<void> = Promise.resolve();
  #stream: LiveStream | undefined;
  #outputs: JobOutputs | undefined;
  #source: RoomSource | undefined;
  #turn: Promise<void> = Promise.resolve();
  #error = '';
  #beats = 0;
  #beat: NodeJS.Timeout | undefined;
  #ended: Promise<void> | undefined;

  constructor(options: JobOptions) {
    super();
    const { job } = options.assignment;
    this.#options = options;
    this.id = job?.id ?? '';
    this.publisher = job?.participant?.identity ?? '';
    this.roomName = job?.room?.name ?? '';
    this.#log = options.context.log.child({ job: this.id });
    const idleMs = options.context.config.limits.idleSeconds * 1000;
    this.#publisher = new Publisher(this.#room, { identity: this.publisher, idleMs });
  }

  /** Joins and begins; what goes wrong ends the job. Settles when it has joined or ended. */
  async run(): Promise<void> {
    const { assignment, report, url, context } = this.#options;
    report(JobStatus.JS_RUNNING);
    context.metrics.sessions.inc({ kind: 'livekit' });
    this.#listen();
    this.#joining = this.#room.connect(assignment.url || url, assignment.token, {
      autoSubscribe: false,
      dynacast: true,
    });
    try {
      await this.#joining;
    } catch (thrown) {
      await this.end(JobStatus.JS_FAILED, `cannot join: ${(thrown as Error).message}`);
      return;
    }
    if (this.#ended) return;
    this.#log.info({ ms: this.#elapsed }, 'joined the room');
    this.#beat = setInterval(() => this.#tell(), BEAT_MS);
    this.#publisher.follow();
  }

  /** Reports first, then leaves: the server takes an agent that leaves before for failed. Idempotent. */
  end(status: JobStatus, reason: string): Promise<void> {
    this.#ended ??= (async () => {
      clearInterval(this.#beat);
      this.#publisher.close();
      this.#stream?.close(reason);
      const { context, place, report } = this.#options;
      place.free();
      context.metrics.sessions.dec({ kind: 'livekit' });
      context.metrics.sessionEnds.inc({ kind: 'livekit', reason: status === JobStatus.JS_FAILED ? 'failed' : reason });
      report(status, status === JobStatus.JS_FAILED ? reason : '');
      this.#log.info({ reason }, 'job ended');
      this.emit('ended', reason);
      // A room that is just being joined can be left when it was.
      await this.#joining.catch(() => {});
      await this.#room.disconnect().catch(() => {});
    })();
    return this.#ended;
  }

  get #elapsed(): number {
    return Math.round(performance.now() - this.#began);
  }

  #listen(): void {
    const room = this.#room;
    this.#publisher.on('video', (track, publication) => this.#queue(() => this.#take(track, publication)));
    this.#publisher.on('attributes', (attributes) => this.#queue(() => this.#apply(attributes)));
    this.#publisher.on('left', (reason) => void this.end(JobStatus.JS_SUCCESS, reason));
    room.on(RoomEvent.Reconnecting, () => this.#log.info('the room reconnects'));
    room.on(RoomEvent.Reconnected, () => {
      // A room cannot be left while it reconnects.
      if (this.#ended) void room.disconnect().catch(() => {});
      else this.#log.info('the room reconnected');
    });
    room.on(RoomEvent.Disconnected, (reason) => {
      const replaced = reason === DisconnectReason.DUPLICATE_IDENTITY;
      void this.end(JobStatus.JS_SUCCESS, replaced ? 'another agent took over' : 'the room was left');
    });
  }

  /** One after the other: models may be loaded meanwhile. */
  #queue(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(async () => {
      if (!this.#ended) await this.#orRefuse(work);
    });
  }

  async #take(track: RemoteTrack, publication: RemoteTrackPublication): Promise<void> {
    const { config } = this.#options.context;
    if (this.#stream === undefined) await this.#open();
    if (this.#stream === undefined || this.#ended) return;
    const codec = /video\/(\w+)/i.exec(publication.mimeType ?? '')?.[1]?.toUpperCase() ?? '';
    this.#source = new RoomSource(track, { codec, maxSide: config.limits.pictureSide });
    this.#stream.attach(this.#source);
    const { width = 0, height = 0 } = publication;
    const network = this.#outputs!.networkSize(width || 4, height || 3);
    preferSize(publication, LAYER * network.width, LAYER * network.height);
  }

  /** With the configured settings; then come the dispatch's and the publisher's own, of which a bad one is refused. */
  async #open(): Promise<void> {
    const { context, place, assignment } = this.#options;
    const { pool, metrics, config } = context;
    const inferencer = await pool.get();
    if (this.#ended) return;
    const name = `${this.roomName}/${this.publisher}`;
    const size = pool.sizeOf(inferencer.model);
    const still = config.depth.still === 'on';
    const stream = new LiveStream({ name, inferencer, size, metrics, depth: config.depth, still });
    this.#stream = stream;
    place.filled(stream);
    stream.on('trouble', (error) => this.#refuse(error));
    stream.once('started', () => {
      metrics.observeSetup('livekit', 'first_depth', this.#elapsed);
      this.#log.info({ ms: this.#elapsed }, 'first depth');
    });
    const outputs = new JobOutputs(context, stream, size, this.#room.localParticipant!, this.publisher);
    this.#outputs = outputs;
    await this.#orRefuse(() => outputs.change(settingsOfMetadata(assignment.job?.metadata ?? '')));
    await this.#orRefuse(() => outputs.change(settingsOfAttributes(this.#publisher.attributes)));
    outputs.wire();
    this.#tell();
  }

  async #apply(attributes: Record<string, string>): Promise<void> {
    // What was set and is not there any more stays as it is, as in a /ws session.
    await this.#outputs?.change(settingsOfAttributes(attributes));
    this.#error = '';
  }

  async #orRefuse(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      if (!this.#ended) this.#refuse(toDepthcastError(thrown));
    }
  }

  /** What went wrong, where people of the room find it. */
  #refuse({ code, message }: { code: string; message: string }): void {
    this.#log.warn({ code }, message);
    this.#options.context.metrics.rejected.inc({ code });
    this.#error = `${code} ${message}`;
    this.#tell();
  }

  /** The agent's own attributes: what its depth means, and that it lives. */
  #tell(): void {
    const { localParticipant, connectionState } = this.#room;
    if (connectionState !== ConnectionState.CONN_CONNECTED || this.#ended) return;
    const { near, far } = this.#stream?.last ?? { near: 0, far: 0 };
    const source = this.#source;
    const attributes: Record<string, string> = {
      beat: String(++this.#beats),
      error: this.#error,
      near: String(near),
      far: String(far),
      ...(this.#stream ? { model: this.#stream.model, unit: this.#outputs?.unit ?? '' } : {}),
      // By what viewers pair depth with pictures: frame metadata, or nothing but the agent's own count.
      ...(source && source.frames > 0 ? { identity: source.identified > 0 ? 'frame' : 'count' } : {}),
    };
    const named = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [ATTRIBUTE + key, value]));
    localParticipant?.setAttributes(named).catch(() => {});
  }
}
