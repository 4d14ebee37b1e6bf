import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time in hundredths of a second. */
const TICK_MS = 10;

/** Fields of a thread's `stat` behind its name, from its state on. */
const USER_TIME = 11;
const SYSTEM_TIME = 12;
const NICE = 16;

/** CPU milliseconds of each thread of this process so far, by thread id. Empty where there is no /proc. */
export function threadTimes(): Map<number, number> {
  return new Map(threadStats().map(([id, stat]) => [id, (stat[USER_TIME]! + stat[SYSTEM_TIME]!) * TICK_MS]));
}

/** Threads that yield to the others, as depth workers do and the threads that they start. */
export function inferenceThreads(): Set<number> {
  const all = threadStats();
  const main = all.find(([id]) => id === process.pid)?.[1][NICE] ?? 0;
  return new Set(all.filter(([, stat]) => stat[NICE]! > main).map(([id]) => id));
}

function threadStats(): [id: number, stat: number[]][] {
  let ids: string[] = [];
  try {
    ids = readdirSync('/proc/self/task');
  } catch {
    return [];
  }
  return ids.flatMap((id): [number, number[]][] => {
    try {
      const stat = readFileSync(`/proc/self/task/${id}/stat`, 'utf8');
      // The name in brackets may hold blanks.
      return [
        [
          Number(id),
          stat
            .slice(stat.lastIndexOf(')') + 2)
            .split(' ')
            .map(Number),
        ],
      ];
    } catch {
      // The thread has ended.
      return [];
    }
  });
}

/** CPU ms by kind of thread. */
export interface CpuSplit {
  main: number;
  /** Media workers. */
  media: number;
  inference: number;
  /** libuv's pool, where zlib works and the codecs of peers on the main thread, and V8's own threads. */
  rest: number;
}

/**
 * CPU spent between two readings.
 * @param inference its threads
 * @param mediaWorkers how many have sessions or sources: of all others the busiest threads, since what they leave to others is little, and
 *   one that waits for whoever comes next has less to do than these
 */
export function cpuSplit(
  before: Map<number, number>,
  after: Map<number, number>,
  inference: ReadonlySet<number>,
  mediaWorkers: number,
): CpuSplit {
  const split: CpuSplit = { main: 0, media: 0, inference: 0, rest: 0 };
  const others: number[] = [];
  for (const [id, time] of after) {
    const spent = time - (before.get(id) ?? 0);
    if (id === process.pid) split.main += spent;
    else if (inference.has(id)) split.inference += spent;
    else others.push(spent);
  }
  others.sort((a, b) => b - a);
  split.media = sum(others.slice(0, mediaWorkers));
  split.rest = sum(others.slice(mediaWorkers));
  return split;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
