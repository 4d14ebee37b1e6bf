import { Command, InvalidArgumentError, Option } from 'commander';
import { DEPTH_FORMATS, type DepthFormat } from '../src/protocol/index.ts';

export interface LoadOptions {
  publishers: number;
  viewers: number;
  fps: number;
  size: { width: number; height: number };
  codec: 'vp8';
  /** kbit/s; absent: what the server asks for. */
  bitrate?: number;
  /** Seconds. */
  duration: number;
  /** Seconds after the last stream was opened before anything counts; absent: none, or 5 in a comparison. */
  warmUp?: number;
  /** Streams opened a second. */
  ramp: number;
  /** Share of UDP packets lost, each way. */
  loss: number;
  /** Streams that leave and come back: share of them a second. */
  churn: number;
  data: DepthFormat | 'off';
  track: boolean;
  scene: string;
  seed: number;
  url?: string;
  token?: string;
  model?: string;
  inputSize?: number;
  /** Further settings of the own server, by dotted key. */
  set: Record<string, unknown>;
  /** Whether the own server reads the pictures' codes. */
  verify: boolean;
  check: number;
  json?: string;
  html?: string;
  findCapacity: boolean;
  maxP95: number;
  minFps: number;
  stepSeconds: number;
  compare?: (typeof COMPARED)[number];
  rounds: number;
  python: string;
  peerStyle: 'inline' | 'executor' | 'both';
  /** Each is a peer of its own. */
  peerThreads: number[];
}

/** Servers to be compared with, and all of them. */
export const COMPARED = ['aiortc', 'gstreamer', 'all'] as const;
/** Streams are numbered in six bits of the frame code. */
const MAX_STREAMS = 64;
/** A churn without a unit is for so many seconds. */
const CHURN_SECONDS = 10;
const PER: Record<string, number> = { s: 1, min: 60 };

const EXAMPLES = `
Examples:
  npm run loadtest -- --publishers 8 --viewers 2 --fps 15 --duration 60 --ramp 1/s --loss 0.02 --churn 0.1
  npm run loadtest -- --url http://localhost:8080 --publishers 2 --html report.html
  npm run loadtest -- --find-capacity --fps 15 --max-p95 200
  npm run loadtest -- --compare aiortc --publishers 2 --fps 10 --duration 20
  npm run loadtest -- --compare all --peer-threads 1,0 --find-capacity --publishers 12 --set depth.threads=1

What is measured:
  capture     the moment a picture, with its number in black and white squares, is handed to the peer's encoder
  latency     data: capture to the whole depth packet; track: capture to the last packet of the gray frame;
              server: of that, last packet of the picture in to last packet of its depth out
  frames are told apart by their RTP timestamp; which picture that was follows from the uneven rhythm of captures
  wrong       depth whose timestamp names no picture, or (own server) another one than the network was shown
  The load shares the machine with the server: streams per core are counted by the server's own CPU time.`;

/** @throws CommanderError where an option is unknown or its value makes no sense */
export function parseOptions(argv: readonly string[], command = loadCommand()): LoadOptions {
  command.parse([...argv], { from: 'user' });
  const options = command.opts<LoadOptions>();
  if (options.viewers > 0 && options.compare) command.error('error: --viewers cannot be used with --compare');
  if (options.url && (options.model || options.inputSize || Object.keys(options.set).length > 0))
    command.error('error: --model, --input-size and --set are for the own server, not with --url');
  if (options.url && options.compare) command.error('error: --compare starts its own servers, not with --url');
  if (!options.track && options.data === 'off') command.error('error: with --no-track and --data off nothing returns');
  return options;
}

