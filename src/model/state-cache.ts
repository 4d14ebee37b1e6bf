import { DepthcastError } from '../errors.ts';
import { type AttentionWindow, FAR_SLOT, type WindowWrite } from './window.ts';

/** Element types of cached states, and the arrays that hold them. */
const ARRAYS = { float32: Float32Array, int16: Int16Array, int8: Int8Array } as const;
export type StateType = keyof typeof ARRAYS;
export type States = Float32Array | Int16Array | Int8Array;

export const isStateType = (type: string): type is StateType => type in ARRAYS;

/**
 * The past states of one cache tensor of one stream. Everything stands in one block of memory, so that a slot
 * is written by row copies inside it, without a temporary per row:
 *
 *     cached [tokens, S-1, channels] | delay line [delayCount, tokens, channels] | incoming [tokens, channels]
 */
export class StateCache {
  /** [tokens, S-1, channels]: the graph's input. Written in place; never while the network runs. */
  readonly cached: States;
  /** [tokens, 1, channels]: where the network should write its new states. */
  readonly incoming: States;
  readonly type: StateType;
  readonly tokens: number;
  readonly slots: number;
  readonly channels: number;
  readonly #block: States;
  #used = false;

  /** @throws DepthcastError BAD_MODEL when a dimension is not a positive integer or the cache would exceed 2 GiB. */
  constructor(
    tokens: number,
    channels: number,
    window: Pick<AttentionWindow, 'slotCount' | 'delayCount'>,
    type: StateType = 'float32',
  ) {
    const slots = window.slotCount - 1;
    const state = tokens * channels;
    const total = state * (slots + window.delayCount + 1);
    if (![tokens, channels, slots].every((n) => Number.isInteger(n) && n > 0) || total > 2 ** 29)
      throw new DepthcastError('BAD_MODEL', { detail: `a cache of ${tokens} x ${slots} x ${channels} values` });
    this.type = type;
    this.tokens = tokens;
    this.slots = slots;
    this.channels = channels;
    this.#block = new ARRAYS[type](total);
    this.cached = this.#block.subarray(0, state * slots);
    this.incoming = this.#block.subarray(total - state);
  }

  get byteLength(): number {
    return this.#block.byteLength;
  }

  /**
   * Puts a frame's states where the window says.
   * @param states [tokens, 1, channels]; `incoming` itself costs nothing, anything else is copied there first.
   */
  store(write: WindowWrite, states: States): void {
    this.#used = true;
    if (states !== this.incoming) this.incoming.set(states);
    if (write.fromDelay >= 0) this.#copy(this.#delay(write.fromDelay), 1, FAR_SLOT * this.channels, this.slots);
    if (write.toDelay >= 0) this.#copy(write.slot * this.channels, this.slots, this.#delay(write.toDelay), 1);
    const from = this.incoming.byteOffset / this.#block.BYTES_PER_ELEMENT;
    if (!write.everywhere) this.#copy(from, 1, write.slot * this.channels, this.slots);
    else for (let s = 0; s < this.slots; s++) this.#copy(from, 1, s * this.channels, this.slots);
  }

  /** What waits outside of the cache: [delayCount, tokens, channels]. */
  get waiting(): States {
    return this.#block.subarray(
      this.tokens * this.channels * this.slots,
      this.#block.length - this.tokens * this.channels,
    );
  }

  /** One of the same window with so many tokens, zeros. */
  ofTokens(tokens: number): StateCache {
    const { slots, channels, type } = this;
    return new StateCache(tokens, channels, { slotCount: slots + 1, delayCount: this.#delayCount }, type);
  }

  /** What was written into `cached` and `waiting` by others counts as states. */
  filled(): this {
    this.#used = true;
    return this;
  }

  get #delayCount(): number {
    return this.#block.length / (this.tokens * this.channels) - this.slots - 1;
  }

  /** A copy that is written apart from this one. */
  fork(): StateCache {
    const copy = this.ofTokens(this.tokens);
    if (this.#used) copy.#block.set(this.#block);
    copy.#used = this.#used;
    return copy;
  }

  /** Back to zeros. A masked slot has weight 0, but 0 times a stale NaN would still be NaN. */
  clear(): void {
    // Fresh memory is zero already: to write it would only make it resident.
    if (!this.#used) return;
    this.#used = false;
    this.#block.fill(0);
  }

  #delay(place: number): number {
    return this.tokens * this.channels * (this.slots + place);
  }

  /** Copies one state; strides are in rows of `channels` values. */
  #copy(from: number, fromStride: number, to: number, toStride: number): void {
    const { channels, tokens } = this;
    const block = this.#block;
    const fromStep = fromStride * channels;
    const toStep = toStride * channels;
    for (let t = 0, f = from, o = to; t < tokens; t++, f += fromStep, o += toStep) block.copyWithin(o, f, f + channels);
  }
}
