import type { ChildProcess } from 'node:child_process';
import { endProcess, onProcessEnd, startProcess } from '../../child-process.ts';
import { kindOf, type PulledKind, type PulledSourceSettings } from '../../config/pulled-source.ts';
import { DepthcastError } from '../../errors.ts';
import { RetryDelay } from '../../retry-delay.ts';
import type { FrameSource, SourceListener } from '../../stream/frame-source.ts';
import { rawPicture } from '../../video/index.ts';
import { readRequest, shownAddress } from './address.ts';
import type { OpenedMessage, PictureMessage, ReaderMessage } from './pull-protocol.ts';

/** ms before a new attempt, at most. */
const MAX_WAIT_MS = 30_000;
/** ms beyond a source's own timeout after which its process counts as hung: on a busy machine one takes long to start. */
const HUNG_MS = 20_000;
/** ms between pictures that are taken, at least: a source that gives more than 60 a second gives its newest. */
const MIN_INTERVAL_MS = 1000 / 60;

export type PulledState = 'connecting' | 'live' | 'waiting' | 'closed';

/** Of a source, for operators. */
export interface PulledStatus {
  kind: PulledKind;
  /** Without user, password and query. */
  url: string;
  state: PulledState;
  codec: string | null;
  container: string | null;
  /** Of the source's pictures. */
  width: number;
  height: number;
  /** Times that it was connected. */
  connections: number;
  /** Pictures that came, and that were decoded and passed over because a newer one was there. */
  pictures: number;
  skipped: number;
  /** Where the time of capture comes from: the sender's reports or the device; guessed from arrival; not known. */
  captureTime: 'told' | 'estimated' | 'unknown';
  /** Why it is not live, or was not the last time. */
  problem: { code: string; message: string } | null;
  /** Seconds until it is tried again. */
  retryInSeconds: number | null;
}

export interface PulledSourceEvents {
  /** It gives pictures. */
  onLive(status: PulledStatus): void;
  /** It is not there, or no longer, and is tried again after so many ms. */
  onLost(error: DepthcastError, retryMs: number): void;
}

/** A source that the server opens by itself, and again whenever it is lost: RTSP, SRT, HTTP, devices, files. */
export class PulledSource implements FrameSource {
  readonly #settings: PulledSourceSettings;
  readonly #events: PulledSourceEvents;
  #listener: SourceListener | undefined;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #state: PulledState = 'connecting';
  #opened: OpenedMessage | undefined;
  #problem: DepthcastError | undefined;
  #startedAt = performance.now();
  /** Of the present connection's time 0, in seconds since the source was started. */
  #base = 0;
  #liveSince: number | undefined;
  readonly #delay = new RetryDelay(MAX_WAIT_MS);
  #retryAt = 0;
  #askedAt = 0;
  #connections = 0;
  #pictures = 0;
  #skipped = 0;
  #captureTime: PulledStatus['captureTime'] = 'unknown';

  constructor(settings: PulledSourceSettings, events: PulledSourceEvents) {
    this.#settings = settings;
    this.#events = events;
  }

  get codec(): string {
    return this.#opened?.codec ?? '';
  }

