import type { ModelManifest } from '../model/manifest.ts';
import type { Activity, DepthCalls, DepthChannel } from './worker-protocol.ts';

/** A frame that takes longer than this has hung. */
const HANG_MS = 30_000;
/** How often a worker is looked at. */
export const WATCH_MS = HANG_MS / 6;
/** As long as a checkpoint's network may take to be built and loaded for a new size, or, a large one, for a frame. */
const BUILD_MS = 120_000;
/** On a device, drivers compile a network of a new size: for a minute, and longer on a busy machine. */
export const COMPILE_MS = 600_000;

/** What a look at a worker depends on. */
export interface WatchedDevice {
  /** It runs on a device that is not the CPU. */
  accelerated: boolean;
  /** Another worker is in the device's driver, and this one waits for it. */
  elsewhere: boolean;
}

/** Whether a depth worker hangs, by a look at it every WATCH_MS. */
export class HangWatch {
  readonly #activity: Activity;
  readonly #kind: ModelManifest['kind'];
  /** The worker's last call that was looked at, and performance.now() of the first look at it. */
  #seen = { count: -1, at: 0 };
  #watchedAt = 0;

  constructor(activity: Activity, kind: ModelManifest['kind']) {
    this.#activity = activity;
    this.#kind = kind;
  }

  /** @param channel its near end, whose `busySince` is put off by what is not the worker's time; undefined while there is none */
  look(
    channel: Pick<DepthChannel, 'busySince' | 'busyWith'> | undefined,
    { accelerated, elsewhere }: WatchedDevice,
  ): boolean {
    const now = performance.now();
    // A process that was suspended, by Ctrl-Z or a laptop's lid, has not hung.
    const suspended = now - this.#watchedAt - WATCH_MS;
    if (channel && this.#watchedAt > 0 && suspended > WATCH_MS) {
      if (channel.busySince > 0) channel.busySince += suspended;
      this.#seen.at += suspended;
    }
    this.#watchedAt = now;
    const { call, count } = this.#activity;
    if (count !== this.#seen.count) this.#seen = { count, at: now };
    if (channel && elsewhere) {
      channel.busySince &&= now;
      this.#seen.at = now;
    }
    if (!channel) return false;
    // What waits behind another thread's request waits for that one, however long a device takes to compile.
    const since = Math.max(channel.busySince, this.#seen.at);
    const waits = channel.busySince > 0 && now - since > this.#patience(call ?? channel.busyWith, accelerated);
    // Of another thread's stream only the worker itself tells.
    return waits || (call !== undefined && now - this.#seen.at > this.#patience(call, accelerated));
  }

  /** Milliseconds that a worker may be at one request. */
  #patience(call: keyof DepthCalls | undefined, accelerated: boolean): number {
    if (call === 'prepare' && accelerated) return COMPILE_MS;
    return this.#kind === 'checkpoint' ? BUILD_MS : HANG_MS;
  }
}
