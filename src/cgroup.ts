import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

export interface CgroupLimits {
  /** Cores, as a number with a fraction; undefined without a limit. */
  cpus: number | undefined;
  /** Bytes. */
  memory: number | undefined;
}

/** Version 1 writes a number near 2^63 where there is no limit. */
const NO_LIMIT = 2 ** 60;

/**
 * What this process's control groups grant, the least along the way up (cgroups(7), version 2 and 1).
 * @param root of the file system, for tests
 */
export function cgroupLimits(root = '/'): CgroupLimits {
  const read = (...path: string[]): string | undefined => {
    try {
      return readFileSync(join(root, ...path), 'utf8').trim();
    } catch {
      return undefined;
    }
  };
  const cpus: number[] = [];
  const memory: number[] = [];
  const take = (list: number[], value: number) => {
    if (value > 0 && value < NO_LIMIT) list.push(value);
  };
  for (const line of read('proc/self/cgroup')?.split('\n') ?? []) {
    const [, controllers = '', path = '/'] = line.split(':');
    const two = controllers === '';
    const mount = two ? 'sys/fs/cgroup' : join('sys/fs/cgroup', controllers.includes('cpu') ? 'cpu' : 'memory');
    if (!two && !/\b(cpu|memory)\b/.test(controllers)) continue;
    for (let at = path; ; at = dirname(at)) {
      if (two) {
        const [quota, period] = read(mount, at, 'cpu.max')?.split(' ') ?? [];
        take(cpus, Number(quota) / Number(period));
        take(memory, Number(read(mount, at, 'memory.max')));
      } else {
        take(cpus, Number(read(mount, at, 'cpu.cfs_quota_us')) / Number(read(mount, at, 'cpu.cfs_period_us')));
        take(memory, Number(read(mount, at, 'memory.limit_in_bytes')));
      }
      // A container sees paths of its host that are not there: the mount's top is its own group.
      if (at === '/' || at === '.') break;
    }
  }
  return {
    cpus: cpus.length > 0 ? Math.min(...cpus) : undefined,
    memory: memory.length > 0 ? Math.min(...memory) : undefined,
  };
}

let cores: number | undefined;

/**
 * Cores that threads and workers are counted by: those that this process may run on, and no more than its control groups grant, rounded up,
 * of which Node does not know. As they were when it was first asked.
 */
export function usableCores(): number {
  cores ??= coresWithin(availableParallelism(), cgroupLimits().cpus);
  return cores;
}

/** @param quota cores, with a fraction; undefined without a limit */
export const coresWithin = (cores: number, quota = Number.POSITIVE_INFINITY): number =>
  Math.max(1, Math.min(cores, Math.ceil(quota)));