  get status(): PulledStatus {
    const { url } = this.#settings;
    const { codec = null, container = null, width = 0, height = 0 } = this.#opened ?? {};
    const retry = Math.max(0, Math.round((this.#retryAt - performance.now()) / 100) / 10);
    return {
      kind: kindOf(url)!,
      url: shownAddress(url),
      state: this.#state,
      codec,
      container,
      width,
      height,
      connections: this.#connections,
      pictures: this.#pictures,
      skipped: this.#skipped,
      captureTime: this.#captureTime,
      problem: this.#problem ? { code: this.#problem.code, message: this.#problem.message } : null,
      retryInSeconds: this.#state === 'waiting' ? retry : null,
    };
  }

  start(listener: SourceListener): void {
    this.#listener = listener;
    this.#startedAt = performance.now();
    this.#connect();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#listener = undefined;
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#letGo();
  }

  #connect(): void {
    this.#state = 'connecting';
    this.#liveSince = undefined;
    let child: ChildProcess;
    try {
      child = startProcess(import.meta.url, './reader-process');
    } catch (thrown) {
      // Where the system has no more memory, fork throws; where it has no more descriptors, an 'error' follows.
      this.#retry(`its reader did not start: ${(thrown as Error).message}`);
      return;
    }
    this.#child = child;
    child.on('message', (message: ReaderMessage) => {
      if (child === this.#child) this.#take(message);
    });
    onProcessEnd(child, 'its reader', (problem) => this.#lost(child, problem));
    this.#watch();
    if (child.pid !== undefined) child.send(readRequest(this.#settings), () => {});
  }

  /** A process that says nothing although its own timeout is over hangs in a driver or a resolver. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    const ms = this.#settings.timeoutSeconds * 1000 + HUNG_MS;
    const child = this.#child!;
    this.#watchdog = setTimeout(() => this.#lost(child, `nothing came for ${Math.round(ms / 1000)} s`), ms);
  }

  #take(message: ReaderMessage): void {
    this.#watch();
    if (message.kind === 'opened') this.#opened = message;
    else if (message.kind === 'picture')
      try {
        this.#deliver(message);
      } catch (thrown) {
        // Broken media may have broken its reader: what it says is not believed.
        this.#lost(this.#child!, `its reader sent no picture: ${(thrown as Error).message}`);
      }
    else this.#lost(this.#child!, message.problem);
  }

  /** Asks for the next picture, not sooner than a display could show it. */
  #askNext(child: ChildProcess | undefined): void {
    const now = performance.now();
    const wait = Math.max(0, this.#askedAt + MIN_INTERVAL_MS - now);
    this.#askedAt = now + wait;
    const ask = () => {
      if (child?.connected) child.send({ next: true }, () => {});
    };
    if (wait > 1) setTimeout(ask, wait);
    else ask();
  }

  #deliver({ planes, width, height, time, arrivedAt, captureTime, captureTimeError, skipped }: PictureMessage): void {
    this.#askNext(this.#child);
    this.#pictures++;
    this.#skipped += skipped;
    const cameAt = arrivedAt - performance.timeOrigin;
    if (this.#liveSince === undefined) {
      // How long it took to start and to connect is no time of the source's: pictures go on when they come.
      this.#base = (cameAt - this.#startedAt) / 1000 - time;
      this.#liveSince = performance.now();
      this.#state = 'live';
      this.#problem = undefined;
      this.#connections++;
      this.#captureTime = captureTime === undefined ? 'unknown' : isEstimate(captureTimeError) ? 'estimated' : 'told';
      this.#events.onLive(this.status);
    }
    if (this.#captureTime === 'estimated' && !isEstimate(captureTimeError)) this.#captureTime = 'told';
    const rtpTimestamp = Math.round((this.#base + time) * 90_000) % 2 ** 32;
    const picture = rawPicture(planes, width, height, rtpTimestamp, {
      firstPacketAt: cameAt,
      lastPacketAt: cameAt,
      ...(captureTime !== undefined && { captureTime }),
      ...(captureTimeError !== undefined && { captureTimeError }),
    });
    if (this.#listener) this.#listener.picture(picture, { assemble: 0, decode: 0 });
    else picture.close();
  }

  #lost(child: ChildProcess, problem: string): void {
    if (child !== this.#child || this.#state === 'closed') return;
    clearTimeout(this.#watchdog);
    this.#letGo();
    this.#retry(problem);
  }

  #retry(problem: string): void {
    const wait = this.#delay.next(this.#liveSince);
    this.#problem = new DepthcastError('SOURCE_FAILED', { detail: problem });
    this.#state = 'waiting';
    this.#retryAt = performance.now() + wait;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#events.onLost(this.#problem, wait);
  }

  /** Lets the process close its source; one that does not is ended. */
  #letGo(): void {
    const child = this.#child;
    this.#child = undefined;
    if (child) endProcess(child);
  }
}

/** Sender reports tell a time to some ms; what is guessed from arrival may be wrong by far more. */
const isEstimate = (error: number | undefined): boolean => error !== undefined && error > 100;
