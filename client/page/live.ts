import {
  type DepthError,
  DepthSession,
  type LiveStats,
  type OutputSettings,
  type ReceivedFrame,
  type SessionState,
  type SourceSpec,
} from 'depthcast-client';
import { HERE, TOKEN } from './here.ts';
import { Pace, type Slowness } from './pace.ts';
import type { Picture } from './picture/painter.ts';

/** A page that nobody sees for so long (milliseconds) gives its place on the server back, until it is seen again. */
const HIDDEN_MS = 15_000;
/** Depth that comes later than its picture is kept for is shown on the newest one, when nothing better came for so long (milliseconds). */
const UNPAIRED_MS = 2000;
const LOOK_MS = 1000;
/** An age above this is a clock that runs differently (milliseconds). */
const MAX_AGE = 60_000;

export interface LiveHandlers {
  /** A picture and its depth. The picture is closed afterwards; `exact` says that it is the very one that the depth is of. */
  frame(picture: Picture, depth: ReceivedFrame, exact: boolean): void;
  /** Of each source that begins: what it shows by itself. */
  stream(stream: MediaStream): void;
  state(state: SessionState | { name: 'resting' }): void;
  stats(stats: LiveStats): void;
  /** Once a second while it is live: what is wrong with how depth comes, if anything. */
  pace(slowness: Slowness | undefined): void;
  /** Something that the session itself gets over. */
  trouble(error: DepthError): void;
}

/** A session that rests while its page is hidden, and begins again when it is seen. */
export class Live {
  readonly #handlers: LiveHandlers;
  readonly #output: Partial<OutputSettings>;
  /** Shows the source: what is drawn where exact pairs cannot be had. */
  readonly #video: () => HTMLVideoElement;
  #session: DepthSession | undefined;
  #open: (() => Promise<SourceSpec>) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;
  readonly #pace = new Pace('depth');
  #looks: ReturnType<typeof setInterval> | undefined;
  /** performance.now() of the last pair. */
  #pairedAt = 0;

  constructor(output: Partial<OutputSettings>, video: () => HTMLVideoElement, handlers: LiveHandlers) {
    this.#output = output;
    this.#video = video;
    this.#handlers = handlers;
    document.addEventListener('visibilitychange', () => this.#seen());
  }

  get session(): DepthSession | undefined {
    return this.#session;
  }

  /** Begins, or goes on with another source. @param open opens the source, at each beginning anew */
  async start(open: () => Promise<SourceSpec>): Promise<void> {
    this.#open = open;
    this.#end();
    const turn = ++this.#turn;
    this.#handlers.state({ name: 'connecting' });
    let source: SourceSpec;
    try {
      source = await open();
    } catch (thrown) {
      if (turn === this.#turn) this.#handlers.state({ name: 'failed', error: thrown as DepthError });
      return;
    }
    // Another source may have been asked for meanwhile.
    if (turn !== this.#turn) {
      if ('close' in source) source.close();
      return;
    }
    this.#run(source);
  }

  /** After a failure, or while it waits: now. */
  retry(): void {
    if (this.#session) this.#session.retryNow();
    else if (this.#open) void this.start(this.#open);
  }

  stop(): void {
    this.#turn++;
    this.#open = undefined;
    this.#end();
  }

  #run(source: SourceSpec): void {
    const session = new DepthSession({
      source,
      server: HERE,
      output: this.#output,
      pairing: true,
      ...(TOKEN === undefined ? {} : { token: TOKEN }),
    });
    this.#session = session;
    this.#pairedAt = performance.now();
    const { frame, stream, state, stats, trouble } = this.#handlers;
    session.on('source', (opened) => stream(opened.stream));
    session.on('depth', (depth) => this.#pace.frame(ageOf(depth)));
    session.on('pair', ({ picture, depth }) => {
      this.#pairedAt = performance.now();
      frame(picture, depth, true);
    });
    session.on('unpaired', ({ depth, reason }) => {
      if (reason === 'unsupported' || performance.now() - this.#pairedAt > UNPAIRED_MS)
        frame(this.#video(), depth, false);
    });
    session.on('stats', (next) => {
      this.#pace.report(next);
      stats(next);
    });
    session.on('error', (error) => {
      trouble(error);
      // A call or another program took the camera: opened again at once, or when the page is seen again.
      if (error.code !== 'SOURCE_ENDED' || this.#session !== session) return;
      this.#end();
      if (!document.hidden && this.#open) void this.start(this.#open);
    });
    session.on('state', (next) => {
      if (next.name === 'closed') return;
      if (next.name === 'failed') this.#session = undefined;
      this.#follow(next.name === 'live');
      state(next);
    });
  }

  #follow(isLive: boolean): void {
    clearInterval(this.#looks);
    if (!isLive) return;
    this.#pace.begin();
    this.#looks = setInterval(() => this.#handlers.pace(this.#pace.look()), LOOK_MS);
  }

  #end(): void {
    clearInterval(this.#looks);
    this.#session?.close();
    this.#session = undefined;
  }

  #seen(): void {
    clearTimeout(this.#timer);
    if (!document.hidden) {
      if (this.#open && !this.#session) void this.start(this.#open);
      else this.#session?.retryNow();
      return;
    }
    this.#timer = setTimeout(() => {
      if (!this.#open) return;
      this.#turn++;
      this.#end();
      this.#handlers.state({ name: 'resting' });
    }, HIDDEN_MS);
  }
}

/** Milliseconds since its picture was captured, by this device's clock; undefined where that is not known. */
export function ageOf({ captureTime, captureTimeError, receivedAt }: ReceivedFrame): number | undefined {
  if (captureTime === undefined || captureTimeError !== undefined) return undefined;
  const age = performance.timeOrigin + receivedAt - captureTime;
  return age >= 0 && age < MAX_AGE ? age : undefined;
}
