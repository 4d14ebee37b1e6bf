// npm run test:interop: foreign WebRTC peers against a real server, as publishers (WHIP), viewers (WHEP) and both (/ws).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ServerProcess } from '../support/load/server-process.ts';
import { MATRIX, type Task, type TaskName, tasks } from './cells.ts';
import { type ClipName, writeClip } from './clips.ts';
import { Peer } from './peer-process.ts';
import { PEERS, type PeerName, type Session } from './peers.ts';

const HELP = `Usage: npm run test:interop -- [options]

Runs foreign WebRTC peers against a depthcast server of its own and prints a table of what worked.
Peers that are missing are installed where that is possible; one that cannot be had is reported as
skipped with its reason, which is a failure when CI is set.

  --peer NAMES   only these, comma separated: ${Object.keys(PEERS).join(', ')}
  --task NAMES   only these, comma separated: ${Object.keys(tasks).join(', ')}
  --json FILE    writes the results there too
  --verbose      shows what the peers print to their standard error
  -h, --help     this text`;

const { values: cli } = parseArgs({
  options: {
    peer: { type: 'string' },
    task: { type: 'string' },
    json: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (cli.help) {
  console.log(HELP);
  process.exit(0);
}

/** Frames of each kind that must come for a cell to have worked. */
const ENOUGH = 30;
const PATIENCE_MS = 45_000;
/** Sides that agree to this share are of one shape: encoders round to even numbers. */
const SAME_SHAPE = 0.02;
const SOURCE = 'interop-source';

interface Result {
  peer: PeerName;
  task: TaskName;
  outcome: 'ok' | 'failed' | 'skipped';
  detail: string;
}

/** Depth maps that the server has made so far. A kept connection may have been closed while a peer was installed. */
async function depthsMade(server: ServerProcess): Promise<number> {
  const ask = () => server.metric('depthcast_frames_total', { outcome: 'depth' });
  return ask().catch(ask);
}

/** The counter is the whole server's: nobody else may send. A peer that was killed is missed after some seconds. */
async function quiet(server: ServerProcess): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while ((await server.metric('depthcast_sessions')) > 0) {
    if (performance.now() > deadline) throw new Error('a session of an earlier cell does not end');
    await sleep(200);
  }
}

async function runCell(server: ServerProcess, name: PeerName, taskName: TaskName, clips: string): Promise<Result> {
  const task: Task = tasks[taskName];
  if (task.mode === 'whip') await quiet(server);
  const result = { peer: name, task: taskName };
  const before = await depthsMade(server);
  const clip = task.clip ?? (task.codec as ClipName);
  const session: Session = {
    mode: task.mode,
    url: server.base,
    name: task.mode === 'whep' ? `${SOURCE}${task.query ?? ''}` : `${name}-${taskName}`,
    codec: task.codec,
    clip,
    clipFile: join(clips, `${clip}.frames`),
    options: task.options ?? [],
  };
  const peer = new Peer(PEERS[name], session, cli.verbose);
  const deadline = performance.now() + PATIENCE_MS;
  let counted: Record<'made' | 'track' | 'depth', number>;
  for (;;) {
    await sleep(100);
    counted = { made: (await depthsMade(server)) - before, track: peer.counts.track, depth: peer.counts.depth };
    if (task.counts.every((kind) => counted[kind] >= ENOUGH) || peer.counts.error !== undefined || peer.exited) break;
    if (performance.now() > deadline) break;
  }
  const { error, connected, sent, width = 0, height = 0 } = peer.counts;
  await peer.end();
  const size = task.shape === undefined ? [] : [`of ${width}x${height}`];
  const shaped = task.shape === undefined || Math.abs(width / height / task.shape - 1) < SAME_SHAPE;
  const numbers = [...task.counts.map((kind) => `${counted[kind]} ${kind}`), ...size].join(', ');
  if (error === undefined && shaped && task.counts.every((kind) => counted[kind] >= ENOUGH))
    return { ...result, outcome: 'ok', detail: numbers };
  const detail = `${error ?? (connected ? 'connected' : 'never connected')}; ${sent} sent, ${numbers}`;
  return { ...result, outcome: 'failed', detail };
}

/** Starts a publisher for the viewers and waits until it brings depth. */
async function startSource(server: ServerProcess): Promise<Peer> {
  const session = {
    mode: 'whip',
    url: server.base,
    name: SOURCE,
    codec: 'vp8',
    clip: 'vp8',
    clipFile: '',
    options: [],
  };
  const before = await depthsMade(server);
  const source = new Peer(PEERS.libwebrtc, session as Session, cli.verbose);
  const deadline = performance.now() + PATIENCE_MS;
  while ((await depthsMade(server)) - before < ENOUGH) {
    if (source.exited || performance.now() > deadline) throw new Error('the publisher for the viewers brings no depth');
    await sleep(100);
  }
  return source;
}

function prepare(name: PeerName): string | undefined {
  try {
    PEERS[name].prepare();
    return undefined;
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

function printTable(results: Result[]): void {
  const names = [...new Set(results.map(({ peer }) => peer))];
  const columns = [...new Set(results.map(({ task }) => task))];
  const mark = { ok: 'yes', failed: '**no**', skipped: 'skipped' };
  const cell = (peer: PeerName, task: TaskName) => {
    const found = results.find((result) => result.peer === peer && result.task === task);
    return found ? mark[found.outcome] : '–';
  };
  console.log(`\n| Peer | ${columns.map((task) => tasks[task].title).join(' | ')} |`);
  console.log(`|---|${columns.map(() => '---').join('|')}|`);
  for (const name of names)
    console.log(`| ${PEERS[name].title} | ${columns.map((task) => cell(name, task)).join(' | ')} |`);
}

const chosen = <T extends string>(all: readonly T[], list: string | undefined): T[] => {
  const wanted = list?.split(',');
  const unknown = wanted?.find((name) => !all.includes(name as T));
  if (unknown !== undefined) {
    console.error(`There is no ${unknown}; choose from ${all.join(', ')}`);
    process.exit(2);
  }
  return all.filter((name) => wanted?.includes(name) ?? true);
};
const peers = chosen(Object.keys(PEERS) as PeerName[], cli.peer);
const wanted = chosen(Object.keys(tasks) as TaskName[], cli.task);
const folder = mkdtempSync(join(tmpdir(), 'depthcast-interop-'));
const results: Result[] = [];
const server = await ServerProcess.start({
  // Its metrics are asked for ten times a second.
  overrides: { 'limits.utilisation': null, 'limits.requestsPerMinute': 1_000_000, 'log.level': 'warn' },
});
let source: Peer | undefined;
const finish = async () => {
  await source?.end();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
};
process.once('SIGINT', () => void finish().finally(() => process.exit(130)));

for (const clip of ['vp8', 'vp9', 'av1', 'h264', 'h264-slices', 'h265'] as const)
  await writeClip(clip, join(folder, `${clip}.frames`));
for (const name of peers) {
  const matching = MATRIX[name].filter((task) => wanted.includes(task));
  if (matching.length === 0) continue;
  const reason = prepare(name);
  // Publishers first, alone with the server, whose counter is theirs then.
  const order = [...matching].sort((a, b) => Number(tasks[a].mode !== 'whip') - Number(tasks[b].mode !== 'whip'));
  for (const task of order) {
    if (reason === undefined && tasks[task].mode === 'whep') source ??= await startSource(server);
    const startedAt = performance.now();
    let result: Result = { peer: name, task, outcome: 'skipped', detail: reason ?? '' };
    if (reason === undefined) {
      result = await runCell(server, name, task, folder);
      // A foreign program on a busy machine may fail by itself once; a fault of the server's fails again.
      if (result.outcome === 'failed') {
        console.log(`again   ${PEERS[name].title}, ${tasks[task].title}: ${result.detail}`);
        result = await runCell(server, name, task, folder);
      }
    }
    results.push(result);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(
      `${result.outcome.padEnd(8)}${PEERS[name].title}, ${tasks[task].title}: ${result.detail} (${seconds} s)`,
    );
  }
  await source?.end();
  source = undefined;
}
await finish();
printTable(results);
if (cli.json) writeFileSync(cli.json, JSON.stringify(results, null, 2));
const count = (outcome: Result['outcome']) => results.filter((result) => result.outcome === outcome).length;
console.log(`\n${count('ok')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
process.exit(count('failed') > 0 || (count('skipped') > 0 && process.env['CI']) ? 1 : 0);
