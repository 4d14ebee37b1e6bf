import { printable } from '../printable.ts';
import { say, style } from './terminal.ts';

/** Prints rows under a dim heading; numbers to the right, with one digit after the point. */
export function printTable(heading: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const text = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toFixed(1) : printable(cell))));
  const widths = heading.map((title, i) => Math.max(title.length, ...text.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (typeof rows[0]?.[i] === 'number' ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  say(style.dim(line(heading)));
  for (const row of text) say(line(row));
}
