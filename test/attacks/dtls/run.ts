import { makeIdentity } from '../../../src/webrtc/dtls/identity.ts';
import { makeCast } from './cast.ts';
import { fault, type Outcome, play } from './play.ts';
import { makeSequence, type Sequence } from './sequence.ts';

export interface Report {
  sequences: number;
  connected: number;
  refused: number;
  /** Sequences by what was unusual in them. */
  kinds: Map<string, number>;
  /** By what was expected. */
  expected: Record<Sequence['expected'], number>;
  faults: { what: string; sequence: Sequence; outcome: Outcome }[];
}

const MAX_FAULTS = 10;

/**
 * Plays sequences with successive seeds against the secure transport in this process, and stops after ten faults.
 * @param tick called after each
 */
export async function runSequences(count: number, firstSeed: number, tick = (_done: number) => {}): Promise<Report> {
  const [cast, target] = await Promise.all([makeCast(), makeIdentity()]);
  const report: Report = {
    sequences: 0,
    connected: 0,
    refused: 0,
    kinds: new Map(),
    expected: { connects: 0, refused: 0, either: 0 },
    faults: [],
  };
  for (let seed = firstSeed; seed < firstSeed + count && report.faults.length < MAX_FAULTS; seed++) {
    const sequence = makeSequence(seed, cast);
    const outcome = await play(sequence, target);
    const what = fault(sequence, outcome);
    if (what) report.faults.push({ what, sequence, outcome });
    report.sequences++;
    if (outcome.connected) report.connected++;
    else report.refused++;
    report.expected[sequence.expected]++;
    for (const kind of sequence.kinds) report.kinds.set(kind, (report.kinds.get(kind) ?? 0) + 1);
    tick(report.sequences);
  }
  return report;
}

/** A fault in a line. */
export function describeFault({ what, sequence, outcome }: Report['faults'][number]): string {
  const { seed, client, kinds, network } = sequence;
  const role = client ? 'client' : 'server';
  return `seed ${seed}: ${what} (attacker is ${role}; ${kinds.join(', ') || 'nothing unusual'}; ${JSON.stringify(network)}; ${outcome.error ?? 'no error'})`;
}
