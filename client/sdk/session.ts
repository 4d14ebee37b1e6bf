import type { Anchor } from '../../src/geometry/index.ts';
import type { CameraSettings } from '../../src/protocol/index.ts';
import type { OutputSettings } from '../../src/protocol/messages.ts';
import { DEFAULT_RETRY, type RetryPolicy, retryDelay } from './backoff.ts';
import { ClientStats } from './client-stats.ts';
import { DepthHistory } from './depth-history.ts';
import { Emitter } from './emitter.ts';
import { DepthError, toDepthError } from './errors.ts';
import { FrameReader, type ReceivedFrame } from './frames.ts';
import { Link, type LinkHandlers, type ServerInfo } from './link.ts';
import { type PairCounters, Pairing } from './pairing/pairing.ts';
import { browserPlatform, type Platform } from './platform.ts';
import { signallingUrl } from './signalling.ts';
import { openSource, type SourceSpec } from './sources/open.ts';
import type { Source } from './sources/source.ts';
import { SourceCamera } from './sources/source-camera.ts';
import type { SessionEvents, SessionOptions, SessionState } from './types.ts';
import { CLIENT } from './version.ts';

/** A connection that held for this long counts as good: the next loss starts counting attempts anew. */
const PROVEN_AFTER = 10_000;

/** A live depth stream: video goes to the server, depth comes back. Reconnects by itself; ends with `close()`. */
export class DepthSession extends Emitter<SessionEvents> {
  /** The returned gray track; the same object through reconnects. Empty until the track is there. */
  readonly depthStream: MediaStream;
  /** The last depth frames, to be matched with pictures. */
  readonly history = new DepthHistory();
  readonly #options: SessionOptions;
  readonly #platform: Platform;
  readonly #retry: RetryPolicy;
  readonly #ended = new AbortController();
  #state: SessionState = { name: 'connecting' };
  #source: Source | undefined;
  #link: Link | undefined;
  #reader: FrameReader | undefined;
  #pairing: Pairing | undefined;
  #wanted: Partial<OutputSettings>;
  readonly #camera: SourceCamera;
  #token: string | undefined;
  #output: OutputSettings | undefined;
  #server: ServerInfo | undefined;
  /** Counts the sources asked for: of several that open at once only the last is used. */
  #sourceTurn = 0;
  /** Interrupts a wait for the next attempt. */
  #hurry: (() => void) | undefined;
  #stats = new ClientStats();
  #toldNoPairs = false;

