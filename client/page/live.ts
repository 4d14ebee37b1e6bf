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
import type { Picture } from './picture/painter.ts';

/** A page that nobody sees for so long (milliseconds) gives its place on the server back, until it is seen again. */
const HIDDEN_MS = 15_000;

export interface LiveHandlers {
  /** A picture and its depth. The picture is closed afterwards; `exact` says that it is the very one that the depth is of. */
  frame(picture: Picture, depth: ReceivedFrame, exact: boolean): void;
  /** Of each source that begins: what it shows by itself. */
  stream(stream: MediaStream): void;
  state(state: SessionState | { name: 'resting' }): void;
  stats(stats: LiveStats): void;
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
    const { frame, stream, state, stats, trouble } = this.#handlers;
    session.on('source', (opened) => stream(opened.stream));
    session.on('pair', ({ picture, depth }) => frame(picture, depth, true));
    session.on('unpaired', ({ depth, reason }) => {
      if (reason === 'unsupported') frame(this.#video(), depth, false);
    });
    session.on('stats', stats);
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
      state(next);
    });
  }

  #end(): void {
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
