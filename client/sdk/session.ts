import type { OutputSettings, SessionStats } from '../../src/server/messages.ts';
import { DepthHistory } from './alignment.ts';
import { DEFAULT_RETRY, type RetryPolicy, retryDelay } from './backoff.ts';
import { Emitter } from './emitter.ts';
import { DepthError, toDepthError } from './errors.ts';
import { type FrameCounters, FrameReader, type ReceivedFrame } from './frames.ts';
import { Link, type LinkHandlers, type ServerInfo } from './link.ts';
import type { VideoCodec } from './peer.ts';
import { signallingUrl } from './signalling.ts';
import { openSource, type SourceSpec } from './sources/open.ts';
import type { Source } from './sources/source.ts';

const CLIENT = 'depthcast-web/0.1.0';
/** A connection that held for this long counts as good: the next loss starts counting attempts anew. */
const PROVEN_AFTER = 10_000;

export interface SessionOptions {
  source: SourceSpec;
  /** http(s) or ws(s) address of the server; default: where this page came from. */
  server?: string | URL;
  /** Bearer token, where the server asks for one. */
  token?: string;
  /** What to return; the server's defaults for what is left out. */
  output?: Partial<OutputSettings>;
  /** Preferred codec of the video sent; default VP8. */
  codec?: VideoCodec;
  /** STUN and TURN servers besides those that the server names. */
  iceServers?: RTCIceServer[];
  retry?: Partial<RetryPolicy>;
  onDepth?: (frame: ReceivedFrame) => void;
  onStats?: (stats: LiveStats) => void;
  onState?: (state: SessionState) => void;
  onError?: (error: DepthError) => void;
}

export type SessionState =
  /** Opening the source or the first connection. */
  | { name: 'connecting' }
  | { name: 'live' }
  /** The connection was lost. With `retryAt` (ms since the Unix epoch) it waits until then, without it tries just now. */
  | { name: 'reconnecting'; error: DepthError; attempt: number; retryAt?: number }
  /** It gave up; `close()` has been called. */
  | { name: 'failed'; error: DepthError }
  | { name: 'closed' };

/** The server's numbers of the last second, and what is measured on this side. */
export interface LiveStats extends SessionStats {
  client: FrameCounters & {
    /** Depth frames a second that reached this page through the data channel. */
    depthRate: number;
    /** Milliseconds there and back over the signalling connection, once known. */
    roundTrip?: number;
    /** Median milliseconds from a picture's capture to its depth reaching this page, where capture times travel. */
    captureToDepth?: number;
  };
}

export interface SessionEvents {
  state: SessionState;
  depth: ReceivedFrame;
  stats: LiveStats;
  /** The server's output settings, after every change. */
  settings: OutputSettings;
  /** Everything that went wrong, also what the session recovers from by itself. */
  error: DepthError;
  source: Source;
}

/** A live depth stream: video goes to the server, depth comes back. Reconnects by itself; ends with `close()`. */
export class DepthSession extends Emitter<SessionEvents> {
  /** The returned gray track; the same object through reconnects. Empty until the track is there. */
  readonly depthStream = new MediaStream();
  /** The last depth frames, to be matched with pictures. */
  readonly history = new DepthHistory();
  readonly #options: SessionOptions;
  readonly #retry: RetryPolicy;
  readonly #ended = new AbortController();
  #state: SessionState = { name: 'connecting' };
  #source: Source | undefined;
  #link: Link | undefined;
  #reader: FrameReader | undefined;
  #wanted: Partial<OutputSettings>;
  #output: OutputSettings | undefined;
  #server: ServerInfo | undefined;
  /** Counts the sources asked for: of several that open at once only the last is used. */
  #sourceTurn = 0;
  /** Interrupts a wait for the next attempt. */
  #hurry: (() => void) | undefined;
  #lastReceived = { count: 0, at: 0 };
  #captureLags: number[] = [];

