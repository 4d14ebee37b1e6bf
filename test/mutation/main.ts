// npm run mutate: puts one fault at a time into a source file, and looks whether a test of it notices.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Outcome, Work } from './child.ts';
import { type Mutant, mutantsOf, sample } from './mutants.ts';

/** What is tried, and by which tests. */
const SUBJECTS: Record<string, string[]> = {
  'src/protocol/packet.ts': ['src/protocol/packet.test.ts', 'src/protocol/vectors.test.ts'],
  'src/protocol/chunks.ts': ['src/protocol/chunks.test.ts', 'client/sdk/frames.test.ts'],
  'src/webrtc/rtp/assembler.ts': ['src/webrtc/rtp/assembler.test.ts', 'src/webrtc/peer/link.test.ts'],
  'src/webrtc/rtp/frame-builder.ts': [
    'src/webrtc/rtp/frame-builder.test.ts',
    'src/webrtc/rtp/assembler.test.ts',
    'src/webrtc/peer/link.test.ts',
  ],
  'src/webrtc/rtp/nack.ts': ['src/webrtc/rtp/nack.test.ts'],
  'src/webrtc/rtp/reception.ts': ['src/webrtc/rtp/reception.test.ts'],
  'src/model/state-cache.ts': ['src/model/window.test.ts', 'src/depth/**/stream-runner.test.ts'],
  'src/model/window.ts': ['src/model/window.test.ts'],
  'src/depth/range.ts': ['src/depth/range.test.ts'],
  'src/server/authorizer.ts': ['src/server/authorizer.test.ts'],
  'src/config/rights.ts': ['src/config/rights.test.ts', 'src/server/authorizer.test.ts'],
};
const DEFAULT_MUTANTS = 40;
const DEFAULT_PATIENCE_S = 60;
const USAGE = `npm run mutate -- [--mutants N] [--patience N] [--all] [FILE ...]

Puts one fault at a time into each source file and runs its tests: a mutant that no test notices has survived.

  --mutants N    of each file, spread evenly; ${DEFAULT_MUTANTS} by default
  --all          every mutant
  --patience N   seconds after which a mutant that ends no test counts as noticed; ${DEFAULT_PATIENCE_S} by default

Files:
${Object.keys(SUBJECTS)
  .map((file) => `  ${file}`)
  .join('\n')}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', short: 'h' },
    all: { type: 'boolean' },
    mutants: { type: 'string', default: `${DEFAULT_MUTANTS}` },
    patience: { type: 'string', default: `${DEFAULT_PATIENCE_S}` },
  },
});
const unknown = positionals.filter((file) => SUBJECTS[file] === undefined);
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`unknown: ${unknown.join(', ')}\n`);
  console.log(USAGE);
  process.exit(unknown.length > 0 ? 1 : 0);
}
const count = values.all ? Number.POSITIVE_INFINITY : Number(values.mutants);
const patienceMs = Number(values.patience) * 1000;

let [noticed, tried] = [0, 0];
for (const [file, tests] of Object.entries(SUBJECTS)) {
  if (positionals.length > 0 && !positionals.includes(file)) continue;
  const all = mutantsOf(readFileSync(file, 'utf8'));
  const mutants = sample(all, count);
  const survivors = await survivorsOf({ file, tests, mutants });
  noticed += mutants.length - survivors.length;
  tried += mutants.length;
  console.log(`${file}: ${mutants.length - survivors.length} of ${mutants.length} noticed (${all.length} in all)`);
  for (const { line, from, to } of survivors)
    console.log(`  survived  ${file}:${line}  ${from.trim()} -> ${to.trim()}`);
}
console.log(`\n${noticed} of ${tried} mutants noticed, ${((100 * noticed) / tried).toFixed(0)} %`);

async function survivorsOf({ file, tests, mutants }: Work): Promise<Mutant[]> {
  const survivors: Mutant[] = [];
  for (let done = 0; done < mutants.length; ) {
    const rest = mutants.slice(done);
    const passed = await outcomes({ file, tests, mutants: rest });
    if (passed.length === 0 || !passed[0]) throw new Error(`${file}: its tests fail without any mutant`);
    survivors.push(...rest.filter((_mutant, i) => passed[i + 1]));
    // The one that no answer came for is noticed, by never ending.
    done += passed.length;
  }
  return survivors;
}

/** Whether the tests passed, without a mutant and with each, up to the first that makes them go on for ever. */
function outcomes(work: Work): Promise<boolean[]> {
  return new Promise((resolve) => {
    const passed: boolean[] = [];
    const child = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      detached: true,
    });
    // Its workers too, one of which may be in a loop.
    const end = () => process.kill(-child.pid!, 'SIGKILL');
    let timer = setTimeout(end, 2 * patienceMs);
    child.on('message', (outcome: Outcome) => {
      passed.push(outcome.passed);
      clearTimeout(timer);
      timer = setTimeout(end, patienceMs);
    });
    child.once('exit', () => {
      clearTimeout(timer);
      resolve(passed);
    });
    child.send(work);
  });
}
