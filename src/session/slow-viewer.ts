import type { VideoSender } from '../webrtc/index.ts';

/** A viewer loses this share of its packets although it is sent as little as there is. */
const HIGH_LOSS = 0.25;
/** Of the least bitrate; whoever asks for less cannot follow the track. */
const MIN_SHARE = 0.8;
/** Seconds that a viewer is sent frames before it is judged, and then is not judged again. */
const TRIAL_TICKS = 3;
const REST_TICKS = 2;

export interface ViewerState {
  /** Lost packets as the receiver reports them, 0..1. */
  fractionLost: number;
  /** bit/s. */
  targetBitrate: number;
  minBitrate: number;
  /** bit/s that the receiver says it can take, where it says so. */
  remb: number | undefined;
  /** Milliseconds that the data channel has been behind. */
  channelBehind: number;
}

/** What is known of a receiver of the gray track, or of none. */
export function stateOf(sender: VideoSender | undefined, minBitrate: number, channelBehind: number): ViewerState {
  const { fractionLost = 0, targetBitrate = Infinity, remb } = sender?.getStats() ?? {};
  return { fractionLost, targetBitrate, minBitrate, remb, channelBehind };
}

/** `send`: go on; `rest`: no frames for now; `close`: it was slow for too long. */
export type Verdict = 'send' | 'rest' | 'close';

/**
 * Judges once a second whether a viewer keeps up. One that does not gets a rest now and then, in which it loses frames,
 * and is closed when that did not help for long enough.
 */
export class SlowViewer {
  #ticks = 0;
  #resting = false;
  #slowSince: number | undefined;

  /**
   * @param now milliseconds, of any clock that does not jump
   * @param patience milliseconds
   */
  judge(state: ViewerState, now: number, patience: number): Verdict {
    if (state.channelBehind > patience) return 'close';
    if (++this.#ticks < (this.#resting ? REST_TICKS : TRIAL_TICKS)) return this.#resting ? 'rest' : 'send';
    this.#ticks = 0;
    // Nothing was sent in a rest, so nothing can be said about it.
    if (this.#resting) {
      this.#resting = false;
      return 'send';
    }
    if (!isSlow(state)) {
      this.#slowSince = undefined;
      return 'send';
    }
    this.#slowSince ??= now;
    if (now - this.#slowSince >= patience) return 'close';
    this.#resting = true;
    return 'rest';
  }
}

function isSlow({ fractionLost, targetBitrate, minBitrate, remb }: ViewerState): boolean {
  // An estimate that is out of date does not hold the target down.
  if (targetBitrate > minBitrate) return false;
  return fractionLost > HIGH_LOSS || (remb !== undefined && remb < MIN_SHARE * minBitrate);
}
