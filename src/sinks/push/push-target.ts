import type { ChildProcess } from 'node:child_process';
import { endProcess, onProcessEnd, startProcess } from '../../child-process.ts';
import { pushKindOf } from '../../config/pushed-output.ts';
import { DepthcastError } from '../../errors.ts';
import { RetryDelay } from '../../retry-delay.ts';
import { nalUnits } from '../../video/bitstream.ts';
import type { EncodedFrame } from '../../video/index.ts';
import { untimed } from '../../video/untimed.ts';
import type { OpenRequest, SenderMessage, VideoPacket } from './push-protocol.ts';

const MAX_WAIT_MS = 10_000;
/** Without an answer for as long as this, a process counts as hung; one that listens waits for whoever comes. */
const HUNG_MS = 20_000;
/** Packets on their way to the process: more are a receiver that cannot keep up. */
const MAX_WAITING = 60;

export interface PushStatus {
  kind: 'srt' | 'rtsp';
  /** Without user, password and query. */
  url: string;
  /** `idle`: there is nothing to send; `waiting`: until it is tried again. */
  state: 'idle' | 'connecting' | 'live' | 'waiting';
  connections: number;
  /** Frames sent, and those that did not leave because the receiver could not keep up. */
  frames: number;
  dropped: number;
  problem: { code: string; message: string } | null;
}

export interface PushEvents {
  onLive(status: PushStatus): void;
  /** It is lost, and tried again after so many ms. */
  onLost(error: DepthcastError, retryMs: number): void;
}

/** Without user, password and query. */
export function shownTarget(url: string): Pick<PushStatus, 'kind' | 'url'> {
  const { protocol, host, pathname } = new URL(url);
  return { kind: pushKindOf(url)!, url: `${protocol}//${host}${pathname}` };
}

/** Where one video of a stream is sent to, and the process that does; tried again for as long as there are frames. */
export class PushTarget {
  readonly #url: string;
  readonly #events: PushEvents;
  #child: ChildProcess | undefined;
  #state: PushStatus['state'] = 'idle';
  #watchdog: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #liveSince: number | undefined;
  readonly #delay = new RetryDelay(MAX_WAIT_MS);
  #waiting = 0;
  #needsKeyframe = true;
  #size = '';
  #connections = 0;
  #frames = 0;
  #dropped = 0;
  #problem: DepthcastError | undefined;

  constructor(url: string, events: PushEvents) {
    this.#url = url;
    this.#events = events;
  }

  get status(): PushStatus {
    return {
      ...shownTarget(this.#url),
      state: this.#state,
      connections: this.#connections,
      frames: this.#frames,
      dropped: this.#dropped,
      problem: this.#problem ? { code: this.#problem.code, message: this.#problem.message } : null,
    };
  }

  /** Whether a frame would be used now, and whether it has to be a keyframe. */
  get wants(): 'nothing' | 'frame' | 'keyframe' {
    if (this.#state === 'live' || this.#state === 'idle') return this.#needsKeyframe ? 'keyframe' : 'frame';
    return 'nothing';
  }

  /** @param encoded H.264 in Annex B form. @param pts 90 kHz, rising */
  put(encoded: EncodedFrame, pts: number, { width, height }: { width: number; height: number }): void {
    const frame = encoded.keyframe ? { ...encoded, data: untimed(encoded.data) } : encoded;
    const size = `${width}x${height}`;
    // No container takes another size on its way. It is nobody's fault, and no reason to wait.
    if (this.#state === 'live' && this.#size !== size) {
      this.#letGo();
      this.#state = 'idle';
      this.#needsKeyframe = true;
    }
    if (this.#state === 'idle' && frame.keyframe) this.#connect(frame, { width, height });
    if (this.#state !== 'live' || (this.#needsKeyframe && !frame.keyframe)) return;
    if (this.#waiting >= MAX_WAITING) {
      this.#dropped++;
      this.#needsKeyframe = true;
      return;
    }
    this.#needsKeyframe = false;
    this.#waiting++;
    this.#child!.send({ data: frame.data, keyframe: frame.keyframe, pts } satisfies VideoPacket, () => {});
  }

  /** Nothing more is put. Idempotent. */
  close(): void {
    this.#letGo();
    clearTimeout(this.#timer);
    this.#state = 'idle';
  }

  #connect(frame: EncodedFrame, size: { width: number; height: number }): void {
    this.#state = 'connecting';
    this.#size = `${size.width}x${size.height}`;
    this.#waiting = 0;
    this.#liveSince = undefined;
    let child: ChildProcess;
    try {
      child = startProcess(import.meta.url, './push-process');
    } catch (thrown) {
      this.#retry(`its process did not start: ${(thrown as Error).message}`);
      return;
    }
    this.#child = child;
    child.on('message', (message: SenderMessage) => {
      if (child === this.#child) this.#take(child, message);
    });
    onProcessEnd(child, 'its process', (problem) => this.#lost(child, problem));
    this.#watch();
    const format = pushKindOf(this.#url) === 'srt' ? 'mpegts' : 'rtsp';
    const request: OpenRequest = { url: this.#url, format, ...size, parameters: parameterSets(frame.data) };
    if (child.pid !== undefined) child.send(request, () => {});
  }

  #take(child: ChildProcess, message: SenderMessage): void {
    this.#watch();
    if (message.kind === 'end') {
      this.#lost(child, message.problem);
      return;
    }
    if (message.kind === 'written') {
      this.#waiting--;
      this.#frames++;
      return;
    }
    this.#state = 'live';
    this.#needsKeyframe = true;
    this.#liveSince = performance.now();
    this.#problem = undefined;
    this.#connections++;
    this.#events.onLive(this.status);
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    const child = this.#child;
    const listens = new URL(this.#url).searchParams.get('mode') === 'listener';
    if (!child || (listens && this.#state === 'connecting')) return;
    this.#watchdog = setTimeout(() => {
      // Nothing to send is no reason to hang up.
      if (this.#state === 'live' && this.#waiting === 0) this.#watch();
      else this.#lost(child, `no answer for ${HUNG_MS / 1000} s`);
    }, HUNG_MS);
  }

  #lost(child: ChildProcess, problem: string): void {
    if (child !== this.#child) return;
    this.#letGo();
    this.#retry(problem);
  }

  #retry(problem: string): void {
    const wait = this.#delay.next(this.#liveSince);
    this.#problem = new DepthcastError('OUTPUT_FAILED', { detail: problem });
    this.#state = 'waiting';
    this.#timer = setTimeout(() => {
      this.#state = 'idle';
      this.#needsKeyframe = true;
    }, wait);
    this.#events.onLost(this.#problem, wait);
  }

  /** Lets the process say goodbye; one that does not is ended. */
  #letGo(): void {
    clearTimeout(this.#watchdog);
    const child = this.#child;
    this.#child = undefined;
    if (child) endProcess(child);
  }
}

const START_CODE = Buffer.from([0, 0, 0, 1]);
const [SPS, PPS] = [7, 8];

function parameterSets(frame: Uint8Array): Uint8Array {
  const sets = [...nalUnits(frame)].filter((unit) => [SPS, PPS].includes(unit[0]! & 31));
  return Buffer.concat(sets.flatMap((unit) => [START_CODE, unit]));
}
