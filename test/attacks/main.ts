// npm run test:attacks: handshakes and packets as no honest peer sends them, against the transports in this process and a server.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../src/config/load.ts';
import { startServer } from '../../src/server/server.ts';
import { runBetween } from './dtls/between.ts';
import { describeFault, runSequences } from './dtls/run.ts';
import { MANY_SESSIONS, runThroughServer } from './dtls/through-server.ts';
import { runSequences13 } from './dtls13/run.ts';
import { runAssociations } from './sctp/run.ts';

/** Of DTLS, a connected peer; 190 are usual. */
const MAX_KIB_EACH = 300;
/** What may stay of all of them. */
const MAX_KIB_LEFT = 40 * 1024;
/** Others than those that are played against the transport alone. */
const SERVER_SEEDS = 7_000_000;

const USAGE = `npm run test:attacks -- [--dtls N] [--dtls13 N] [--between N] [--server N] [--sctp N] [--peers N] [--seed N]

Plays DTLS handshakes in which messages are left out, repeated, reordered, replaced, fragmented, forged or taken from another
handshake, with wrong certificates, keys, suites and Finished, in both roles; and honest ones over bad networks. None but the honest may
connect, and those always. The same of DTLS 1.3, and somebody on its path who loses, delays, changes, reflects and replays datagrams of two
real ends, and impostors. Some of the first again through a running server, where none but the honest may get media. Then SCTP associations whose peer
sends anything: none may fail, grow or send without bound. Last, many honest peers at once: what each takes, and whether it comes back.

  --dtls N   handshakes; 20000 by default, 0 for none
  --dtls13 N handshakes of DTLS 1.3; 5000 by default, 0 for none
  --between N DTLS 1.3 handshakes with somebody on their path; 2000 by default, 0 for none
  --server N handshakes through a server; 500 by default, 0 for none
  --sctp N   associations; 10000 by default, 0 for none
  --peers N  honest peers connected at once; 1000 by default, 0 for none
  --seed N   the first one's seed; 1 by default. The same seed makes the same packets.

Examples:
  npm run test:attacks -- --dtls 1000000 --dtls13 0 --between 0 --server 0 --sctp 0 --peers 0
  npm run test:attacks -- --dtls 1 --dtls13 0 --between 0 --server 0 --sctp 0 --peers 0 --seed 4711
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    dtls: { type: 'string' },
    dtls13: { type: 'string' },
    between: { type: 'string' },
    server: { type: 'string' },
    sctp: { type: 'string' },
    peers: { type: 'string' },
    seed: { type: 'string' },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const number = (
  name: 'dtls' | 'dtls13' | 'between' | 'server' | 'sctp' | 'peers' | 'seed',
  fallback: number,
): number => {
  const value = values[name] === undefined ? fallback : Number(values[name]);
  if (Number.isInteger(value) && value >= 0) return value;
  console.error(`--${name} takes a whole number, not ${values[name]}`);
  process.exit(1);
};
const handshakes = number('dtls', 20_000);
const handshakes13 = number('dtls13', 5_000);
const betweens = number('between', 2_000);
const throughServer = number('server', 500);
const associations = number('sctp', 10_000);
const peers = number('peers', 1_000);
const seed = number('seed', 1);

const live = process.stderr.isTTY;
const progress = (total: number, what: string) => (done: number) => {
  if (live && done % 100 === 0) process.stderr.write(`\r${done} of ${total} ${what}\x1b[K`);
};
let failed = false;

function print(summary: string, kinds: Map<string, number>, faults: string[]): void {
  if (live) process.stderr.write('\r\x1b[K');
  console.log(summary);
  for (const [kind, count] of [...kinds].toSorted((a, b) => b[1] - a[1]))
    console.log(`${String(count).padStart(8)}  ${kind}`);
  for (const each of faults) console.error(each);
  if (faults.length > 0) failed = true;
}

if (handshakes > 0) {
  const { sequences, expected, connected, kinds, faults } = await runSequences(
    handshakes,
    seed,
    progress(handshakes, 'handshakes'),
  );
  const { refused, connects, either } = expected;
  print(
    `DTLS: ${sequences} handshakes: ${refused} illegal, ${connects} honest, ${either} unusual but legal; ${connected} connected`,
    kinds,
    faults.map(describeFault),
  );
}
if (handshakes13 > 0) {
  const report = await runSequences13(handshakes13, seed, progress(handshakes13, 'handshakes of DTLS 1.3'));
  const { refused, connects, either } = report.expected;
  print(
    `DTLS 1.3: ${report.sequences} handshakes: ${refused} illegal, ${connects} honest, ${either} unusual but legal; ${report.connected} connected`,
    report.kinds,
    report.faults,
  );
}
if (betweens > 0) {
  const report = await runBetween(betweens, seed, progress(betweens, 'handshakes of DTLS 1.3'));
  const { handshakes: played, tampered, impostors, connected, kinds, faults } = report;
  print(
    `DTLS 1.3, from between: ${played} handshakes: ${tampered} tampered with, ${impostors} impostors; ${connected} connected`,
    kinds,
    faults,
  );
}
if (throughServer > 0) {
  const config = loadConfig({
    overrides: { ...MANY_SESSIONS, 'server.port': 0, 'server.mediaWorkers': 0, 'log.level': 'silent' },
  });
  const server = await startServer({ config, version: 'attacked' });
  const tick = progress(throughServer, 'handshakes through a server');
  const report = await runThroughServer(`http://127.0.0.1:${server.port}`, throughServer, SERVER_SEEDS + seed, tick);
  const { refused, connects, either } = report.expected;
  print(
    `DTLS through a server: ${report.sequences} handshakes: ${refused} illegal, ${connects} honest, ${either} unusual but legal; ${report.media} got media`,
    report.kinds,
    report.faults,
  );
  await server.close();
}
if (associations > 0) {
  const report = runAssociations(associations, seed, progress(associations, 'associations'));
  const mebibytes = (report.memoryBytes / 2 ** 20).toFixed(1);
  print(
    `SCTP: ${report.associations} associations, ${report.packets} packets; ${report.lost} ended by them, ${mebibytes} MiB at most`,
    report.kinds,
    report.faults,
  );
}
if (peers > 0) {
  const script = fileURLToPath(new URL('./many-peers.ts', import.meta.url));
  const args = ['--expose-gc', '--import', 'tsx', script, String(peers)];
  const seen = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  const [each, left] = [seen.bytesEach, seen.bytesLeft].map((bytes: number) => Math.round(bytes / 1024));
  const faults: string[] = [];
  if (seen.connected !== peers) faults.push(`${peers - seen.connected} honest peers did not connect`);
  if (each! > MAX_KIB_EACH) faults.push(`a connected peer takes ${each} KiB, more than ${MAX_KIB_EACH}`);
  if (left! > MAX_KIB_LEFT) faults.push(`${left} KiB stay of ${peers} peers that are gone`);
  print(`DTLS: ${seen.connected} peers at once take ${each} KiB each; ${left} KiB stay of them`, new Map(), faults);
}
process.exit(failed ? 1 : 0);
