/** One line of the doctor's report. */
export interface Finding {
  /** Heading under which it stands. */
  area: string;
  name: string;
  /** `fail`: depthcast cannot do its work; `warn`: it can, but less than it might. */
  state: 'ok' | 'warn' | 'fail';
  value: string;
  /** What to do about it; on every warning and failure. */
  advice?: string | undefined;
}

/** A look at one thing. It may reject or never end: see `look`. */
export type Check = () => Promise<Finding[]> | Finding[];

/** The findings of one area, by name. */
export const inArea = (area: string) => ({
  ok: (name: string, value: string): Finding => ({ area, name, state: 'ok', value }),
  warn: (name: string, value: string, advice: string): Finding => ({ area, name, state: 'warn', value, advice }),
  fail: (name: string, value: string, advice: string): Finding => ({ area, name, state: 'fail', value, advice }),
});

/** Runs a check that must not hang or end the report: after `milliseconds`, or when it throws, that is what is found. */
export async function look(area: string, name: string, milliseconds: number, check: Check): Promise<Finding[]> {
  const advice = 'the other lines still hold; try again, and report it if it stays';
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding[]>((resolve) => {
    const value = `no answer within ${milliseconds / 1000} s`;
    timer = setTimeout(() => resolve([{ area, name, state: 'warn', value, advice }]), milliseconds);
  });
  try {
    return await Promise.race([(async () => check())(), late]);
  } catch (thrown) {
    return [{ area, name, state: 'warn', value: (thrown as Error).message, advice }];
  } finally {
    clearTimeout(timer);
  }
}

export const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
