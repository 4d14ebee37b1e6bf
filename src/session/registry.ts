import { DepthcastError } from '../errors.ts';
import { LiveStream } from '../stream/live-stream.ts';
import type { Session, SessionStream } from './session.ts';

/** Seconds after which a refused client may try again. A publisher that lost its server is back elsewhere within few. */
const RETRY_TAKEN = 5;
const RETRY_ABSENT = 1;
const DRAIN_POLL_MS = 50;

interface Place {
  name: string;
  stream: SessionStream | undefined;
  viewers: number;
  /** Ends whoever holds it for a stream that is to come. */
  end: ((reason: string) => void) | undefined;
}

/** The streams and sessions of a server, by their names. */
export class Registry {
  readonly #places = new Map<string, Place>();
  readonly #sessions = new Map<string, Session>();
  readonly #watchers: ((stream: SessionStream) => void)[] = [];
  #draining = false;

  get draining(): boolean {
    return this.#draining;
  }

  get streams(): SessionStream[] {
    return [...this.#places.values()].flatMap((place) => place.stream ?? []);
  }

  /** Those of this thread, which take sinks. */
  get liveStreams(): LiveStream[] {
    return this.streams.filter((stream) => stream instanceof LiveStream);
  }

  get sessions(): Session[] {
    return [...this.#sessions.values()];
  }

  /** Calls with every stream that begins from now on, wherever it lives. */
  onAnyStream(watcher: (stream: SessionStream) => void): void {
    this.#watchers.push(watcher);
  }

  viewersOf(name: string): number {
    return this.#places.get(name)?.viewers ?? 0;
  }

  /** Places of publishers that are taken, by streams or by sessions that are still being set up. */
  get placesTaken(): number {
    return this.#places.size;
  }

  isTaken(name: string): boolean {
    return this.#places.has(name);
  }

  /**
   * Takes a stream's name for one publisher; {@link Admission} says whether there may be one more.
   * @throws DepthcastError STREAM_TAKEN
   */
  reserve(name: string): {
    filled(stream: SessionStream): void;
    emptied(end: (reason: string) => void): void;
    free(): void;
  } {
    if (this.isTaken(name)) throw new DepthcastError('STREAM_TAKEN', { detail: name, retryAfter: RETRY_TAKEN });
    const place: Place = { name, stream: undefined, viewers: 0, end: undefined };
    this.#places.set(name, place);
    return {
      filled: (stream) => {
        place.stream = stream;
        for (const watcher of this.#watchers) watcher(stream);
      },
      // Its stream is gone, and another of the name is to come.
      emptied: (end) => {
        place.stream = undefined;
        place.end = end;
      },
      free: () => {
        if (this.#places.get(name) === place) this.#places.delete(name);
      },
    };
  }

  /**
   * A viewer's place at a stream.
   * @throws DepthcastError NO_PUBLISHER
   */
  view(name: string): { stream: SessionStream; leave(): void } {
    const place = this.#places.get(name);
    if (place?.stream === undefined)
      throw new DepthcastError('NO_PUBLISHER', { detail: name, retryAfter: RETRY_ABSENT });
    place.viewers++;
    let left = false;
    const leave = () => {
      if (!left) place.viewers--;
      left = true;
    };
    return { stream: place.stream, leave };
  }

  add(session: Session): void {
    this.#sessions.set(session.id, session);
    session.once('closed', () => this.#sessions.delete(session.id));
  }

  /** @throws DepthcastError SESSION_NOT_FOUND */
  session(id: string): Session {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new DepthcastError('SESSION_NOT_FOUND');
    return session;
  }

  /** Takes no more sessions; settles when the last has ended of itself, or after so many seconds. */
  async drain(seconds: number): Promise<void> {
    this.#draining = true;
    const until = performance.now() + seconds * 1000;
    while (this.#sessions.size > 0 && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }

  /** Takes no more sessions and ends those there are, and what is to come back. */
  async close(reason: string): Promise<void> {
    this.#draining = true;
    await Promise.all(this.sessions.map((session) => session.close(reason)));
    for (const { stream, end } of [...this.#places.values()])
      if (stream) stream.close(reason);
      else end?.(reason);
  }
}
