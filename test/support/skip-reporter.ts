import type { Reporter, TestModule, Vitest } from 'vitest/node';
import './needs.ts';

/** Prints at the end of a run which tests were skipped, and why. */
export default class SkipReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = new Map<string, string[]>();
    for (const module of modules)
      for (const test of module.children.allTests('skipped')) {
        const result = test.result();
        const reason = (result.state === 'skipped' ? result.note : undefined) ?? test.meta().skipReason;
        // What -t leaves out was not asked for.
        if (reason === undefined && this.#vitest?.config.testNamePattern) continue;
        const tests = skipped.get(reason ?? 'no reason is given') ?? [];
        tests.push(`${module.relativeModuleId} > ${test.fullName}`);
        skipped.set(reason ?? 'no reason is given', tests);
      }
    for (const [reason, tests] of skipped) {
      this.#vitest?.logger.log(`\n Skipped: ${reason}`);
      for (const test of tests) this.#vitest?.logger.log(`   ${test}`);
    }
  }
}
