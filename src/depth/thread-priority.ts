import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

/**
 * How much a depth worker yields to the rest (added to its nice value). On a full machine inference takes every core it gets, and
 * the short work that keeps latency low - sockets, codecs, signalling - would queue behind it. Measured with four
 * streams of 30 fps on two cores: p95 latency 234 -> 115 ms, and more frames, not fewer.
 */
const YIELD = 5;

/** Lets the calling thread, and threads that it starts from now on, yield to the others of this process. Linux alone. */
export function yieldToOthers(): void {
  if (process.platform !== 'linux') return;
  try {
    // A link to PID/task/TID of whoever reads it. On Linux a nice value belongs to a thread, not to its process.
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    // From where the process stands: one that was started at another nice value is to keep its place beside other programs.
    setPriority(thread, Math.min(constants.priority.PRIORITY_LOW, getPriority(thread) + YIELD));
  } catch {
    // Without /proc, or where niceness is not ours to change, all threads stay equal.
  }
}
