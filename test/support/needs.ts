import type { TestOptions } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Why a test is skipped; the summary prints it. */
    skipReason?: string;
  }
}

/**
 * Options of a test or a group that needs something of the machine, and is skipped without: `it('...', needs(promtool,
 * 'promtool, Debian: prometheus'), () => ...)`. What is missing is printed at the end of the run; see skip-reporter.ts.
 */
export function needs(present: unknown, what: string): TestOptions {
  return present ? {} : { skip: true, meta: { skipReason: `needs ${what}` } };
}
