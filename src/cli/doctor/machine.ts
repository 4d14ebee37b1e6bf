import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, freemem, loadavg, platform, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';
import { cgroupLimits, usableCores } from '../../cgroup.ts';
import type { Config } from '../../config/schema.ts';
import { type Finding, gibibytes, inArea } from './finding.ts';

const run = promisify(execFile);
const { ok, warn, fail } = inArea('machine');
/** package.json's engines, and what the tests run on. */
const OLDEST_NODE: readonly [number, number] = [20, 19];
/** Of one small model, its worker, and a few streams. */
const MIN_MEMORY = 2 ** 30;
/** Files and sockets that a server holds besides connections and streams. */
const OWN_FILES = 64;
const FILES_PER_STREAM = 4;
/** A clock that runs so differently from the one that only counts is being set. */
const CLOCK_SLACK_MS = 50;
const CLOCK_WATCH_MS = 250;
const PROGRAM_WRITTEN = Date.UTC(2026, 0);
const FAR_FUTURE = Date.UTC(2100, 0);

export function nodeVersion(version = process.versions.node): Finding[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const old = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  if (old) return [fail('Node', version, `install Node ${OLDEST_NODE.join('.')} or newer from https://nodejs.org`)];
  return [ok('Node', `${version}, supported`)];
}

export function system(): Finding[] {
  return [ok('system', `${type()} ${release()}, ${arch()}${distribution()}`)];
}

/** Model, features, what may be used of it, and how busy it is. */
export async function processor(): Promise<Finding[]> {
  const cores = availableParallelism();
  const seen = cpus();
  const model = seen[0]?.model.trim() || 'unknown model';
  const [oneMinute = 0] = loadavg();
  const busy = oneMinute > 1.5 * cores;
  const load = `${oneMinute.toFixed(1)} over the last minute on ${cores} cores`;
  return [
    ok('processor', `${model}, ${cores} of ${seen.length} cores may be used`),
    await features(),
    busy
      ? warn('load', load, 'other programs take the cores: frame rates and times will be worse than need be')
      : ok('load', load),
  ];
}

export function limits(): Finding[] {
  const findings: Finding[] = [];
  const cores = availableParallelism();
  const { cpus: quota, memory } = cgroupLimits();
  if (quota === undefined) findings.push(ok('CPU limit', 'none'));
  else
    findings.push(
      ok('CPU limit', `${quota.toFixed(2)} of ${cores} cores (cgroup): workers are counted by ${usableCores()}`),
    );
  const total = Math.min(memory ?? Number.POSITIVE_INFINITY, totalmem());
  const text = `${gibibytes(total)}${memory !== undefined && memory < totalmem() ? ' (cgroup)' : ''}, ${gibibytes(freemem())} free on the machine`;
  findings.push(
    total < MIN_MEMORY
      ? warn(
          'memory',
          text,
          'give it 1 GiB or more: with the embedded model a server takes about 300 MiB, 60 to 70 more for each media worker and more with streams; Video Depth Anything takes several GB',
        )
      : ok('memory', text),
  );
  return findings;
}

/** Open files, against what the settings allow to connect. */
export async function fileLimit(config: Config): Promise<Finding[]> {
  const limit = await openFiles();
  if (limit === undefined) return [];
  const { connections, streams } = config.limits;
  const needed = connections + FILES_PER_STREAM * streams + OWN_FILES;
  const text = Number.isFinite(limit) ? `${limit}` : 'unlimited';
  if (limit >= needed) return [ok('open files', text)];
  const advice = `limits.connections and limits.streams may need ${needed}: raise it (ulimit -n, LimitNOFILE=) or lower them`;
  return [warn('open files', text, advice)];
}

