import type { FuzzTarget } from './harness.ts';

/** Forgets the type of a target's inputs, so that targets of all kinds make one list. */
export function defineTarget<T>(target: FuzzTarget<T>): FuzzTarget {
  return target as unknown as FuzzTarget;
}
