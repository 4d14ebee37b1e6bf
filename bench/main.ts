// npm run bench: what depthcast costs and how quick it is on this machine. Medians; nothing here asserts.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { benchAnchors } from './anchors.ts';
import { benchAttacks } from './attacks.ts';
import { benchBatch } from './batch.ts';
import { compare, runSections } from './compare.ts';
import { benchEdges } from './edges.ts';
import { benchFiles } from './files.ts';
import { benchFlame } from './flame.ts';
import { benchFloor } from './floor.ts';
import { benchGpu } from './gpu.ts';
import { benchGrowth } from './growth.ts';
import { benchInference } from './inference.ts';
import { benchLinks } from './links.ts';
import { benchAdapt, benchFour, benchOne } from './live.ts';
import { benchMatte } from './matte.ts';
import { benchMediaWorkers } from './media-workers.ts';
import { benchPeers, benchPrecision, benchThreads } from './peers.ts';
import { benchPlacement } from './placement.ts';
import { type Run, recorded, writeRuns } from './record.ts';
import { benchResample } from './resample.ts';
import { benchCycles, benchSoak } from './soak.ts';
import { benchWarp } from './warp.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    input: { type: 'string' },
    only: { type: 'string' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    fps: { type: 'string' },
    'media-workers': { type: 'string' },
    out: { type: 'string' },
    device: { type: 'string' },
    markdown: { type: 'boolean' },
    json: { type: 'string' },
    rounds: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});

const settings =
  values['media-workers'] === undefined ? {} : { 'server.mediaWorkers': Number(values['media-workers']) };
const turns = {
  ...(values.seconds && { seconds: Number(values.seconds) }),
  ...(values.only && { only: values.only }),
};

const SECTIONS = {
  inference: { run: () => benchInference(), about: 'the embedded network alone' },
  live: { run: () => benchOne(settings), about: 'one stream, 30 s; --media-workers N' },
  four: { run: () => benchFour(15, 60, settings), about: 'four streams at 15 fps, 60 s; --media-workers N' },
  overload: { run: () => benchFour(30, 30, settings), about: 'four streams at 30 fps, 30 s; --media-workers N' },
  adapt: {
    run: () => benchAdapt(values.seconds ? Number(values.seconds) : undefined),
    about:
      'four streams at 30 fps, network sizes that follow the load in turn with a fixed one; three minutes; --seconds N',
  },
  floor: {
    run: () => benchFloor(settings, values.seconds ? Number(values.seconds) : undefined),
    about:
      'all but inference of a live frame over decode, scale and gray encode alone; two minutes; --seconds N, --media-workers N',
  },
  flame: {
    run: () =>
      benchFlame({
        ...(values.out && { out: values.out }),
        ...(values.seconds && { seconds: Number(values.seconds) }),
      }),
    about: "flame graphs of a live stream's threads; --out FOLDER, --seconds N; needs perf and inferno",
  },
  files: {
    run: () => benchFiles(values.input),
    about: 'depthcast run against inference alone; --input FILE for a clip of yours',
  },
  edges: { run: () => benchEdges(), about: 'depth enlarged along the edges of its picture, against synthetic scenes' },
  matte: {
    run: () => benchMatte(),
    about: 'how steady mattes of a still scene are under sensor noise, against plain thresholding',
  },
  anchors: { run: () => benchAnchors(), about: 'metres by five noisy anchors, against synthetic scenes' },
  links: {
    run: () => benchLinks(values.only),
    about:
      'publishers and viewers over impaired links (loss, delay, reordering, a narrow link, a small MTU); 15 minutes; pion needs Go; --only TEXT',
  },
  attacks: {
    run: () =>
      benchAttacks({
        only: values.only,
        markdown: values.markdown,
        ...(values.seconds && { seconds: Number(values.seconds) }),
        ...(values.rate && { rates: [1e6 * Number(values.rate)] }),
      }),
    about:
      'each attack of one peer beside an honest stream; 20 minutes; --only TEXT, --seconds N, --rate MBIT/S, --markdown',
  },
  gpu: {
    run: () =>
      benchGpu({
        device: values.device === 'cuda' ? 'cuda' : 'webgpu',
        only: values.only,
        markdown: values.markdown,
      }),
    about:
      'Video Depth Anything S, B and L on a device, with bytes copied a frame; --device webgpu|cuda, --only "S 252", --markdown',
  },
  batch: {
    run: () =>
      benchBatch({
        device: values.device === 'webgpu' ? 'webgpu' : 'cpu',
        only: values.only,
        markdown: values.markdown,
      }),
    about: 'frames of 1 to 8 streams in one run of the network; --device cpu|webgpu, --only "S 252", --markdown',
  },
  resample: {
    run: () => benchResample(),
    about: "a change of the network's size within an epoch, against a new epoch and no change",
  },
  warp: { run: () => benchWarp(), about: 'depth carried over to the newest picture, against true depth' },
  placement: {
    run: () => benchPlacement(),
    about: 'publishers come and go at 1,000 replicas, in simulated time; minutes',
  },
  cycles: { run: () => benchCycles(200), about: '200 connections, opened and closed' },
  'media-workers': {
    run: () => benchMediaWorkers({ ...(values.seconds && { seconds: Number(values.seconds) }) }),
    about:
      'CPU of the main thread and of media workers, eight streams, a constant network in place of inference; --seconds N',
  },
  peers: {
    run: () => benchPeers(turns),
    about:
      'peers on the main thread and in a media worker, with the shipped network, in turn; five minutes; --seconds N, --only TEXT (of the loads)',
  },
  threads: {
    run: () => benchThreads(turns),
    about:
      'the same loads with the threads of the embedded network that are chosen at load and with one, in turn; five minutes; --seconds N, --only TEXT (of the loads)',
  },
  precision: {
    run: () => benchPrecision(turns),
    about:
      'the same loads with the embedded network in fp32 and in eight bits, in turn; five minutes; --seconds N, --only TEXT (of the loads)',
  },
  growth: {
    run: () =>
      benchGrowth({
        ...(values.seconds && { seconds: Number(values.seconds) }),
        ...(values.only && { most: Number(values.only) }),
        ...(values.fps && { fps: Number(values.fps) }),
        ...(values.markdown && { markdown: true }),
      }),
    about:
      'CPU a frame, p95 and memory with 1 to 32 streams, a constant network in place of inference; four minutes; --seconds N a point, --only N streams at most, --fps N each, --markdown',
  },
  soak: { run: () => benchSoak(10), about: 'memory over 10 minutes' },
} as const;
type Section = keyof typeof SECTIONS;
const names = Object.keys(SECTIONS) as Section[];
const quick: Section[] = ['inference', 'live', 'four', 'overload'];