/** Tokens that expire, capture times and TLS all need the right time. */
export async function clock(): Promise<Finding[]> {
  const now = Date.now();
  const text = new Date(now).toISOString();
  if (now < PROGRAM_WRITTEN || now > FAR_FUTURE)
    return [warn('clock', text, 'set the clock (timedatectl set-ntp true): tokens and capture times will be wrong')];
  const [wall, steady] = [now, performance.now()];
  await new Promise((resolve) => setTimeout(resolve, CLOCK_WATCH_MS));
  const drift = Date.now() - wall - (performance.now() - steady);
  if (Math.abs(drift) > CLOCK_SLACK_MS)
    return [
      warn(
        'clock',
        `jumped by ${drift.toFixed(0)} ms while it was watched`,
        'let it be slewed, not stepped (chrony, systemd-timesyncd)',
      ),
    ];
  return [ok('clock', text)];
}

async function openFiles(): Promise<number | undefined> {
  if (platform() === 'linux') {
    const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  }
  if (platform() === 'win32') return undefined;
  const { stdout } = await run('sh', ['-c', 'ulimit -n'], { timeout: 2000 });
  return stdout.trim() === 'unlimited' ? Number.POSITIVE_INFINITY : Number(stdout);
}

/** By names in /proc/cpuinfo and in sysctl. What onnxruntime's kernels ask for. */
const WANTED = {
  x64: {
    avx2: 'AVX2',
    fma: 'FMA',
    avx512f: 'AVX-512',
    avx512_vnni: 'AVX-512 VNNI',
    avx_vnni: 'AVX VNNI',
    amx_int8: 'AMX int8',
    amx_bf16: 'AMX bf16',
  },
  arm64: { asimd: 'NEON', asimdhp: 'fp16', asimddp: 'dot product', i8mm: 'int8 matrices', bf16: 'bf16', sve: 'SVE' },
} as const;
const SYSCTL: Record<string, string> = {
  AdvSIMD: 'asimd',
  FEAT_FP16: 'asimdhp',
  FEAT_DotProd: 'asimddp',
  FEAT_I8MM: 'i8mm',
  FEAT_BF16: 'bf16',
};

async function features(): Promise<Finding> {
  const flags = await cpuFlags();
  if (flags === undefined) return ok('features', 'not known on this system');
  return featuresOf(flags, arch());
}

/** @param flags as /proc/cpuinfo names them */
export function featuresOf(flags: ReadonlySet<string>, architecture: string): Finding {
  const wanted: Record<string, string> = architecture === 'arm64' ? WANTED.arm64 : WANTED.x64;
  const has = Object.keys(wanted).filter((flag) => flags.has(flag));
  const lacks = Object.keys(wanted).filter((flag) => !flags.has(flag));
  const names = (list: string[]) => list.map((flag) => wanted[flag]).join(', ') || 'none';
  const text = `${names(has)}${lacks.length > 0 ? `; not ${names(lacks)}` : ''}`;
  if (architecture === 'x64' && !flags.has('avx2'))
    return warn(
      'features',
      text,
      'without AVX2 a frame takes several times as long: use a newer machine, or a virtual one that passes the host CPU on',
    );
  return ok('features', text);
}

async function cpuFlags(): Promise<Set<string> | undefined> {
  if (platform() === 'linux') {
    const [, flags] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? [];
    return flags === undefined ? undefined : new Set(flags.split(/\s+/));
  }
  if (platform() !== 'darwin') return undefined;
  const { stdout } = await run('sysctl', ['-a', 'machdep.cpu', 'hw.optional'], { timeout: 3000, maxBuffer: 1 << 20 });
  if (arch() !== 'arm64') return new Set(stdout.toLowerCase().split(/[\s:]+/));
  const on = [...stdout.matchAll(/^hw\.optional\.(?:arm\.)?(\w+): 1$/gm)].map(([, name]) => SYSCTL[name!]);
  return new Set(on.filter((name) => name !== undefined));
}

function distribution(): string {
  try {
    const [, name] = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? [];
    return name ? `, ${name}` : '';
  } catch {
    return '';
  }
}