  /** Starts at once; watch `state`. `connect()` is the promise-based way. */
  constructor(options: SessionOptions) {
    super();
    this.#platform = options.platform ?? browserPlatform();
    this.depthStream = new this.#platform.MediaStream();
    this.#options = options;
    this.#retry = { ...DEFAULT_RETRY, ...options.retry };
    this.#wanted = { ...options.output };
    this.#camera = new SourceCamera(options.camera);
    this.#token = options.token;
    if (options.onDepth) this.on('depth', options.onDepth);
    if (options.onPair) this.on('pair', options.onPair);
    if (options.onUnpaired) this.on('unpaired', options.onUnpaired);
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

  /** How many depth frames of this connection had their picture; undefined without pairing. */
  get pairs(): Readonly<PairCounters> | undefined {
    return this.#pairing?.counters;
  }

  /** The peer connection of the moment, for `getStats()`. */
  get connection(): RTCPeerConnection | undefined {
    return this.#link?.connection;
  }

  /** Changes some output settings, now and for later reconnects. The `settings` event tells what the server applied. */
  update(output: Partial<OutputSettings>): void {
    this.#wanted = { ...this.#wanted, ...output };
    this.#link?.update(output);
  }

  /**
   * What is known of the camera of the moment, as it is zoomed now, and of those of later sources, as they are when they begin; undefined for
   * nothing. Where the browser tells the track's `zoom`, intrinsics follow it with the server's next statistics.
   * @throws RangeError for what is no camera
   */
  setCamera(camera: CameraSettings | undefined): void {
    this.#camera.tell(camera);
    this.#link?.setCamera(this.#camera.settings);
  }

  /**
   * Tells distances that are known at places of the picture (x and y from 0, its top left corner, to 1), at most 256 at once: of
   * a tape, an ultrasonic sensor, a plane of ARCore. Frames of this epoch then come in metres; after a scene cut (`epoch`) and after a reconnect tell anew.
   * @throws RangeError for a place outside the picture, a distance outside 0.01 to 10,000 m, an error outside 0.001 to 1
   */
  anchor(anchors: Anchor[]): void {
    for (const { x, y, metres, error = 1 } of anchors)
      if (!(within(x, 0, 1) && within(y, 0, 1) && within(metres, 0.01, 10_000) && within(error, 0.001, 1)))
        throw new RangeError(`no anchor: x ${x}, y ${y}, ${metres} m, error ${error}`);
    if (anchors.length > 0) this.#link?.anchor(anchors);
  }

  /**
   * Shows the server a newer token, before the present one expires and with it the session, and keeps it for reconnects.
   * One that is refused is an `error` event; the session goes on until its last good token expires.
   */
  renewToken(token: string): void {
    this.#token = token;
    this.#link?.renew(token);
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
    this.#link?.setCamera(this.#camera.settings);
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
      if (!this.#platform.RTCPeerConnection) throw new DepthError('WEBRTC_UNSUPPORTED');
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
    const { codec = 'VP8', iceServers = [] } = this.#options;
    const token = this.#token;
    const track = this.#source?.track;
    if (!track) throw new DepthError('SOURCE_ENDED');
    const reader = new FrameReader((frame) => this.#receive(frame));
    this.#reader = reader;
    this.#stats = new ClientStats();
    let lose!: (error: DepthError) => void;
    const lost = new Promise<DepthError>((resolve) => {
      lose = resolve;
    });
    const handlers: LinkHandlers = {
      welcome: (server, defaults) => {
        this.#server = server;
        this.#settle({ ...defaults, ...this.#wanted });
      },
      settings: (output) => this.#settle(output),
      stats: (stats) => {
        if (this.#camera.hasZoomed) this.#link?.setCamera(this.#camera.settings);
        this.emit('stats', { ...stats, client: this.#stats.take(reader.counters, this.#link?.roundTrip) });
      },
      error: (error) => this.#report(error),
      unsupported: (error) => this.emit('error', error),
      depthTrack: (depthTrack) => this.#show(depthTrack),
      message: (message) => reader.push(message),
      interrupted: (yes) => {
        const error = new DepthError('CONNECTION_LOST', { detail: 'looking for a new network path' });
        this.#enter(yes ? { name: 'reconnecting', error, attempt: 0 } : { name: 'live' });
      },
      lost: lose,
    };
    const output = this.#wanted;
    const platform = this.#platform;
    const pairing = this.#startPairing();
    const camera = this.#camera.settings;
    const options = { platform, url, client: CLIENT, token, track, codec, iceServers, output, camera, pairing };
    const link = await Link.open(options, handlers, this.#ended.signal);
    this.#link = link;
    // The source and the settings may have changed meanwhile.
    if (this.#source && this.#source.track !== track) await link.replaceTrack(this.#source.track);
    const now = this.#camera.settings;
    if (now !== camera) link.setCamera(now);
    // The answer tells what is in force.
    link.update(this.#wanted === output ? {} : this.#wanted);
    return { lost };
  }

  #startPairing(): Pairing | undefined {
    if (!(this.#options.pairing ?? this.#options.onPair)) return undefined;
    this.#pairing = new Pairing({
      pair: (pair) => this.emit('pair', pair),
      unpaired: (unpaired) => this.emit('unpaired', unpaired),
      unsupported: (detail) => {
        // A reconnect has a pairing of its own, and finds the same.
        if (!this.#toldNoPairs) this.emit('error', new DepthError('NO_PAIRS', { detail }));
        this.#toldNoPairs = true;
      },
    });
    return this.#pairing;
  }

  #receive(frame: ReceivedFrame): void {
    this.history.push(frame);
    this.#stats.count(frame);
    this.emit('depth', frame);
    this.#pairing?.receive(frame);
  }

  #settle(output: OutputSettings): void {
    this.#output = output;
    this.emit('settings', output);
  }

  /** A refused setting must not be asked for again at the next reconnect. Servers of version 0.1 do not say what it is about. */
  #report(error: DepthError): void {
    this.emit('error', error);
    if (!this.#output || (error.about !== undefined && error.about !== 'settings')) return;
    for (const key of Object.keys(this.#wanted) as (keyof OutputSettings)[])
      this.#wanted = { ...this.#wanted, [key]: this.#output[key] };
    this.emit('settings', this.#output);
  }

  #show(track: MediaStreamTrack): void {
    for (const old of this.depthStream.getTracks()) this.depthStream.removeTrack(old);
    this.depthStream.addTrack(track);
  }

  #adopt(source: Source): void {
    this.#source = source;
    this.#camera.adopt(source);
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
    this.#pairing?.close();
    this.#pairing = undefined;
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

const within = (value: number, least: number, most: number): boolean => value >= least && value <= most;
