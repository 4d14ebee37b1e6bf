import type { SessionStats } from '../src/protocol/messages.ts';
import { printTable } from '../test/support/load/table.ts';
import { allButInference, type LiveRun, runLive } from './live.ts';
import { median, record } from './record.ts';

const VIDEO = { scene: 'room', width: 640, height: 480, data: 'u16', track: 'gray' } as const;
const PLACES = { 'main thread': 0, 'a media worker': 1 } as const;
const THREADS = { auto: 0, one: 1 } as const;
const PRECISIONS = { fp32: 'fp32', int8: 'int8' } as const;
const LOADS = [
  { name: 'one stream at 30 fps', peers: 1, fps: 30, size: 256 },
  { name: 'four at 15 fps', peers: 4, fps: 15, size: 256 },
  { name: 'four at 30 fps, size auto', peers: 4, fps: 30, size: 'auto' },
] as const;

/** With the shipped network: peers on the main thread and in one media worker, in turn. */
export const benchPeers = (options?: Turns): Promise<void> =>
  inTurns('peers', 'Peers on the main thread and in a media worker', 'server.mediaWorkers', PLACES, options);

/** The shipped network in the arithmetic of each of its forms, in turn; peers where they live as shipped. */
export const benchPrecision = (options?: Turns): Promise<void> =>
  inTurns('precision', 'The embedded network in fp32 and in eight bits', 'depth.precision', PRECISIONS, options);

/** Threads of the network's session: as chosen at load, and one; peers where they live as shipped. */
export const benchThreads = (options?: Turns): Promise<void> =>
  inTurns(
    'threads',
    'The embedded network with the threads that are chosen at load and with one',
    'depth.threads',
    THREADS,
    options,
  );

interface Turns {
  seconds?: number;
  turns?: number;
  /** Loads by a part of their names; all when absent. */
  only?: string;
}

/** Live loads with each value of a setting, in turn. */
async function inTurns(
  section: string,
  title: string,
  setting: string,
  values: Readonly<Record<string, string | number>>,
  { seconds = 12, turns = 2, only = '' }: Turns = {},
): Promise<void> {
  const runs = new Map<string, LiveRun[]>();
  for (const { name, peers, fps, size } of LOADS.filter((load) => load.name.includes(only)))
    for (let turn = 0; turn < turns; turn++)
      for (const [word, value] of Object.entries(values)) {
        const settings = { 'server.mediaWorkers': 'auto', 'depth.size': size, [setting]: value };
        const key = `${name}, ${word}`;
        const run = await runLive({ ...VIDEO, peers, fps }, seconds, settings);
        runs.set(key, [...(runs.get(key) ?? []), run]);
      }
  printTable(
    `${title}, gray track and u16 data: each of ${turns} turns`,
    [
      '',
      'frames out a second',
      'p50, ms',
      'p95, ms',
      'inference, ms CPU a frame',
      'all but inference',
      'of it main thread',
    ],
    [...runs].map(([name, turnsOf]) => [name, ...cellsOf(turnsOf)]),
  );
  for (const [name, turnsOf] of runs) {
    record(`${section}: ${name}, frames out`, median(turnsOf.map(frameRate)), '1/s');
    record(`${section}: ${name}, p95`, median(turnsOf.map((run) => latency(run, 'p95'))), 'ms');
  }
}

function cellsOf(turns: readonly LiveRun[]): string[] {
  const cell = (of: (run: LiveRun) => number, digits: number) => turns.map((run) => of(run).toFixed(digits)).join(', ');
  return [
    cell(frameRate, 1),
    cell((run) => latency(run, 'p50'), 1),
    cell((run) => latency(run, 'p95'), 1),
    cell(({ cpu, frames }) => cpu.inference / frames, 1),
    cell(({ cpu, frames }) => allButInference(cpu) / frames, 1),
    cell(({ cpu, frames }) => cpu.main / frames, 2),
  ];
}

const frameRate = ({ fps }: LiveRun) => fps.reduce((sum, one) => sum + one);

/** As the server tells each of its clients, once a second: the median of all of these. */
function latency({ fleet }: LiveRun, at: keyof SessionStats['latency']): number {
  return median(fleet.flatMap(({ peers }) => peers.flatMap(({ stats }) => stats?.latency[at] ?? [])));
}
