import { type AttentionWindow, FAR_SLOT, type WindowWrite } from '../../model/window.ts';
import type { DeviceSession } from './device-runtime.ts';
import { hostTensor, type MixedTensors, type StateHome, type StateTensors } from './state-shapes.ts';

/** Takes a frame's states into a stream's caches on the device: updateGraph, and where it writes. Its arrays are made once. */
export class StateUpdate {
  readonly #memory: Pick<StateHome<unknown>, 'run'>;
  readonly #session: DeviceSession;
  readonly #write: Uint8Array;
  /** Of the delay line, where there is one. */
  readonly #far: Uint8Array;
  readonly #keep: Uint8Array;
  readonly #from = new BigInt64Array(1);
  readonly #slot = new BigInt64Array(1);
  /** BigInts made once: one for each frame would allocate. */
  readonly #places: readonly bigint[];
  readonly #feeds: MixedTensors;
  readonly #fetches: MixedTensors = {};

  constructor(
    memory: Pick<StateHome<unknown>, 'run'>,
    session: DeviceSession,
    { slotCount, delayCount }: AttentionWindow,
  ) {
    this.#memory = memory;
    this.#session = session;
    const slots = slotCount - 1;
    this.#write = new Uint8Array(slots);
    this.#far = new Uint8Array(slots);
    this.#keep = new Uint8Array(delayCount);
    this.#places = Array.from({ length: Math.max(slots, delayCount) }, (_, i) => BigInt(i));
    this.#feeds = { write: hostTensor('bool', this.#write, [1, slots, 1]) };
    if (delayCount > 0)
      Object.assign(this.#feeds, {
        far: hostTensor('bool', this.#far, [1, slots, 1]),
        keep: hostTensor('bool', this.#keep, [1, delayCount, 1]),
        from: hostTensor('int64', this.#from, [1]),
        slot: hostTensor('int64', this.#slot, [1]),
      });
  }

  async run(
    { slot, everywhere, fromDelay, toDelay }: WindowWrite,
    { from, to, incoming }: StateTensors,
  ): Promise<void> {
    this.#write.fill(everywhere ? 1 : 0);
    this.#write[slot] = 1;
    this.#far.fill(0);
    if (fromDelay >= 0) this.#far[FAR_SLOT] = 1;
    this.#keep.fill(0);
    if (toDelay >= 0) this.#keep[toDelay] = 1;
    this.#from[0] = this.#places[Math.max(0, fromDelay)]!;
    this.#slot[0] = this.#places[slot]!;
    for (const name of Object.keys(incoming)) this.#feeds[name] = incoming[name]!;
    for (const name of Object.keys(from)) {
      this.#feeds[name] = from[name]!;
      this.#fetches[`${name.startsWith('c') ? 'n' : 'm'}${name.slice(1)}`] = to[name]!;
    }
    await this.#memory.run(this.#session, this.#feeds, this.#fetches);
  }
}
