// npm run test:attacks: handshakes and packets as no honest peer sends them, against the transports in this process.
import { parseArgs } from 'node:util';
import { describeFault, runSequences } from './dtls/run.ts';

const USAGE = `npm run test:attacks -- [--dtls N] [--seed N]

Plays DTLS handshakes in which messages are left out, repeated, reordered, replaced, fragmented, forged or taken from another
handshake, with wrong certificates, keys, suites and Finished, in both roles; and honest ones over bad networks. None but the honest may
connect, and those always.

  --dtls N   handshakes; 20000 by default, 0 for none
  --seed N   the first handshake's seed; 1 by default. The same seed makes the same handshakes.

Examples:
  npm run test:attacks -- --dtls 1000000
  npm run test:attacks -- --dtls 1 --seed 4711
`;

const { values } = parseArgs({
  options: { help: { type: 'boolean', short: 'h' }, dtls: { type: 'string' }, seed: { type: 'string' } },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const number = (name: 'dtls' | 'seed', fallback: number): number => {
  const value = values[name] === undefined ? fallback : Number(values[name]);
  if (Number.isInteger(value) && value >= 0) return value;
  console.error(`--${name} takes a whole number, not ${values[name]}`);
  process.exit(1);
};
const handshakes = number('dtls', 20_000);
const seed = number('seed', 1);

const live = process.stderr.isTTY;
const began = performance.now();
const report = await runSequences(handshakes, seed, (done) => {
  if (live && done % 100 === 0) process.stderr.write(`\r${done} of ${handshakes} handshakes`);
});
if (live) process.stderr.write('\r\x1b[K');
const seconds = (performance.now() - began) / 1000;
console.log(
  `DTLS: ${report.sequences} handshakes in ${seconds.toFixed(0)} s: ${report.expected.refused} illegal, ${report.expected.connects} honest, ${report.expected.either} unusual but legal; ${report.connected} connected`,
);
for (const [kind, count] of [...report.kinds].toSorted((a, b) => b[1] - a[1]))
  console.log(`${String(count).padStart(8)}  ${kind}`);
for (const each of report.faults) console.error(describeFault(each));
process.exit(report.faults.length > 0 ? 1 : 0);
