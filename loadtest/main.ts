// npm run loadtest: independent WebRTC peers against a depth server. --help says what is measured and how.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { style } from '../src/cli/terminal.ts';
import { loadConfig } from '../src/config/load.ts';
import { DepthcastError, toDepthcastError } from '../src/errors.ts';
import { findModel } from '../src/model/library.ts';
import { allowedSizes } from '../src/model/size.ts';
import { findCapacity } from './capacity.ts';
import { renderHtml } from './html.ts';
import { LiveView } from './live-view.ts';
import { LoadRun } from './load-run.ts';
import { type LoadOptions, parseOptions } from './options.ts';
import { printCapacity, printComparison, printResult } from './print.ts';
import { compare, describeMachine, type LoadReport, type TargetReport } from './report.ts';
import { remoteServer, SETTINGS_FILE, startOwnServer, startPeerServer, type Target } from './targets.ts';

/** Streams of a comparison settle before they are measured. */
const SETTLE_SECONDS = 5;
/** Packets on their way still count. */
const LAST_MS = 600;

const parsed = parseOptions(process.argv.slice(2));
/** In a comparison both servers do the same work: the same video in, a gray track and nothing else out. */
const options: LoadOptions = parsed.compare ? { bitrate: 1000, ...parsed, data: 'off', track: true } : parsed;
let stopped = false;
let wake = () => {};

process.on('SIGINT', () => {
  if (stopped) process.exit(130);
  stopped = true;
  console.log(style.dim('\nending the streams; once more to stop at once'));
  wake();
});
process.on('SIGTERM', () => process.emit('SIGINT'));

/** A second, or less when the run is stopped. */
function second(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1000);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
    if (stopped) wake();
  });
}

function ownServer({ url, model, inputSize, set, verify, compare: peer, token }: LoadOptions): Promise<Target> {
  if (url) return Promise.resolve(remoteServer(url));
  const overrides = {
    ...(model === undefined ? {} : { 'depth.model': model }),
    ...(inputSize === undefined ? {} : { 'depth.size': inputSize }),
    ...(token === undefined ? {} : { 'server.tokens': [token] }),
    // The load comes from one address, and is to find out what breaks.
    'limits.streams': 64,
    'limits.utilisation': null,
    'limits.sessionsPerAddress': 4096,
    'limits.setupsPerAddress': 4096,
    'limits.connectionsPerAddress': 4096,
    'limits.requestsPerMinute': 1_000_000,
    ...set,
  };
  return startOwnServer({ overrides, readCodes: verify && !peer });
}

/** Runs one server's turn, from its start to its end. */
async function measure(start: () => Promise<Target>, view: LiveView): Promise<TargetReport | undefined> {
  const target = await start();
  const run = new LoadRun(target, options);
  const tick = async () => {
    await second();
    const moment = await run.tick();
    view.show(target.name, moment);
    return moment;
  };
  try {
    if (options.findCapacity) {
      await run.start(2);
      const capacity = await findCapacity(run, options, tick, () => stopped);
      view.clear();
      printCapacity(target.name, capacity);
      return { name: target.name, primary: run.primary, timeline: run.timeline, result: run.endWindow(), capacity };
    }
    await run.start(options.publishers);
    run.setStreams(options.publishers);
    const warmUp = options.warmUp ?? (options.compare ? SETTLE_SECONDS : 0);
    if (warmUp > 0) {
      for (let s = 0; s < warmUp + options.publishers / options.ramp && !stopped; s++) await tick();
      run.beginWindow();
    }
    for (let s = 0; s < options.duration && !stopped; s++) await tick();
    await new Promise((resolve) => setTimeout(resolve, LAST_MS));
    const report = { name: target.name, primary: run.primary, timeline: run.timeline, result: run.endWindow() };
    view.clear();
    printResult(report);
    return report;
  } finally {
    view.clear();
    await run.stop();
    await target.stop();
  }
}

/** The network that both servers of a comparison run. The peer knows this project's own kind alone. */
function comparedModel(): { file: string; size: number } {
  const { depth } = loadConfig({ file: SETTINGS_FILE, env: process.env });
  const { manifest, file } = findModel(options.model ?? depth.model);
  if (manifest.kind !== 'graph' || manifest.window.rule !== 'recent' || !('longSides' in manifest.size))
    throw new DepthcastError('BAD_OPTION', {
      detail: `${manifest.name} cannot be compared: the peer runs embedded models`,
    });
  const configured = typeof depth.size === 'number' ? depth.size : allowedSizes(manifest).default;
  return { file, size: options.inputSize ?? configured };
}

function turns(): (() => Promise<Target>)[] {
  const { compare: peer, peerStyle, peerThreads, python } = options;
  if (!peer) return [() => ownServer(options)];
  const { file: model, size } = comparedModel();
  const styles = peerStyle === 'both' ? (['inline', 'executor'] as const) : [peerStyle];
  const kinds = peer === 'all' ? (['aiortc', 'gstreamer'] as const) : [peer];
  const peers = kinds.flatMap((kind) =>
    (kind === 'aiortc' ? styles : (['inline'] as const)).flatMap((style) =>
      peerThreads.map((threads) => () => startPeerServer({ kind, model, size, python, style, threads })),
    ),
  );
  return Array.from({ length: options.rounds }, () => [() => ownServer(options), ...peers]).flat();
}

async function main(): Promise<void> {
  const machine = describeMachine();
  const startedAt = new Date().toISOString();
  console.log(
    `${machine.processor}, ${machine.cores} cores, Node ${machine.node}, load before ${machine.loadBefore.toFixed(1)}`,
  );
  // A report that cannot be written is better known before than after the run.
  for (const file of [options.json, options.html])
    if (file) await mkdir(dirname(file), { recursive: true }).then(() => writeFile(file, ''));
  const targets: TargetReport[] = [];
  for (const turn of turns()) {
    if (stopped) break;
    const report = await measure(turn, new LiveView());
    if (report) targets.push(report);
  }
  const { token: _, ...shown } = options;
  const report: LoadReport = {
    version: 1,
    startedAt,
    command: `npm run loadtest -- ${process.argv
      .slice(2)
      .map((word) => (word === options.token ? '***' : word))
      .join(' ')}`,
    machine,
    options: shown,
    stoppedEarly: stopped,
    targets,
    ...(options.compare && !stopped ? { comparison: compare(targets, options.fps) } : {}),
  };
  if (report.comparison) printComparison(report.comparison);
  if (options.json) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.html) await writeFile(options.html, renderHtml(report));
  for (const file of [options.json, options.html]) if (file) console.log(`  written: ${file}`);
  if (stopped) process.exit(130);
  const barren = targets.filter(({ result, capacity }) =>
    capacity ? capacity.steps.length === 0 : result.depth === 0,
  );
  for (const { name } of barren) console.error(`${style.red('error')} no depth came back from ${name}`);
  process.exit(barren.length > 0 ? 1 : 0);
}

main().catch((thrown: unknown) => {
  const error = toDepthcastError(thrown);
  console.error(`${style.red('error')} ${style.dim(error.code)} ${error.message}`);
  process.exit(1);
});
