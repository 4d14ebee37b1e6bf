import { DepthcastError, fromPlain, toPlain } from '../errors.ts';
import { type Feed, feedOf } from '../session/feed.ts';
import type { LocalSource } from '../session/local-source.ts';
import { trackReports } from '../session/outputs.ts';
import { Publisher } from '../session/publisher.ts';
import { type Pusher, pushStream } from '../session/pusher.ts';
import { type Recorder, recordStream } from '../session/recorder.ts';
import { takeThumbnail } from '../session/thumbnails.ts';
import type { Viewer } from '../session/viewer.ts';
import type { RecordingStatus } from '../sinks/mcap/mcap-recorder.ts';
import type { FeedFrame } from '../sinks/ros-feed.ts';
import type {
  CallAnswer,
  CallName,
  CallValue,
  HostedView,
  MediaNews,
  PushNews,
  SessionCall,
  SessionEvent,
  SessionView,
  SourceView,
  StreamView,
} from './protocol.ts';

type InferencerOf = (number: number) => Parameters<Publisher['stream']['setInferencer']>[0];
type Asked<K extends CallName> = K extends 'start' ? LocalSource : Publisher;
type Calls = { [K in CallName]: (session: Asked<K>, value: CallValue<K>) => CallAnswer<K> | Promise<CallAnswer<K>> };

/** The sessions and sources of a media worker, with what the main thread has of each: its events, its numbers, and what it can be asked for. */
export class HostedSessions {
  readonly #tell: (news: MediaNews) => void;
  readonly #inferencerOf: InferencerOf;
  readonly #sessions = new Map<string, Publisher | Viewer>();
  readonly #sources = new Map<string, LocalSource>();
  /** By session; `taken` lets the next frame be made. */
  readonly #feeds = new Map<string, { feed: Feed; taken: () => void }>();
  /** By session, and by the main thread's number. */
  readonly #pushers = new Map<string, Map<number, Pusher>>();
  /** By session, until their last files are closed. */
  readonly #recorders = new Map<string, Recorder>();

  /** @param inferencerOf a depth worker by its number */
  constructor(tell: (news: MediaNews) => void, inferencerOf: InferencerOf) {
    this.#tell = tell;
    this.#inferencerOf = inferencerOf;
  }

  add(session: Publisher | Viewer): void {
    const { id } = session;
    this.#sessions.set(id, session);
    const emit = (value: SessionEvent) => this.#emit(id, value);
    session.peer.once('connected', () => emit({ event: 'connected' }));
    if (session instanceof Publisher) session.stream.once('started', () => emit({ event: 'started' }));
    session.on('report', (report) => emit({ event: 'report', report, view: this.viewOf(session) }));
    session.on('trouble', (error, about) =>
      emit({ event: 'trouble', error: toPlain(error), about, view: this.viewOf(session) }),
    );
    session.once('closed', (reason, error) => {
      this.#sessions.delete(id);
      this.#feeds.delete(id);
      emit({ event: 'closed', reason, error: error && toPlain(error), view: this.viewOf(session) });
      this.#pushers.delete(id);
    });
  }

  addSource(source: LocalSource): void {
    const { id, stream } = source;
    this.#sources.set(id, source);
    const emit = (value: SessionEvent) => this.#emit(id, value);
    stream.once('started', () => emit({ event: 'started' }));
    source.on('live', (status) => emit({ event: 'live', status }));
    source.on('lost', (error, retryMs) =>
      emit({ event: 'lost', error: toPlain(error), retryMs, status: source.status }),
    );
    source.on('trouble', (error, about) =>
      emit({ event: 'trouble', error: toPlain(error), about, view: this.viewOfSource(source) }),
    );
    source.once('closed', (reason, error) => {
      this.#sources.delete(id);
      this.#feeds.delete(id);
      emit({ event: 'closed', reason, error: error && toPlain(error), view: this.viewOfSource(source) });
      this.#pushers.delete(id);
    });
  }

