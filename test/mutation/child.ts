// A process of `npm run mutate`: tries one mutant after the other of one file, and tells its parent of each. The parent ends
// it where a mutant makes a test loop for ever.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createVitest } from 'vitest/node';
import { type Mutant, mutate } from './mutants.ts';

export interface Work {
  file: string;
  tests: string[];
  mutants: Mutant[];
}
/** First the tests without any mutant, then each mutant in order: did every test pass? */
export type Outcome = { passed: boolean };

process.once('message', async ({ file, tests, mutants }: Work) => {
  const path = resolve(file);
  const source = readFileSync(path, 'utf8');
  let current = source;
  const vitest = await createVitest(
    'test',
    // Not the projects of vitest.config.ts, which would not get the plugin.
    { config: false, include: tests, watch: false, bail: 1, reporters: [{}], pool: 'forks', maxWorkers: 1 },
    { plugins: [{ name: 'mutant', enforce: 'pre', transform: (_code, id) => (id === path ? current : undefined) }] },
  );
  const specifications = await vitest.globTestSpecifications();
  if (specifications.length === 0) throw new Error(`no test of ${file}`);
  for (const text of [source, ...mutants.map((mutant) => mutate(source, mutant))]) {
    current = text;
    vitest.invalidateFile(path);
    const { testModules, unhandledErrors } = await vitest.rerunTestSpecifications(specifications);
    process.send!({
      passed: unhandledErrors.length === 0 && testModules.every((module) => module.ok()),
    } satisfies Outcome);
  }
  await vitest.close();
  process.disconnect();
});
