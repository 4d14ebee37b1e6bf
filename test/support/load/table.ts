/** Prints rows under a head, columns aligned, numbers to the right. */
export function printTable(title: string, head: string[], rows: (string | number)[][]): void {
  const cells = [head, ...rows.map((row) => row.map(format))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  console.log(`\n${title}`);
  cells.forEach((row, index) => {
    console.log(
      `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')}`,
    );
    if (index === 0) console.log(`  ${widths.map((width) => '-'.repeat(width)).join('  ')}`);
  });
}

/** The same as GitHub-flavoured Markdown. */
export function printMarkdown(title: string, head: string[], rows: (string | number)[][]): void {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  console.log(`\n${title}\n\n${line(head)}`);
  console.log(`|${head.map((_, column) => (column === 0 ? '---' : '---:')).join('|')}|`);
  for (const row of rows) console.log(line(row.map(format)));
}

function format(cell: string | number): string {
  if (typeof cell === 'string') return cell;
  return Math.abs(cell) >= 100 ? cell.toFixed(0) : cell.toFixed(cell !== 0 && Math.abs(cell) < 1 ? 2 : 1);
}

/** Quantile of unsorted samples; NaN of none. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
