import type { VideoSender } from '../webrtc/index.ts';

/** A viewer loses this share of its packets although it is sent as little as there is. */
const HIGH_LOSS = 0.25;
/**
 * Of what it is sent, or of the least bitrate where that is less: whoever asks for less cannot follow the track. Browsers estimate
 * 0.85 of what came where packets came late, and never much more than came: of calm pictures that is less than the least bitrate.
 */
const MIN_SHARE = 0.8;
/** Seconds that a viewer is sent frames before it is judged, how many of them have to be bad, and then for how long it is sent none. */
const TRIAL_TICKS = 3;
const BAD_TICKS = 2;
const REST_TICKS = 2;

export interface ViewerState {
  /** Lost packets as the receiver reports them, 0..1. */
  fractionLost: number;
  /** bit/s. */
  targetBitrate: number;
  minBitrate: number;
  /** bit/s that the receiver says it can take, where it says so. */
  remb: number | undefined;
  /** Bytes that it was sent so far. */
  bytes: number;
  /** Milliseconds that the data channel has been behind. */
  channelBehind: number;
}

/** What is known of a receiver of the gray track, or of none. */
export function stateOf(sender: VideoSender | undefined, minBitrate: number, channelBehind: number): ViewerState {
  const { fractionLost = 0, targetBitrate = Infinity, remb, bytes = 0 } = sender?.getStats() ?? {};
  return { fractionLost, targetBitrate, minBitrate, remb, bytes, channelBehind };
}

/** `send`: go on; `rest`: no frames for now; `close`: it was slow for too long. */
export type Verdict = 'send' | 'rest' | 'close';

/**
 * Judges once a second whether a viewer keeps up. One that does not in two trials in a row gets a rest after each, in which it loses
 * frames, and is closed when that did not help for long enough. A machine that is held up for a moment is not slow: a rest
 * is a picture that stands still.
 */
export class SlowViewer {
  #ticks = 0;
  #bad = 0;
  #resting = false;
  /** Since it is slow. */
  #rested = false;
  #slowSince: number | undefined;
  #last = { bytes: 0, at: 0 };

  /**
   * @param now milliseconds, of any clock that does not jump
   * @param patience milliseconds
   */
  judge(state: ViewerState, now: number, patience: number): Verdict {
    const { bytes, at } = this.#last;
    this.#last = { bytes: state.bytes, at: now };
    const sent = (8000 * (state.bytes - bytes)) / Math.max(1, now - at);
    if (state.channelBehind > patience) return 'close';
    // Nothing is sent in a rest, so nothing can be said about it.
    if (!this.#resting && isSlow(state, sent)) this.#bad++;
    if (++this.#ticks < (this.#resting ? REST_TICKS : TRIAL_TICKS)) return this.#resting ? 'rest' : 'send';
    const slow = this.#bad >= BAD_TICKS;
    this.#ticks = 0;
    this.#bad = 0;
    if (this.#resting) {
      this.#resting = false;
      return 'send';
    }
    if (!slow || this.#slowSince === undefined) {
      this.#slowSince = slow ? now : undefined;
      this.#rested = false;
      return 'send';
    }
    if (this.#rested && now - this.#slowSince >= patience) return 'close';
    this.#rested = true;
    this.#resting = true;
    return 'rest';
  }
}

/** @param sent bit/s of the last second */
function isSlow({ fractionLost, targetBitrate, minBitrate, remb }: ViewerState, sent: number): boolean {
  // An estimate that is out of date does not hold the target down.
  if (targetBitrate > minBitrate) return false;
  return fractionLost > HIGH_LOSS || (remb !== undefined && remb < MIN_SHARE * Math.min(minBitrate, sent));
}