export function loadCommand(): Command {
  return new Command('npm run loadtest --')
    .description('Puts a depth server under load with independent WebRTC peers, and measures what comes back.')
    .option('--publishers <n>', 'streams', whole(1, MAX_STREAMS), 4)
    .option(
      '--viewers <n>',
      'WHEP viewers, spread over the streams; a stream with viewers is published by WHIP',
      whole(0, 256),
      0,
    )
    .option('--fps <n>', 'pictures a second of each stream', number(1, 60), 15)
    .addOption(
      new Option('--size <WxH>', 'picture size in pixels')
        .argParser(size)
        .default({ width: 640, height: 480 }, '640x480'),
    )
    .addOption(
      new Option('--codec <name>', 'of the streams; what both this load and the server speak')
        .choices(['vp8'])
        .default('vp8'),
    )
    .option(
      '--bitrate <kbit/s>',
      'of each stream (default: what the server asks for; 1000 in a comparison)',
      whole(50, 20_000),
    )
    .option('--duration <seconds>', 'that are measured; in a comparison of each turn', number(2, 86_400), 30)
    .option(
      '--warm-up <seconds>',
      'after the last stream was opened, before anything counts (default: 0; 5 in a comparison)',
      number(0, 3600),
    )
    .option('--ramp <n/s>', 'streams opened a second, as 1/s or 30/min', rate, 1)
    .option('--loss <share>', 'share of UDP packets lost, each way, 0 to 0.5', number(0, 0.5), 0)
    .option(
      '--churn <share>',
      'share of the streams that leave and come back in ten seconds; or as 0.1/s, 0.1/min',
      churn,
      0,
    )
    .option('--url <url>', 'a server that runs already (default: one is started, on a free port)')
    .option('--token <text>', 'bearer token')
    .option('--model <name|file>', 'depth model of the own server')
    .option('--input-size <pixels>', "network size of the own server (default: the model's)", whole(16, 4096))
    .option('--set <key=value>', 'a setting of the own server, as limits.streams=64; may be repeated', setting, {})
    .addOption(
      new Option('--data <format>', 'depth packets asked for').choices([...DEPTH_FORMATS, 'off']).default('u16'),
    )
    .option('--no-track', 'ask for no gray track')
    .option('--scene <name>', 'synthetic scene', 'room')
    .option('--seed <n>', 'of scene, rhythm and losses', whole(0, 1_000_000), 1)
    .option(
      '--check <seconds>',
      "compare a map of each stream with the scene's truth so often; 0 for never",
      number(0, 3600),
      2,
    )
    .option('--no-verify', 'do not let the own server read the numbers in the pictures')
    .option('--json <file>', 'write the report as JSON')
    .option('--html <file>', 'write the report as a page with plots')
    .option('--find-capacity', 'add streams until p95 or the frame rate breaks', false)
    .option('--max-p95 <ms>', 'latency at which capacity is reached', number(1, 60_000), 200)
    .option('--min-fps <share>', 'share of --fps below which capacity is reached', number(0.05, 1), 0.9)
    .option('--step-seconds <n>', 'measured at each number of streams', number(3, 600), 12)
    .addOption(
      new Option('--compare <peer>', 'alternate with another server that runs the same network').choices(COMPARED),
    )
    .option('--rounds <n>', 'of a comparison', whole(1, 20), 2)
    .option(
      '--python <program>',
      'that has aiortc, or GStreamer (Debian: python3-aiortc, python3-gi)',
      '/usr/bin/python3',
    )
    .addOption(
      new Option('--peer-style <style>', 'where aiortc runs its network')
        .choices(['inline', 'executor', 'both'])
        .default('inline'),
    )
    .option(
      '--peer-threads <n,...>',
      "of the peer's network; 0 for the engine's choice, as is usual; several are peers of their own",
      (text) => text.split(',').map(whole(0, 64)),
      [0],
    )
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(--help lists what there is)');
}

function refuse(expected: string): never {
  throw new InvalidArgumentError(`${expected} is expected.`);
}

function number(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    return text.trim() !== '' && value >= min && value <= max ? value : refuse(`a number from ${min} to ${max}`);
  };
}

function whole(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    return /^\d+$/.test(text) && value >= min && value <= max ? value : refuse(`a whole number from ${min} to ${max}`);
  };
}

function size(text: string): { width: number; height: number } {
  const match = /^(\d+)x(\d+)$/.exec(text);
  const [width, height] = [Number(match?.[1]), Number(match?.[2])];
  // I420 halves both sides, and cells of the code want some pixels.
  const fits = (side: number, least: number) => side >= least && side <= 4096 && side % 2 === 0;
  return fits(width, 160) && fits(height, 120) ? { width, height } : refuse('an even size from 160x120, as 640x480,');
}

/** Per second. */
function rate(text: string): number {
  const match = /^([\d.]+)(?:\/(s|min))?$/.exec(text);
  const value = Number(match?.[1]) / PER[match?.[2] ?? 's']!;
  return value > 0 && value <= 100 ? value : refuse('a rate as 1/s or 30/min');
}

function churn(text: string): number {
  const match = /^([\d.]+)(?:\/(s|min))?$/.exec(text);
  const share = Number(match?.[1]);
  const value = share / (match?.[2] ? PER[match[2]]! : CHURN_SECONDS);
  return match && share <= 1 && value >= 0 ? value : refuse('a share up to 1, as 0.1, 0.1/s or 0.1/min,');
}

function setting(text: string, before: Record<string, unknown>): Record<string, unknown> {
  const match = /^(\w+\.\w+)=(.*)$/.exec(text);
  if (!match) return refuse('a setting as limits.streams=64');
  let value: unknown = match[2];
  try {
    value = JSON.parse(match[2]!);
  } catch {
    // Plain text.
  }
  return { ...before, [match[1]!]: value };
}
