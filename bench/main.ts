// npm run bench: what depthcast costs and how quick it is on this machine. Medians; nothing here asserts.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { benchAnchors } from './anchors.ts';
import { benchAttacks } from './attacks.ts';
import { benchBatch } from './batch.ts';
import { benchEdges } from './edges.ts';
import { benchFiles } from './files.ts';
import { benchGpu } from './gpu.ts';
import { benchInference } from './inference.ts';
import { benchLinks } from './links.ts';
import { benchFour, benchOne } from './live.ts';
import { benchPlacement } from './placement.ts';
import { benchCycles, benchSoak } from './soak.ts';
import { benchWarp } from './warp.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    input: { type: 'string' },
    only: { type: 'string' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    device: { type: 'string' },
    markdown: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
});

const SECTIONS = {
  inference: { run: () => benchInference(), about: 'the embedded network alone' },
  live: { run: () => benchOne(), about: 'one stream, 30 s' },
  four: { run: () => benchFour(15, 60), about: 'four streams at 15 fps, 60 s' },
  overload: { run: () => benchFour(30, 30), about: 'four streams at 30 fps, 30 s' },
  files: {
    run: () => benchFiles(values.input),
    about: 'depthcast run against inference alone; --input FILE for a clip of yours',
  },
  edges: { run: () => benchEdges(), about: 'depth enlarged along the edges of its picture, against synthetic scenes' },
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
  warp: { run: () => benchWarp(), about: 'depth carried over to the newest picture, against true depth' },
  placement: {
    run: () => benchPlacement(),
    about: 'publishers come and go at 1,000 replicas, in simulated time; minutes',
  },
  cycles: { run: () => benchCycles(200), about: '200 connections, opened and closed' },
  soak: { run: () => benchSoak(10), about: 'memory over 10 minutes' },
} as const;
type Section = keyof typeof SECTIONS;
const names = Object.keys(SECTIONS) as Section[];
const quick: Section[] = ['inference', 'live', 'four', 'overload'];

const unknown = positionals.filter((name) => !names.includes(name as Section));
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`unknown: ${unknown.join(', ')}\n`);
  console.log('npm run bench -- [SECTION ...]      default: inference live four overload\n');
  for (const name of names) console.log(`  ${name.padEnd(10)} ${SECTIONS[name].about}`);
  process.exit(unknown.length > 0 ? 1 : 0);
}
console.log(`${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}`);
for (const name of positionals.length > 0 ? (positionals as Section[]) : quick) await SECTIONS[name].run();
process.exit(0);