const USAGE = `npm run bench -- [SECTION ...] [--json FILE [--rounds N]]      default: inference live four overload
npm run bench -- compare OLD [SECTION ...] [--rounds N] [--markdown]

  --json FILE  writes the numbers of inference, live, four, overload, floor, adapt, media-workers and growth; --rounds N those of N
               runs, each a process of its own
  --media-workers N  of live, four, overload and floor: 0 puts peers on the main thread; as shipped when absent
  compare OLD  says what became slower by more than noise, and then ends with 1. OLD is what --json wrote, whose sections
               are run again, or the folder of another checkout, which takes turns with this one
`;

function usage(wrong?: string): never {
  if (wrong !== undefined) console.error(`${wrong}\n`);
  console.log(USAGE);
  for (const name of names) console.log(`  ${name.padEnd(13)} ${SECTIONS[name].about}`);
  process.exit(wrong === undefined ? 0 : 2);
}

const comparing = positionals[0] === 'compare';
const [old] = comparing ? positionals.splice(0, 2).slice(1) : [];
const unknown = positionals.filter((name) => !names.includes(name as Section));
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (values.help) usage();
if (unknown.length > 0) usage(`unknown: ${unknown.join(', ')}`);
if (comparing && old === undefined) usage('compare: with which file or folder?');
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1 && rounds <= 100)) usage('--rounds: 1 to 100');
if (!/^\d{1,2}$/.test(values['media-workers'] ?? '0')) usage('--media-workers: a number');
if (rounds !== undefined && !comparing && values.json === undefined) usage('--rounds: needs --json');
/** Of the sections, for runs in processes of their own. */
const args = (['seconds', 'media-workers'] as const).flatMap((name) => {
  const value = values[name];
  return value === undefined ? [] : [`--${name}`, value];
});

try {
  process.exit(await main());
} catch (thrown) {
  if (!comparing && rounds === undefined) throw thrown;
  console.error((thrown as Error).message);
  process.exit(2);
}

async function main(): Promise<number> {
  const sections = positionals as Section[];
  const { json, markdown } = values;
  if (old !== undefined) return (await compare({ old, sections, rounds, args, markdown })) ? 1 : 0;
  console.log(`${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}`);
  const chosen = sections.length > 0 ? sections : quick;
  const runs: Run[] = [];
  if (rounds === undefined) for (const name of chosen) await SECTIONS[name].run();
  else
    for (let round = 1; round <= rounds; round++) {
      console.error(`round ${round} of ${rounds}`);
      runs.push(...(await runSections(process.cwd(), chosen, args)));
    }
  if (json === undefined) return 0;
  if (rounds === undefined) runs.push(recorded());
  writeRuns(json, chosen, runs);
  if (runs.some((run) => Object.keys(run).length === 0))
    console.error(
      `${chosen.join(', ')}: nothing for --json in some of the runs; --help says which sections have numbers`,
    );
  return 0;
}
