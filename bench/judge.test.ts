import { describe, expect, it } from 'vitest';
import { judge } from './judge.ts';
import type { Run } from './record.ts';

/** Noise of the machine: the same for every call, within 5 % either way. */
const NOISE = [1.01, 0.97, 1.04, 0.99, 1.02, 0.96, 1.03, 0.98];

const runs = (mean: number, noise: readonly number[] = NOISE, better: 'less' | 'more' = 'less'): Run[] =>
  noise.map((factor) => ({ 'main thread': { value: mean * factor, unit: 'ms', better } }));

const verdict = (...args: Parameters<typeof judge>) => judge(...args)[0]!.verdict;

describe('judge', () => {
  it('tells a change from noise', () => {
    const shuffled = NOISE.toReversed();
    expect(verdict(runs(4), runs(4, shuffled), false)).toBe('the same');
    expect(verdict(runs(4), runs(5, shuffled), false)).toBe('slower');
    expect(verdict(runs(4), runs(3, shuffled), false)).toBe('quicker');
    const [found] = judge(runs(4), runs(5, shuffled), false);
    expect(found!.ratio).toBeCloseTo(1.25, 1);
    expect(found!.low).toBeLessThan(found!.ratio);
    expect(found!.high).toBeGreaterThan(found!.ratio);
  });

  it('finds a small change in pairs that the machine slowed alike, which single runs hide', () => {
    const weather = [1, 2.4, 1.3, 1.8, 1.1, 2.9];
    const pairs = [runs(4, weather), runs(4.4, weather)] as const;
    expect(verdict(...pairs, true)).toBe('slower');
    expect(verdict(...pairs, false)).toBe('the same');
  });

  it('takes more for better where it is', () => {
    expect(verdict(runs(30, NOISE, 'more'), runs(24, NOISE, 'more'), true)).toBe('slower');
    expect(verdict(runs(30, NOISE, 'more'), runs(36, NOISE, 'more'), true)).toBe('quicker');
  });

  it('says nothing of too few runs, and passes over numbers that only one side has', () => {
    expect(verdict(runs(4, [1, 1, 1]), runs(8, [1, 1, 1]), true)).toBe('too few runs');
    const after = runs(4).map((run) => ({ ...run, added: { value: 1, unit: 'ms', better: 'less' as const } }));
    expect(judge(runs(4), after, true).map(({ name }) => name)).toEqual(['main thread']);
  });
});