  /** Starts at once; watch `state`. `connect()` is the promise-based way. */
  constructor(options: SessionOptions) {
    super();
    this.#options = options;
    this.#retry = { ...DEFAULT_RETRY, ...options.retry };
    this.#wanted = { ...options.output };
    if (options.onDepth) this.on('depth', options.onDepth);
    if (options.onStats) this.on('stats', options.onStats);
    if (options.onState) this.on('state', options.onState);
    if (options.onError) this.on('error', options.onError);
    // In a microtask, so that listeners added right after construction miss nothing.
    queueMicrotask(() => void this.#run());
  }

  get state(): SessionState {
    return this.#state;
  }

  get source(): Source | undefined {
    return this.#source;
  }

  /** What the server said of itself; undefined before the first welcome. */
  get server(): ServerInfo | undefined {
    return this.#server;
  }

  /** The output settings in force; undefined before the first welcome. */
  get output(): OutputSettings | undefined {
    return this.#output;
  }

  /** The peer connection of the moment, for `getStats()`. */
  get connection(): RTCPeerConnection | undefined {
    return this.#link?.connection;
  }

  /** Changes some output settings, now and for later reconnects. The `settings` event tells what came of it. */
  update(output: Partial<OutputSettings>): void {
    this.#wanted = { ...this.#wanted, ...output };
    this.#link?.update(output);
  }

  /** Forgets temporal memory: the next frame begins a new epoch. */
  reset(): void {
    this.#link?.reset();
  }

  /** Puts another source in the place of the present one without reconnecting. Rejects when it cannot be opened. */
  async replaceSource(spec: SourceSpec): Promise<void> {
    const turn = ++this.#sourceTurn;
    const next = await openSource(spec);
    if (this.#ended.signal.aborted || turn !== this.#sourceTurn) {
      next.close();
      throw new DepthError('CLOSED', { detail: 'or yet another source was chosen' });
    }
    const last = this.#source;
    this.#adopt(next);
    await this.#link?.replaceTrack(next.track);
    this.reset();
    last?.close();
  }

  /** While the session waits for its next attempt: makes it now. */
  retryNow(): void {
    this.#hurry?.();
  }

  /** Ends the session and gives everything back. It can be called at any time and more than once. */
  close(): void {
    this.#finish({ name: 'closed' });
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    const online = () => this.#hurry?.();
    globalThis.addEventListener?.('online', online, { signal });
    try {
      const url = signallingUrl(this.#options.server ?? globalThis.location.href);
      if (typeof RTCPeerConnection === 'undefined') throw new DepthError('WEBRTC_UNSUPPORTED');
      const source = await openSource(this.#options.source);
      if (signal.aborted) return source.close();
      // While it opened, another one may have been put in its place.
      if (this.#source) source.close();
      else this.#adopt(source);
      await this.#stayConnected(url);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = toDepthError(thrown, 'CONNECTION_LOST');
      this.emit('error', error);
      this.#finish({ name: 'failed', error });
    }
  }

  /** Connects again and again; throws when that makes no sense any more. */
  async #stayConnected(url: URL): Promise<never> {
    for (let attempt = 0; ; attempt++) {
      let openedAt = Number.POSITIVE_INFINITY;
      try {
        const { lost } = await this.#connect(url);
        openedAt = performance.now();
        this.#enter({ name: 'live' });
        throw await lost;
      } catch (thrown) {
        const error = toDepthError(thrown, 'CONNECTION_LOST');
        this.#drop();
        if (performance.now() - openedAt > PROVEN_AFTER) attempt = 0;
        if (this.#ended.signal.aborted || !error.retryable || attempt >= this.#retry.attempts) throw error;
        this.emit('error', error);
        const delay = retryDelay(attempt, this.#retry, error.retryAfter);
        const next = { name: 'reconnecting', error, attempt: attempt + 1 } as const;
        this.#enter({ ...next, retryAt: Date.now() + delay });
        await this.#wait(delay);
        this.#enter(next);
      }
    }
  }

  /** One attempt. Resolves when media can flow; `lost` then tells why it no longer does. */
  async #connect(url: URL): Promise<{ lost: Promise<DepthError> }> {
    this.#ended.signal.throwIfAborted();
    const { codec = 'VP8', iceServers = [], token } = this.#options;
    const track = this.#source?.track;
    if (!track) throw new DepthError('SOURCE_ENDED');
    const reader = new FrameReader((frame) => this.#receive(frame));
    this.#reader = reader;
    this.#lastReceived = { count: 0, at: performance.now() };
    let lose!: (error: DepthError) => void;
    const lost = new Promise<DepthError>((resolve) => {
      lose = resolve;
    });
    const handlers: LinkHandlers = {
      welcome: (server) => {
        this.#server = server;
      },
      settings: (output) => this.#settle(output),
      stats: (stats) => this.emit('stats', this.#complete(stats)),
      refused: (error) => this.#refuse(error),
      depthTrack: (depthTrack) => this.#show(depthTrack),
      message: (message) => reader.push(message),
      interrupted: (yes) => {
        const error = new DepthError('CONNECTION_LOST', { detail: 'looking for a new network path' });
        this.#enter(yes ? { name: 'reconnecting', error, attempt: 0 } : { name: 'live' });
      },
      lost: lose,
    };
    const output = this.#wanted;
    const options = { url, client: CLIENT, token, track, codec, iceServers, output };
    const link = await Link.open(options, handlers, this.#ended.signal);
    this.#link = link;
    // The source and the settings may have changed meanwhile.
    if (this.#source && this.#source.track !== track) await link.replaceTrack(this.#source.track);
    // The answer tells what is in force.
    link.update(this.#wanted === output ? {} : this.#wanted);
    return { lost };
  }

  #receive(frame: ReceivedFrame): void {
    this.history.push(frame);
    if (frame.captureTime !== undefined) {
      const lag = performance.timeOrigin + frame.receivedAt - frame.captureTime;
      if (lag >= 0 && lag < 60_000) this.#captureLags.push(lag);
    }
    this.emit('depth', frame);
  }

  #complete(stats: SessionStats): LiveStats {
    const counters = (this.#reader ?? new FrameReader(() => {})).counters;
    const now = performance.now();
    const depthRate =
      ((counters.received - this.#lastReceived.count) * 1000) / Math.max(1, now - this.#lastReceived.at);
    this.#lastReceived = { count: counters.received, at: now };
    const lags = this.#captureLags.splice(0).sort((a, b) => a - b);
    const captureToDepth = lags[lags.length >> 1];
    const roundTrip = this.#link?.roundTrip;
    return {
      ...stats,
      client: {
        ...counters,
        depthRate,
        ...(roundTrip === undefined ? {} : { roundTrip }),
        ...(captureToDepth === undefined ? {} : { captureToDepth }),
      },
    };
  }

  #settle(output: OutputSettings): void {
    this.#output = output;
    this.emit('settings', output);
  }

  /** A refused setting must not be asked for again at the next reconnect. */
  #refuse(error: DepthError): void {
    this.emit('error', error);
    if (!this.#output) return;
    this.#wanted = { ...this.#output };
    this.emit('settings', this.#output);
  }

  #show(track: MediaStreamTrack): void {
    for (const old of this.depthStream.getTracks()) this.depthStream.removeTrack(old);
    this.depthStream.addTrack(track);
  }

  #adopt(source: Source): void {
    this.#source = source;
    const ended = () => {
      if (this.#source === source) this.emit('error', new DepthError('SOURCE_ENDED', { detail: source.label }));
    };
    source.track.addEventListener('ended', ended, { signal: this.#ended.signal });
    this.emit('source', source);
  }

  #wait(delay: number): Promise<void> {
    const { signal } = this.#ended;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#hurry = undefined;
        resolve();
      };
      const timer = setTimeout(done, delay);
      signal.addEventListener('abort', done);
      this.#hurry = done;
    });
  }

  #enter(state: SessionState): void {
    if (this.#ended.signal.aborted) return;
    this.#state = state;
    this.emit('state', state);
  }

  #drop(): void {
    this.#link?.close();
    this.#link = undefined;
    this.#reader?.close();
    this.#reader = undefined;
    this.history.clear();
  }

  #finish(state: SessionState): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(new DepthError('CLOSED'));
    this.#drop();
    this.#source?.close();
    for (const track of this.depthStream.getTracks()) this.depthStream.removeTrack(track);
    this.#state = state;
    this.emit('state', state);
    this.removeListeners();
  }
}

/**
 * Opens the source, connects, and resolves once depth can flow.
 * Makes one attempt and rejects with a DepthError when it fails; later losses are mended as `retry` says.
 */
export async function connect(options: SessionOptions & { signal?: AbortSignal }): Promise<DepthSession> {
  const session = new DepthSession(options);
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const abort = () => session.close();
    const settle = (state: SessionState) => {
      if (state.name === 'connecting') return;
      signal?.removeEventListener('abort', abort);
      stop();
      if (state.name === 'live') return resolve(session);
      reject('error' in state ? state.error : new DepthError('CLOSED'));
      session.close();
    };
    const stop = session.on('state', settle);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
  });
}
