import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cgroupLimits, coresWithin, usableCores } from './cgroup.ts';

const root = mkdtempSync(join(tmpdir(), 'depthcast-test-'));
afterAll(() => rmSync(root, { recursive: true }));

it('reads the least of the limits that control groups set, of both versions', () => {
  const put = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  expect(cgroupLimits(root)).toEqual({ cpus: undefined, memory: undefined });
  put('proc/self/cgroup', '0::/a/b\n');
  put('sys/fs/cgroup/a/b/cpu.max', 'max 100000\n');
  put('sys/fs/cgroup/a/cpu.max', '150000 100000\n');
  put('sys/fs/cgroup/a/b/memory.max', '536870912\n');
  put('sys/fs/cgroup/a/memory.max', 'max\n');
  expect(cgroupLimits(root)).toEqual({ cpus: 1.5, memory: 536870912 });
  put('proc/self/cgroup', '5:memory:/c\n3:cpu,cpuacct:/c\n');
  put('sys/fs/cgroup/cpu/c/cpu.cfs_quota_us', '-1\n');
  put('sys/fs/cgroup/cpu/c/cpu.cfs_period_us', '100000\n');
  put('sys/fs/cgroup/cpu/cpu.cfs_quota_us', '50000\n');
  put('sys/fs/cgroup/cpu/cpu.cfs_period_us', '100000\n');
  put('sys/fs/cgroup/memory/c/memory.limit_in_bytes', '9223372036854771712\n');
  put('sys/fs/cgroup/memory/memory.limit_in_bytes', '1073741824\n');
  expect(cgroupLimits(root)).toEqual({ cpus: 0.5, memory: 1073741824 });
});

it('counts workers by the cores of the process and by what its control groups grant, a fraction for a whole one', () => {
  expect([coresWithin(8), coresWithin(8, 1.5), coresWithin(8, 0.2), coresWithin(2, 8)]).toEqual([8, 2, 1, 2]);
  expect(usableCores()).toBe(coresWithin(availableParallelism(), cgroupLimits().cpus));
});
