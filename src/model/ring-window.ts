import { DepthcastError } from '../errors.ts';
import type { WindowRule } from './window.ts';

/**
 * One frame's view of a ring of states that the network itself writes (the contract's second form): it puts this frame's
 * states into the ring first and then attends to the ring alone. The object and its arrays are reused by the next step.
 */
export interface RingStep {
  /** Frames since the last reset, from 0. */
  readonly frame: number;
  /** int64[ringLength]: position of each place; 0 for one that is masked. */
  readonly slots: BigInt64Array;
  /** float[ringLength]: 0, or the rule's `emptyMask` for a place that is not seen. */
  readonly mask: Float32Array;
  /** int64[1]: the query's position. */
  readonly here: BigInt64Array;
  /** bool[ringLength] as bytes: the places that take this frame's states; all of them at the first frame. */
  readonly write: Uint8Array;
}

/** The bookkeeping of one stream's ring: as AttentionWindow, for graphs of the second form. */
export interface RingWindow {
  /** Places of the ring, this frame's included: 43 for Video Depth Anything. */
  readonly ringLength: number;
  /** The next frame's step. No allocation. */
  step(): RingStep;
  fork(): RingWindow;
  /** The next frame is the first again. It is written to every place, so that nothing of before is left to be read. */
  reset(): void;
}

/** Places of the ring that a window rule needs. */
export const ringLength = (rule: WindowRule): number => (rule.rule === 'recent' ? rule.frames + 1 : rule.farAge + 2);

/**
 * @param first frames that it begins behind
 * @throws DepthcastError BAD_MANIFEST when an anchored rule's far frame is not older than its recent ones
 */
export function createRing(rule: WindowRule, first = 0): RingWindow {
  const length = ringLength(rule);
  if (rule.rule === 'anchored' && rule.farAge < rule.slots)
    throw new DepthcastError('BAD_MANIFEST', {
      detail: `window.farAge is ${rule.farAge}, but must be at least ${rule.slots}`,
    });
  // BigInts made once: one for each slot and frame would allocate.
  const position = Array.from({ length: length + 1 }, (_, i) => BigInt(i));
  const here = new BigInt64Array(1);
  const slots = new BigInt64Array(length);
  const mask = new Float32Array(length);
  const write = new Uint8Array(length);
  const fill = rule.rule === 'recent' ? recent : anchored;
  const step: { -readonly [K in keyof RingStep]: RingStep[K] } = { frame: 0, slots, mask, here, write };
  let next = first;

  /** Frame n lies in place n mod length; a position is an age in frames, the query's is 0. */
  function recent(n: number): void {
    for (let p = 0; p < length; p++) {
      const age = (((n - p) % length) + length) % length;
      see(p, age <= n ? age : -1);
    }
    if (n > 0) write[n % length] = 1;
  }

  /** Frame 0 lies in place 0, frame n in 1 + n mod (farAge + 1): all that the rule ever looks back to. */
  function anchored(n: number): void {
    const { slots: query, farAge } = rule as WindowRule & { rule: 'anchored' };
    see(0, 0);
    here[0] = position[n === 0 ? 0 : query]!;
    const ring = farAge + 1;
    for (let p = 0; p < ring; p++) {
      const age = (((n - p) % ring) + ring) % ring;
      // The first frame sees itself alone; before frame 0 stands frame 0, which was written to every place.
      if (n === 0) see(1 + p, -1);
      else see(1 + p, age === farAge ? 1 : age <= query - 2 ? query - age : -1);
    }
    if (n > 0) write[1 + (n % ring)] = 1;
  }

  function see(place: number, at: number): void {
    slots[place] = position[Math.max(0, at)]!;
    mask[place] = at < 0 ? rule.emptyMask : 0;
  }

  return {
    ringLength: length,
    step() {
      const n = next++;
      step.frame = n;
      write.fill(n === 0 ? 1 : 0);
      fill(n);
      return step;
    },
    fork: () => createRing(rule, next),
    reset() {
      next = 0;
    },
  };
}
