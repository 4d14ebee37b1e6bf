import { printTable } from '../test/support/load/table.ts';

/** What a number is to be: at most, or at least, so much. */
export interface Goal {
  name: string;
  value: number;
  most?: number;
  least?: number;
}

/** Ends a section: each goal, what was measured, and whether it was met. */
export function printGoals(goals: readonly Goal[]): void {
  printTable(
    'Goals',
    ['', 'measured', 'goal', ''],
    goals.map(({ name, value, most, least }) => [
      name,
      value.toFixed(2),
      most === undefined ? `at least ${least}` : `at most ${most}`,
      value <= (most ?? Number.POSITIVE_INFINITY) && value >= (least ?? Number.NEGATIVE_INFINITY) ? 'met' : 'missed',
    ]),
  );
}
