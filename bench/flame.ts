import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServerProcess } from '../test/support/load/server-process.ts';
import { Fleet } from '../test/support/load/wrtc-fleet.ts';

const VIDEO = { scene: 'room', width: 640, height: 480, fps: 30, data: 'u16', track: 'gray' } as const;
const WARM_UP_SECONDS = 30;
const SAMPLES_A_SECOND = 997;
/** V8 tells perf where its code lies; interpreted functions get frames of their own. */
const NODE_OPTIONS = '--perf-basic-prof --interpreted-frames-native-stack';
const SVG_BYTES = 64 << 20;
const NICE = 16;
/** Frames narrower than this are not drawn, in per cent. */
const MIN_WIDTH = 0.4;

/** By what is found in the stacks of a thread; a media worker's own is the busiest of the workers of ordinary priority. */
const MARKS = { v8: 'PlatformWorkerThread', worker: 'node::worker::Worker' } as const;
type Group = 'main' | 'depth' | 'v8' | 'worker' | 'pool';

/**
 * Flame graphs of one live stream's threads, on-CPU samples: main thread and libuv's pool with peers on the main thread, and a media worker.
 * Needs perf, and inferno's two programs (`cargo install inferno`) on the PATH.
 */
export async function benchFlame({ out = 'flame', seconds = 30 } = {}): Promise<void> {
  for (const program of ['perf', 'inferno-collapse-perf', 'inferno-flamegraph']) need(program);
  mkdirSync(out, { recursive: true });
  const local = await sample(0, seconds);
  draw(join(out, 'flame-main.svg'), 'Main thread, peers on it', local.main);
  draw(join(out, 'flame-pool.svg'), "libuv's pool", local.pool);
  draw(join(out, 'flame-depth.svg'), 'Depth worker', local.depth);
  const workers = await sample(1, seconds);
  draw(join(out, 'flame-media-worker.svg'), 'Media worker', workers.worker);
  console.log(`  written to ${out}`);
}

function need(program: string): void {
  try {
    execFileSync(program, ['--help'], { stdio: 'ignore' });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') throw new Error(`flame: ${program} is not on the PATH`);
  }
}

/** Folded stacks of each group of threads. */
async function sample(mediaWorkers: number, seconds: number): Promise<Record<Group, string>> {
  const server = await ServerProcess.start({
    quiet: true,
    env: { NODE_OPTIONS },
    overrides: { 'server.mediaWorkers': mediaWorkers, 'limits.utilisation': null },
  });
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-flame-'));
  let fleet: Fleet | undefined;
  try {
    fleet = new Fleet({ ...VIDEO, peers: 1, url: server.base });
    await fleet.flowing();
    await sleep(1000 * WARM_UP_SECONDS);
    const data = join(folder, 'perf.data');
    const nice = priorities(server.pid);
    const perf = spawn(
      'perf',
      ['record', '-q', '-e', 'cpu-clock', '-F', String(SAMPLES_A_SECOND), '-g', '-o', data, '-p', String(server.pid)],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const ended = new Promise((resolve) => perf.once('exit', resolve));
    await sleep(1000 * seconds);
    perf.kill('SIGINT');
    await ended;
    const text = join(folder, 'perf.txt');
    const file = openSync(text, 'w');
    execFileSync('perf', ['script', '-i', data, '-F', 'comm,pid,tid,time,event,ip,sym,dso'], {
      stdio: ['ignore', file, 'ignore'],
    });
    closeSync(file);
    return grouped(readFileSync(text, 'utf8'), server.pid, nice, folder);
  } finally {
    await fleet?.stop();
    await server.close();
    rmSync(folder, { recursive: true });
    rmSync(join(tmpdir(), `perf-${server.pid}.map`), { force: true });
  }
}

function priorities(pid: number): Map<number, number> {
  return new Map(
    readdirSync(`/proc/${pid}/task`).map((tid) => {
      const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8');
      return [Number(tid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[NICE])];
    }),
  );
}

function grouped(script: string, pid: number, nice: Map<number, number>, folder: string): Record<Group, string> {
  const threads = new Map<number, string[]>();
  for (const stack of script.split('\n\n')) {
    const tid = Number(/^\S.*?\s(?:\d+\/)?(\d+)\s/.exec(stack.trimStart())?.[1]);
    if (!Number.isNaN(tid)) threads.set(tid, [...(threads.get(tid) ?? []), stack]);
  }
  const has = (stacks: string[], mark: string) => stacks.some((stack) => stack.includes(mark));
  const groups: Record<Group, string[]> = { main: [], depth: [], v8: [], worker: [], pool: [] };
  const usual = nice.get(pid) ?? 0;
  const workers: string[][] = [];
  for (const [tid, stacks] of threads) {
    if (tid === pid) groups.main.push(...stacks);
    else if ((nice.get(tid) ?? usual) > usual) groups.depth.push(...stacks);
    else if (has(stacks, MARKS.v8)) groups.v8.push(...stacks);
    else if (has(stacks, MARKS.worker)) workers.push(stacks);
    else groups.pool.push(...stacks);
  }
  groups.worker = workers.toSorted((a, b) => b.length - a.length)[0] ?? [];
  const fold = (stacks: string[]) => {
    if (stacks.length === 0) return '';
    const file = join(folder, 'stacks.txt');
    writeFileSync(file, `${stacks.join('\n\n')}\n\n`);
    return execFileSync('inferno-collapse-perf', [file], {
      maxBuffer: SVG_BYTES,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  };
  return Object.fromEntries(Object.entries(groups).map(([name, stacks]) => [name, fold(stacks)])) as never;
}

function draw(file: string, title: string, stacks: string): void {
  // Not where this checkout lies.
  const folded = stacks.replaceAll(`file://${process.cwd()}/`, '').replaceAll(`${process.cwd()}/`, '');
  const options = ['--title', title, '--minwidth', String(MIN_WIDTH), '--hash', '--countname', 'samples'];
  const svg = execFileSync('inferno-flamegraph', options, { input: folded, maxBuffer: SVG_BYTES });
  writeFileSync(file, svg);
}
