import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { printMarkdown, printTable } from '../test/support/load/table.ts';
import type { Attack, Tally } from './attacks/attack.ts';
import { ATTACKS, IDLE } from './attacks/list.ts';
import { type Outcome, Stage, whatEnded } from './attacks/stage.ts';

const RATES = [1e6, 10e6];
const SECONDS = 8;
/** How many attacks are compared with one look at the stream without any. */
const ATTACKS_A_CALM = 5;
const PACKET_BYTES = 1000;
/** An attacker has a machine of its own: what it computes must not take the cores on which the server is measured. */
const ATTACKER_NICE = 19;

/** An attacker in a process of its own, which waits for the word. Afterwards `tally` says what it did. */
async function attacker(
  { name, bytes = PACKET_BYTES }: Attack,
  url: string,
  rate: number,
  seconds: number,
): Promise<{ run: () => Promise<void>; tally: Tally }> {
  const file = fileURLToPath(new URL('./attacks/attacker.ts', import.meta.url));
  const address = `127.1.${rate > 1e6 ? 1 : 0}.${1 + ATTACKS.findIndex((one) => one.name === name)}`;
  const child = fork(file, [name, url, address, String(rate), String(seconds), String(bytes)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  });
  await once(child, 'message');
  setPriority(child.pid!, ATTACKER_NICE);
  const gone = once(child, 'exit');
  const tally: Tally = { connections: 0, reached: 'nothing', packets: 0, bytes: 0 };
  child.on('message', (now: Tally) => Object.assign(tally, now));
  const run = async () => {
    child.send('go');
    const timer = setTimeout(() => child.kill('SIGKILL'), (seconds + 15) * 1000);
    await gone;
    clearTimeout(timer);
  };
  return { run, tally };
}

const ratio = (a: number, b: number) => (Number.isFinite(a / b) ? (a / b).toFixed(2) : '–');

function tookHold({ connections, reached, packets }: Tally): string {
  const several = connections === 1 ? '1 connection' : `${connections} connections`;
  return `${several}, to ${reached}; ${packets.toLocaleString('en')} packets`;
}

interface Row {
  attack: Attack;
  rate: number;
  /** Before and after the attacks of its group. */
  calm: Pick<Outcome, 'fps' | 'p95' | 'cpu'>;
  attacked: Outcome;
  tally: Tally;
}

const cells = ({ attack, rate, calm, attacked, tally }: Row): (string | number)[] => [
  attack.name,
  `${rate / 1e6}`,
  tookHold(tally),
  ratio(attacked.fps, calm.fps),
  ratio(attacked.p95, calm.p95),
  (attacked.cpu - calm.cpu).toFixed(2),
  attacked.grown.toFixed(1),
  whatEnded(attacked),
];

function middle(a: Outcome, b: Outcome): Row['calm'] {
  return { fps: (a.fps + b.fps) / 2, p95: (a.p95 + b.p95) / 2, cpu: (a.cpu + b.cpu) / 2 };
}

/** Attacks that are compared with the same calm stream: packets of the same size, a few at a time. */
function groups(attacks: readonly Attack[]): Attack[][] {
  const sizes = new Set(attacks.map(({ bytes = PACKET_BYTES }) => bytes));
  const bySize = [...sizes].map((size) => attacks.filter(({ bytes = PACKET_BYTES }) => bytes === size));
  return bySize.flatMap((list) =>
    Array.from({ length: Math.ceil(list.length / ATTACKS_A_CALM) }, (_, i) =>
      list.slice(i * ATTACKS_A_CALM, (i + 1) * ATTACKS_A_CALM),
    ),
  );
}

/**
 * Each attack from one peer, beside an honest stream: whether it took hold, what the stream keeps of its frame rate and latency, what
 * processor time and memory the server spends on it, and what ended the attacker.
 */
export async function benchAttacks({
  only = '',
  seconds = SECONDS,
  rates = RATES,
  markdown = false,
}: {
  only?: string | undefined;
  seconds?: number;
  rates?: readonly number[];
  markdown?: boolean | undefined;
}): Promise<void> {
  const chosen = ATTACKS.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()));
  const rows: Row[] = [];
  const began = performance.now();
  for (const https of [false, true]) {
    const attacks = chosen.filter((one) => (one.https ?? false) === https);
    if (attacks.length === 0) continue;
    const stage = await Stage.open(https);
    const play = async (attack: Attack, rate: number) => {
      const { run, tally } = await attacker(attack, stage.url, rate, seconds);
      return { outcome: await stage.watch(seconds, run), tally };
    };
    try {
      // V8 compiles what is hot, and the heap finds its size.
      await stage.watch(seconds, async () => {});
      for (const rate of rates)
        for (const group of groups(attacks)) {
          const idle = { ...IDLE, bytes: group[0]!.bytes ?? PACKET_BYTES };
          const before = (await play(idle, rate)).outcome;
          const attacked: Omit<Row, 'calm'>[] = [];
          for (const attack of group) {
            const { outcome, tally } = await play(attack, rate);
            attacked.push({ attack, rate, attacked: outcome, tally });
          }
          const calm = middle(before, (await play(idle, rate)).outcome);
          for (const row of attacked) {
            rows.push({ ...row, calm });
            const minutes = ((performance.now() - began) / 60_000).toFixed(1);
            const all = chosen.length * rates.length;
            process.stderr.write(`[${rows.length} of ${all}, ${minutes} min] ${cells(rows.at(-1)!).join('  ')}\n`);
          }
        }
    } finally {
      await stage.close();
    }
  }
  rows.sort((a, b) => ATTACKS.indexOf(a.attack) - ATTACKS.indexOf(b.attack) || a.rate - b.rate);
  const print = markdown ? printMarkdown : printTable;
  print(
    'Attacks from one peer beside an honest stream (goal: frame rate at least 0.9, p95 at most 1.3 of those without; under 20 MiB)',
    ['Attack', 'Mbit/s', 'What took hold', 'frame rate', 'p95', 'cores more', 'RSS more, MiB', 'Counted meanwhile'],
    rows.map(cells),
  );
}
