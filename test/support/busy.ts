import { availableParallelism, loadavg } from 'node:os';

/** Processes that want each core, beyond which what the documents promise of a quiet machine cannot be asked. */
const MUCH = 3;
const FACTOR = 4;

/** By how much limits of time are stretched here and now: 1, but where others keep the machine busy. Says so then. */
export function stretch(): number {
  const load = loadavg()[0]! / availableParallelism();
  if (load < MUCH) return 1;
  console.log(`busy    ${load.toFixed(1)} processes want each core: limits of time are ${FACTOR} times as long`);
  return FACTOR;
}