  /** What all of them are now. */
  views(): [session: string, view: HostedView][] {
    const sessions = [...this.#sessions].map(([id, session]) => [id, this.viewOf(session)] as [string, HostedView]);
    return [
      ...sessions,
      ...[...this.#sources].map(([id, source]): [string, HostedView] => [id, this.viewOfSource(source)]),
    ];
  }

  viewOfSource(source: LocalSource): SourceView {
    return { stream: this.#streamView(source), source: source.status };
  }

  viewOf(session: Publisher | Viewer): SessionView {
    return {
      report: session.report(),
      peer: session.peer.getStats(),
      stream: session instanceof Publisher ? this.#streamView(session) : undefined,
    };
  }

  /** @throws DepthcastError SESSION_NOT_FOUND, and what the call fails with */
  call({ session: id, call: name, value }: SessionCall): unknown {
    if (name === 'stopRecording') return this.#stopRecording(id);
    const session = this.#sessions.get(id) ?? this.#sources.get(id);
    if (session === undefined) throw new DepthcastError('SESSION_NOT_FOUND');
    // What is asked of it, its main thread's end knows.
    return this.#calls[name](session as Publisher & LocalSource, value as never);
  }

  /** Ends all; settles when each has, or has failed to. */
  async close(reason: string, error: DepthcastError): Promise<void> {
    const ends = [...this.#sessions.values()].map((session) => session.close(reason, error));
    for (const source of this.#sources.values()) source.close(reason, error);
    await Promise.allSettled(ends);
  }

  /** The last files of all recordings are closed. */
  async recorded(): Promise<void> {
    await Promise.all([...this.#recorders.values()].map((recorder) => recorder.ended()));
  }

  #streamView({ id, stream }: Publisher | LocalSource): StreamView {
    const { last, source, unit, hfov, frames, idleFor, size, watched, demand, stats } = stream;
    const { rate, milliseconds } = demand;
    const { totals, latest } = stats;
    const codec = source?.codec;
    const tracks = trackReports(stream);
    const recording = this.#recorders.get(id)?.status;
    const outputs = [...(this.#pushers.get(id) ?? [])].map(([output, { status }]): StreamView['outputs'][0] => [
      output,
      status,
    ]);
    const seen = { last, codec, unit, hfov, frames, size, watched, totals, latest, tracks, recording, outputs };
    return { ...seen, idleFor, demand: { rate, milliseconds } };
  }

  /** Of viewers only the first two and the last are asked for, of sources what is of their streams. */
  readonly #calls: Calls = {
    addCandidate: ({ peer }, candidate) => peer.addCandidate(candidate),
    restart: async ({ peer }, { sdp, bytes }) => ({ answer: await peer.restart(sdp, bytes), notes: peer.notes }),
    checkLayout: (session, layout) => session.checkLayout(layout),
    setTrack: (session, on) => session.setTrack(on),
    setLayout: (session, layout) => session.setLayout(layout),
    setData: (session, output) => session.setData(output),
    setUpsampling: ({ stream }, upsampling) => {
      stream.upsampling = upsampling;
    },
    setRange: ({ stream }, range) => stream.setRange(range),
    setSize: ({ stream }, size) => stream.setSize(size),
    setStill: ({ stream }, on) => stream.setStill(on),
    setMatte: ({ stream }, next) => stream.setMatte(next),
    reduce: ({ stream }, steps) => stream.reduce(steps),
    setInferencer: ({ stream }, { inferencer, size }) => stream.setInferencer(this.#inferencerOf(inferencer), size),
    setCamera: ({ stream }, camera) => stream.setCamera(camera),
    anchor: ({ stream }, anchors) => stream.anchor(anchors),
    reset: ({ stream }) => stream.reset(),
    thumbnail: ({ stream }) => takeThumbnail(stream),
    feed: ({ id, stream }, request) => {
      const feed = this.#feeds.get(id) ?? this.#openFeed(id, stream);
      this.#feeds.set(id, feed);
      feed.feed.ask(request);
    },
    fed: ({ id }) => this.#feeds.get(id)?.taken(),
    record: ({ id, stream }, options) => {
      const failed = (error: DepthcastError) => this.#emit(id, { event: 'recording failed', error: toPlain(error) });
      this.#recorders.get(id)?.close();
      this.#recorders.set(id, recordStream(stream, options, failed));
    },
    stopRecording: ({ id }) => this.#stopRecording(id),
    send: ({ id, stream }, { output, settings }) => {
      const news = (value: PushNews) => this.#emit(id, { event: 'output', output, news: value });
      const pusher = pushStream(stream, settings, {
        onLive: (status) => news({ event: 'live', status }),
        onLost: (error, retryMs) => news({ event: 'lost', error: toPlain(error), retryMs, status: pusher.status }),
        onNote: (what) => news({ event: 'note', what }),
      });
      const those = this.#pushers.get(id) ?? new Map<number, Pusher>();
      this.#pushers.set(id, those.set(output, pusher));
    },
    stopSending: ({ id }, output) => {
      this.#pushers.get(id)?.get(output)?.close();
      this.#pushers.get(id)?.delete(output);
    },
    start: (source) => source.start(),
    close: (session, { reason, error }) => session.close(reason, error && fromPlain(error)),
  };

  #openFeed(session: string, stream: Publisher['stream']) {
    const opened = {
      taken: () => {},
      feed: feedOf(stream, (frame: FeedFrame) => {
        this.#emit(session, { event: 'feed', frame });
        return new Promise<void>((resolve) => {
          opened.taken = resolve;
        });
      }),
    };
    return opened;
  }

  async #stopRecording(session: string): Promise<RecordingStatus | undefined> {
    const recorder = this.#recorders.get(session);
    recorder?.close();
    await recorder?.ended();
    if (this.#recorders.get(session) === recorder) this.#recorders.delete(session);
    return recorder?.status;
  }

  #emit(session: string, value: SessionEvent): void {
    this.#tell({ case: 'session', session, value });
  }
}
