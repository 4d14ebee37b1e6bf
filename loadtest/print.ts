import { printTable } from '../test/support/load/table.ts';
import type { Capacity } from './capacity.ts';
import type { Comparison, TargetReport } from './report.ts';
import { CAPACITY_COLUMNS, COMPARISON_COLUMNS, capacityRow, comparisonRow, fixed, ms } from './rows.ts';

/** The tables that end a run. */
export function printResult({ name, result, primary }: TargetReport): void {
  printTable(
    `${name}: each stream (latency: capture to ${primary === 'track' ? 'the last packet of the gray frame' : 'the whole depth packet'}, ms)`,
    [
      'stream',
      'fps in',
      'fps out',
      'p50',
      'p95',
      'p99',
      'dropped',
      'reconnects',
      'wrong',
      'rank',
      'delta1',
      'kbit/s in',
    ],
    result.streams.map((s) => [
      `${s.index + 1}`,
      fixed(s.fps.captured, 1),
      fixed(s.fps.depth, 1),
      ...(['p50', 'p95', 'p99'] as const).map((q) => ms(s.latency[primary][q])),
      `${s.dropped}`,
      `${s.reconnects}`,
      `${s.wrong.unknown + s.wrong.code + s.wrong.implausible}`,
      fixed(s.truth.rank, 2),
      fixed(s.truth.delta1, 2),
      fixed(s.kilobits.up, 0),
    ]),
  );
  const kinds = (['track', 'data', 'server'] as const).filter((kind) => result.latency[kind].count > 0);
  printTable(
    `${name}: all streams, ms`,
    ['latency', 'frames', 'p50', 'p95', 'p99', 'max'],
    kinds.map((kind) => {
      const { count, p50, p95, p99, max } = result.latency[kind];
      return [kind, `${count}`, ms(p50), ms(p95), ms(p99), ms(max)];
    }),
  );
  const { server, wrong } = result;
  if (primary === 'track' && result.packets > 0)
    console.log(
      `  ${result.packets} depth packets arrived whole: ${fixed((100 * result.packets) / result.depth, 0)} % of the maps`,
    );
  console.log(
    `  ${result.depth} depth maps of ${result.captured} pictures in ${result.seconds.toFixed(0)} s; server ${fixed(server.cores, 2)} cores, ` +
      `${fixed(server.msPerDepth, 1)} ms of CPU a map, ${fixed(server.maxRssMiB, 0)} MiB; load ${fixed(result.loadCores, 2)} cores`,
  );
  console.log(
    `  wrong: ${wrong.unknown} of unknown pictures, ${wrong.code} of other pictures than shown (${result.verified} verified by their code, ` +
      `${result.unreadable} unreadable), ${wrong.implausible} unlike the truth; load processes that crashed: ${result.crashes}`,
  );
  if (result.late > 0.02 * (result.captured + result.late))
    console.log(
      `  the load itself came too late for ${result.late} pictures: this machine is full, latencies tell of both`,
    );
  const failures = new Map<string, number>();
  for (const reason of result.streams.flatMap((s) => s.failures)) failures.set(reason, (failures.get(reason) ?? 0) + 1);
  for (const [reason, count] of failures) console.log(`  ${count} x ${reason}`);
}

export function printCapacity(name: string, { steps, streams, cores, streamsPerCore, limits }: Capacity): void {
  printTable(
    `${name}: capacity (p95 <= ${limits.p95} ms, every stream >= ${limits.fps.toFixed(1)} fps)`,
    CAPACITY_COLUMNS,
    steps.map(capacityRow),
  );
  const open = steps.at(-1)?.broke ? '' : ' or more: raise --publishers';
  console.log(
    `  ${streams} streams${open}, on ${fixed(cores, 2)} cores of the server's own CPU time: ${fixed(streamsPerCore, 2)} streams per core`,
  );
}

export function printComparison({ rows, ratios }: Comparison): void {
  printTable(
    'Comparison, medians of the rounds (latency in ms; CPU of the server alone)',
    COMPARISON_COLUMNS,
    rows.map(comparisonRow),
  );
  for (const { name, streamsPerCore, p95, serverP95 } of ratios)
    console.log(
      `  against ${name}: ${fixed(streamsPerCore, 2)} times the streams per core, ${fixed(p95, 2)} of its p95 (${fixed(serverP95, 2)} of its server p95)`,
    );
  const worst = (of: (ratio: Comparison['ratios'][number]) => number, pick: (...values: number[]) => number) =>
    fixed(pick(...ratios.map(of)), 2);
  const [perCore, p95] = [worst((ratio) => ratio.streamsPerCore, Math.min), worst((ratio) => ratio.p95, Math.max)];
  console.log(
    `  against the best of each: ${perCore} times the streams per core (goal: 2), ${p95} of its p95 (goal: 0.5)`,
  );
}
