// npm run fuzz: damaged inputs against every parser of untrusted input.
import { parseArgs } from 'node:util';
import { type FuzzReport, fuzz } from './harness.ts';
import { TARGETS } from './targets.ts';

const DEFAULT_SECONDS = 20;
const USAGE = `npm run fuzz -- [--seconds N] [--runs N] [--seed N] [TARGET ...]

Feeds damaged inputs to parsers and guards. Each input has to be read, or refused with one of depthcast's own errors,
in bounded time and memory. The first that is not is shrunken and printed with its seed, and ends the run.

  --seconds N   for each target; ${DEFAULT_SECONDS} by default, without a limit when --runs is given
  --runs N      inputs for each target
  --seed N      makes the same inputs again
  --json        one line of JSON for each target

Examples:
  npm run fuzz
  npm run fuzz -- --runs 1000000 sdp rtp
  npm run fuzz -- --seed 1234 --runs 50000 pickle

Targets:
${TARGETS.map(({ name, about }) => `  ${name.padEnd(14)} ${about}`).join('\n')}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', short: 'h' },
    seconds: { type: 'string' },
    runs: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'boolean' },
  },
});
const number = (name: 'seconds' | 'runs' | 'seed'): number | undefined => {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && (value > 0 || name === 'seed')) return value;
  console.error(`--${name} takes a whole number, not ${text}`);
  process.exit(1);
};
const unknown = positionals.filter((name) => !TARGETS.some((target) => target.name === name));
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`unknown: ${unknown.join(', ')}\n`);
  console.log(USAGE);
  process.exit(unknown.length > 0 ? 1 : 0);
}

const runs = number('runs');
const seconds = number('seconds') ?? (runs === undefined ? DEFAULT_SECONDS : undefined);
const seed = number('seed');
const live = process.stdout.isTTY && !values.json;
let failed = false;
// What is thrown where nobody awaits it is a finding too.
process.on('unhandledRejection', (reason) => {
  throw reason;
});

for (const target of TARGETS) {
  if (positionals.length > 0 && !positionals.includes(target.name)) continue;
  const show = (inputs: number) => live && process.stdout.write(`\r  ${target.name.padEnd(14)} ${inputs}`);
  try {
    const report = await fuzz(target, {
      ...(runs === undefined ? {} : { runs }),
      ...(seconds === undefined ? {} : { seconds }),
      ...(seed === undefined ? {} : { seed }),
      onProgress: (inputs) => inputs % 4096 === 0 && show(inputs),
    });
    console.log(values.json ? JSON.stringify(report) : `${live ? '\r' : ''}${line(report)}`);
  } catch (thrown) {
    failed = true;
    console.error(`${live ? '\r' : ''}${(thrown as Error).stack}\ncaused by ${String((thrown as Error).cause)}`);
    break;
  }
}
process.exit(failed ? 1 : 0);

function line({ target, inputs, accepted, refused, seconds, slowestMs, memoryMb, seed }: FuzzReport): string {
  const codes = Object.entries(refused).map(([code, count]) => `${code} ${count}`);
  const parts = [
    target.padEnd(14),
    `${inputs} inputs in ${seconds.toFixed(0)} s`,
    `${accepted} accepted`,
    codes.join(', '),
    `slowest ${slowestMs.toFixed(1)} ms`,
    `+${Math.round(memoryMb)} MiB`,
    `seed ${seed}`,
  ];
  return parts.filter((part) => part !== '').join(' · ');
}
