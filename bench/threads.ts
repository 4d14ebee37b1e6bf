import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time in hundredths of a second. */
const TICK_MS = 10;

/** CPU milliseconds of each thread of this process so far, by thread id. Empty where there is no /proc. */
export function threadTimes(): Map<number, number> {
  const times = new Map<number, number>();
  let ids: string[] = [];
  try {
    ids = readdirSync('/proc/self/task');
  } catch {
    return times;
  }
  for (const id of ids) {
    try {
      const stat = readFileSync(`/proc/self/task/${id}/stat`, 'utf8');
      // The name in brackets may hold blanks; utime and stime are fields 14 and 15.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      times.set(Number(id), (Number(fields[11]) + Number(fields[12])) * TICK_MS);
    } catch {
      // The thread has ended.
    }
  }
  return times;
}

/** CPU spent between two readings by the main thread, by the threads of `inference`, and by all others (codecs, zlib, V8). */
export function cpuSplit(before: Map<number, number>, after: Map<number, number>, inference: ReadonlySet<number>) {
  const split = { main: 0, inference: 0, pool: 0 };
  for (const [id, time] of after) {
    const spent = time - (before.get(id) ?? 0);
    if (id === process.pid) split.main += spent;
    else if (inference.has(id)) split.inference += spent;
    else split.pool += spent;
  }
  return split;
}
