import type { CapacityStep } from './capacity.ts';
import type { Comparison } from './report.ts';

// What the printed tables and the page have in common: numbers, and the rows of capacity and comparison.

const MISSING = '–';

export const fixed = (value: number, digits = 0): string => (Number.isFinite(value) ? value.toFixed(digits) : MISSING);
export const ms = (value: number): string => fixed(value, value < 10 ? 1 : 0);

export const CAPACITY_COLUMNS = [
  'streams',
  'fps least',
  'p50 ms',
  'p95 ms',
  'server p95',
  'server cores',
  'CPU ms a map',
  'load cores',
  '',
];

export const capacityRow = (step: CapacityStep): string[] => [
  `${step.streams}`,
  fixed(step.fps.least, 1),
  ms(step.p50),
  ms(step.p95),
  ms(step.serverP95),
  fixed(step.serverCores, 2),
  fixed(step.msPerDepth, 1),
  fixed(step.loadCores, 2),
  step.broke ?? '',
];

export const COMPARISON_COLUMNS = [
  'server',
  'fps out',
  'p50 ms',
  'p95 ms',
  'server p95',
  'CPU ms a map',
  'streams per core',
  'capacity',
];

export const comparisonRow = (row: Comparison['rows'][number]): string[] => [
  row.name,
  fixed(row.fps, 1),
  ms(row.p50),
  ms(row.p95),
  ms(row.serverP95),
  fixed(row.msPerDepth, 1),
  fixed(row.streamsPerCore, 2),
  row.capacity === undefined ? MISSING : `${row.capacity}`,
];
