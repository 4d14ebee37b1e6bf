import { DepthcastError } from '../errors.ts';
import type { ModelManifest } from './manifest.ts';

/** Which past frames a model sees, and where: ModelManifest.window. */
export type WindowRule = ModelManifest['window'];

/** What must happen to the cached states once the network has run on a frame; see StateCache.store. */
export interface WindowWrite {
  /** The cached slot that takes this frame's states. */
  readonly slot: number;
  /** Every cached slot takes them: the first frame of an anchored window. */
  readonly everywhere: boolean;
  /** Before that, FAR_SLOT takes the states that wait at this place of the delay line; -1 when none are old enough. */
  readonly fromDelay: number;
  /** And then this place of the delay line takes what `slot` held so far; -1 when that is not to be kept. */
  readonly toDelay: number;
}

/** One frame's view of the past. The object and its arrays are reused by the next step. */
export interface WindowStep {
  /** Frames since the last reset, from 0. */
  readonly frame: number;
  /** int64[slotCount]: position of each cached slot, the query last. */
  readonly slots: BigInt64Array;
  /** float[slotCount]: 0, or the rule's `emptyMask` for a slot that holds nothing yet. */
  readonly mask: Float32Array;
  readonly write: WindowWrite;
}

/** The slot of an anchored window that holds the far frame. */
export const FAR_SLOT = 1;

/**
 * The bookkeeping of one stream's temporal window. Physical slots never move: what changes from frame to
 * frame is the position that each of them stands for, and the one slot that is overwritten.
 */
export interface AttentionWindow {
  /** S of the streaming contract: the cached slots and the query. */
  readonly slotCount: number;
  /** States that wait outside the cache until they are old enough for the far slot; 0 for `recent`. */
  readonly delayCount: number;
  /** The next frame's slots and mask, and the write that must follow its run. No allocation. */
  step(): WindowStep;
  /** A window of its own that goes on from here. */
  fork(): AttentionWindow;
  /** The next frame is the first again. Whoever holds the states clears them too. */
  reset(): void;
}

/** @throws DepthcastError BAD_MANIFEST when an anchored rule's far frame is not older than its recent ones. */
export function createWindow(rule: WindowRule): AttentionWindow {
  return rule.rule === 'recent' ? recentWindow(rule.frames, rule.emptyMask, 0) : anchoredWindow(rule, 0);
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Positions as BigInt, made once: assigning `BigInt(i)` per slot and frame would allocate. */
const positions = (count: number): readonly bigint[] => Array.from({ length: count }, (_, i) => BigInt(i));

/** The one step object of a window, and its write with it. */
function reusedStep(slotCount: number): { step: Writable<WindowStep>; write: Writable<WindowWrite> } {
  const write = { slot: 0, everywhere: false, fromDelay: -1, toDelay: -1 };
  return { write, step: { frame: 0, slots: new BigInt64Array(slotCount), mask: new Float32Array(slotCount), write } };
}

/** The last `frames` frames; a position is an age in frames, the query's is 0. Frame f lives in slot f mod `frames`. */
function recentWindow(frames: number, emptyMask: number, first: number): AttentionWindow {
  const position = positions(frames + 1);
  const { step, write } = reusedStep(frames + 1);
  let next = first;
  return {
    slotCount: frames + 1,
    delayCount: 0,
    step() {
      const n = next++;
      step.frame = n;
      write.slot = n % frames;
      for (let p = 0; p < frames; p++) {
        const age = ((n + frames - 1 - p) % frames) + 1;
        step.slots[p] = position[age]!;
        step.mask[p] = age <= n ? 0 : emptyMask;
      }
      return step;
    },
    fork: () => recentWindow(frames, emptyMask, next),
    reset() {
      next = 0;
    },
  };
}

/**
 * Video Depth Anything's window (arXiv:2501.12375, streaming mode of the official code). At frame n, with
 * K = `slots`: position 0 is frame 0, position 1 frame max(0, n - farAge), position j in 2..K-1 frame
 * max(0, n - K + j), and the query stands at position K. The first frame sees only itself, at position 0, and
 * is then copied to every slot: that is the max(0, ..) above.
 *
 * The recent frames are a ring of K - 2 slots. A frame that leaves the ring waits farAge - K + 1 frames in the
 * delay line, whose length is such that the place that becomes free is always the place that is needed.
 */
function anchoredWindow(rule: WindowRule & { rule: 'anchored' }, from: number): AttentionWindow {
  const { slots: cached, farAge, emptyMask } = rule;
  const ring = cached - 2;
  const delayCount = farAge - ring - 1;
  if (delayCount < 1)
    throw new DepthcastError('BAD_MANIFEST', { detail: `window.farAge is ${farAge}, but must be at least ${cached}` });
  const position = positions(cached + 1);
  const { step, write } = reusedStep(cached + 1);
  let next = from;

  function first(): void {
    step.slots.fill(0n);
    step.mask.fill(emptyMask);
    step.mask[cached] = 0;
    write.slot = 0;
    write.everywhere = true;
    write.fromDelay = -1;
    write.toDelay = -1;
  }

  function later(n: number): void {
    step.slots[0] = 0n;
    step.slots[FAR_SLOT] = position[FAR_SLOT]!;
    step.slots[cached] = position[cached]!;
    step.mask.fill(0);
    // Frame f >= 1 lives in ring place (f - 1) mod ring, so the oldest sits where n itself will be written.
    const oldest = (n - 1) % ring;
    for (let j = 0; j < ring; j++) step.slots[2 + ((oldest + j) % ring)] = position[2 + j]!;
    write.slot = 2 + oldest;
    write.everywhere = false;
    const place = n % delayCount;
    write.fromDelay = n + 1 - farAge >= 1 ? place : -1;
    write.toDelay = n - ring >= 1 ? place : -1;
  }

  return {
    slotCount: cached + 1,
    delayCount,
    step() {
      const n = next++;
      step.frame = n;
      if (n === 0) first();
      else later(n);
      return step;
    },
    fork: () => anchoredWindow(rule, next),
    reset() {
      next = 0;
    },
  };
}
