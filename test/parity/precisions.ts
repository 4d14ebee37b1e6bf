import { Command } from 'commander';
import { integer } from '../../src/cli/options.ts';
import { printTable } from '../../src/cli/table.ts';
import { TINY, TINY_CONFIG, VITB, VITL, VITS } from '../support/formula.ts';
import { comparePrecisions, type Variant } from '../support/precisions.ts';

// npx tsx test/parity/precisions.ts vitl: slow, and 4 GB of memory and 2 GB of temporary files for the largest.

const NETWORKS = { tiny: TINY, vits: VITS, vitb: VITB, vitl: VITL };
const VARIANTS: Variant[] = ['fp32', 'fp16', 'int8'];

await new Command('precisions')
  .description("How far every precision's graph is from the plain float32 one, with weights by formula")
  .argument('[networks...]', Object.keys(NETWORKS).join(', '), ['tiny', 'vits', 'vitb'])
  .option('--size <pixels>', 'network size, square, a multiple of 14', integer(14, 1400), 140)
  .option('--frames <number>', 'frames streamed', integer(1, 1000), 4)
  .action(async (names: string[], options: { size: number; frames: number }) => {
    const rows: string[][] = [];
    for (const name of names) {
      const dimensions = NETWORKS[name as keyof typeof NETWORKS];
      if (dimensions === undefined) throw new Error(`${name}; there is ${Object.keys(NETWORKS).join(', ')}`);
      const config = name === 'tiny' ? TINY_CONFIG : undefined;
      const found = await comparePrecisions(dimensions, { ...options, config }, (variant) =>
        process.stderr.write(`${name} ${variant}\n`),
      );
      const cells = VARIANTS.flatMap((v) => [found[v].relative, found[v].absolute]).map((e) => e.toExponential(1));
      rows.push([name, ...cells]);
    }
    printTable(['network', ...VARIANTS.flatMap((v) => [v, 'largest'])], rows);
  })
  .parseAsync();
