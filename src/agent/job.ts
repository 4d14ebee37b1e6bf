import { EventEmitter } from 'node:events';
import { type JobAssignment, JobStatus } from '@livekit/protocol';
import { DisconnectReason } from '@livekit/rtc-ffi-bindings';
import {
  ConnectionState,
  type RemoteParticipant,
  type RemoteTrack,
  type RemoteTrackPublication,
  Room,
  RoomEvent,
  TrackKind,
  TrackSource,
} from '@livekit/rtc-node';
import type { Logger } from 'pino';
import { type DepthcastError, toDepthcastError } from '../errors.ts';
import { resolveSize } from '../model/size.ts';
import { LiveStream } from '../stream/live-stream.ts';
import type { AgentContext } from './context.ts';
import { preferSize } from './ffi.ts';
import { JobOutputs } from './job-outputs.ts';
import { RoomSource } from './room-source.ts';
import { type AgentChange, ATTRIBUTE, settingsOfAttributes, settingsOfMetadata } from './settings.ts';

/** A publisher that is away for longer has left: a page that is loaded again comes back. */
const GRACE_MS = 15_000;
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
  readonly #began = performance.now();
  #stream: LiveStream | undefined;
  #outputs: JobOutputs | undefined;
  #source: RoomSource | undefined;
  #settings: AgentChange = {};
  #turn: Promise<void> = Promise.resolve();
  #error = '';
  #beats = 0;
  #beat: NodeJS.Timeout | undefined;
  #gone: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #ended: Promise<void> | undefined;

  constructor(options: JobOptions) {
    super();
    const { job } = options.assignment;
    this.#options = options;
    this.id = job?.id ?? '';
    this.publisher = job?.participant?.identity ?? '';
    this.roomName = job?.room?.name ?? '';
    this.#log = options.context.log.child({ job: this.id });
  }

  /** Joins and begins; what goes wrong ends the job. */
  async run(): Promise<void> {
    const { assignment, report, url, context } = this.#options;
    report(JobStatus.JS_RUNNING);
    context.metrics.sessions.inc({ kind: 'livekit' });
    try {
      this.#settings = settingsOfMetadata(assignment.job?.metadata ?? '');
    } catch (thrown) {
      this.#refuse(toDepthcastError(thrown));
    }
    this.#listen();
    try {
      await this.#room.connect(assignment.url || url, assignment.token, { autoSubscribe: false, dynacast: true });
    } catch (thrown) {
      await this.end(JobStatus.JS_FAILED, `cannot join: ${(thrown as Error).message}`);
      return;
    }
    this.#log.info({ ms: this.#elapsed }, 'joined the room');
    this.#beat = setInterval(() => this.#tell(), BEAT_MS);
    this.#follow();
  }

  /** Reports first, then leaves: the server takes an agent that leaves before for failed. Idempotent. */
  end(status: JobStatus, reason: string): Promise<void> {
    this.#ended ??= (async () => {
      for (const timer of [this.#gone, this.#idle]) clearTimeout(timer);
      clearInterval(this.#beat);
      this.#stream?.close(reason);
      const { context, place, report } = this.#options;
      place.free();
      context.metrics.sessions.dec({ kind: 'livekit' });
      context.metrics.sessionEnds.inc({ kind: 'livekit', reason: status === JobStatus.JS_FAILED ? 'failed' : reason });
      report(status, status === JobStatus.JS_FAILED ? reason : '');
      this.#log.info({ reason }, 'job ended');
      this.emit('ended', reason);
      await this.#room.disconnect().catch(() => {});
    })();
    return this.#ended;
  }

  get #elapsed(): number {
    return Math.round(performance.now() - this.#began);
  }

  #listen(): void {
    const room = this.#room;
    const own = (participant: { identity: string } | undefined) => participant?.identity === this.publisher;
    room.on(RoomEvent.TrackPublished, (publication, participant) => {
      if (own(participant)) this.#subscribe(publication as RemoteTrackPublication);
    });
    room.on(RoomEvent.TrackSubscribed, (track, publication, participant) => {
      if (own(participant) && track.kind === TrackKind.KIND_VIDEO)
        this.#queue(() => this.#take(track, publication as RemoteTrackPublication));
    });
    room.on(RoomEvent.TrackUnpublished, (_, participant) => {
      if (own(participant)) this.#follow();
    });
    room.on(RoomEvent.ParticipantConnected, (participant) => {
      if (own(participant)) this.#follow();
    });
    room.on(RoomEvent.ParticipantDisconnected, (participant) => {
      if (own(participant)) this.#follow();
    });
    room.on(RoomEvent.ParticipantAttributesChanged, (changed, participant) => {
      const settings = Object.keys(changed).some((key) => key.startsWith(ATTRIBUTE));
      if (own(participant) && settings) this.#queue(() => this.#apply(participant.attributes));
    });
    room.on(RoomEvent.Reconnecting, () => this.#log.info('the room reconnects'));
    room.on(RoomEvent.Reconnected, () => {
      this.#log.info('the room is there again');
      this.#follow();
    });
    room.on(RoomEvent.Disconnected, (reason) => {
      const replaced = reason === DisconnectReason.DUPLICATE_IDENTITY;
      void this.end(JobStatus.JS_SUCCESS, replaced ? 'another agent took over' : 'the room was left');
    });
  }

  /** Looks where the publisher is and whether it sends video; gives it time to come back, and ends the job where it does not. */
  #follow(): void {
    if (this.#ended) return;
    const participant = this.#room.remoteParticipants.get(this.publisher);
    const videos = [...(participant?.trackPublications.values() ?? [])].filter((one) => this.#wants(one));
    for (const publication of videos) this.#subscribe(publication);
    if (participant === undefined) {
      this.#gone ??= setTimeout(() => {
        this.#gone = undefined;
        // Everybody seems to have left while the room reconnects.
        if (this.#room.connectionState !== ConnectionState.CONN_CONNECTED) this.#follow();
        else void this.end(JobStatus.JS_SUCCESS, 'the publisher left');
      }, GRACE_MS);
    } else {
      clearTimeout(this.#gone);
      this.#gone = undefined;
      if (videos.length === 0)
        this.#idle ??= setTimeout(
          () => void this.end(JobStatus.JS_SUCCESS, 'no video'),
          this.#options.context.config.limits.idleSeconds * 1000,
        );
    }
    if (videos.length > 0 || participant === undefined) {
      clearTimeout(this.#idle);
      this.#idle = undefined;
    }
  }

  #wants({ kind, source }: RemoteTrackPublication): boolean {
    const camera = source === TrackSource.SOURCE_CAMERA || source === TrackSource.SOURCE_UNKNOWN;
    return kind === TrackKind.KIND_VIDEO && camera;
  }

  #subscribe(publication: RemoteTrackPublication): void {
    if (this.#wants(publication) && !publication.subscribed) publication.setSubscribed(true);
    clearTimeout(this.#idle);
    this.#idle = undefined;
  }

  /** One after the other: models may be loaded meanwhile. */
  #queue(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(async () => {
      if (this.#ended) return;
      try {
        await work();
      } catch (thrown) {
        this.#refuse(toDepthcastError(thrown));
      }
    });
  }

  async #take(track: RemoteTrack, publication: RemoteTrackPublication): Promise<void> {
    const { config } = this.#options.context;
    const codec = /video\/(\w+)/i.exec(publication.mimeType ?? '')?.[1]?.toUpperCase() ?? '';
    const source = new RoomSource(track, { codec, maxSide: config.limits.pictureSide });
    const participant = this.#room.remoteParticipants.get(this.publisher);
    if (this.#stream === undefined) await this.#open(participant);
    if (this.#stream === undefined || this.#ended) return;
    this.#source = source;
    this.#stream.attach(source);
    const { width = 0, height = 0 } = publication;
    const network = this.#outputs!.networkSize(width || 4, height || 3);
    preferSize(publication, LAYER * network.width, LAYER * network.height);
  }

  async #open(participant: RemoteParticipant | undefined): Promise<void> {
    const { context, place } = this.#options;
    const { pool, metrics, config } = context;
    const model = this.#settings.model;
    const inferencer = await pool.get(model);
    const name = `${this.roomName}/${this.publisher}`;
    const size = this.#settings.size ?? resolveSize(inferencer.model, config.depth.size);
    const stream = new LiveStream({ name, inferencer, size, metrics, depth: config.depth });
    this.#stream = stream;
    place.filled(stream);
    stream.on('trouble', (error) => this.#refuse(error));
    stream.once('started', () => {
      metrics.observeSetup('livekit', 'first_depth', this.#elapsed);
      this.#log.info({ ms: this.#elapsed }, 'first depth');
    });
    this.#outputs = new JobOutputs(context, stream, size, this.#room.localParticipant!, this.publisher);
    await this.#outputs.change(this.#settings);
    if (participant) await this.#apply(participant.attributes);
    this.#tell();
  }

  async #apply(attributes: Record<string, string>): Promise<void> {
    // What was set and is not there any more stays as it is, as in a /ws session.
    this.#settings = { ...this.#settings, ...settingsOfAttributes(attributes) };
    await this.#outputs?.change(this.#settings);
    this.#error = '';
  }

  /** What went wrong, where people of the room find it. */
  #refuse({ code, message }: DepthcastError): void {
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
