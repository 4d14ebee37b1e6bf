import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Demand } from './demand.ts';

describe('what a stream asks for', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  const play = (demand: Demand, times: readonly number[]) => {
    for (const ms of times) {
      vi.advanceTimersByTime(1000 / 15);
      demand.arrived();
      demand.took(ms);
    }
  };

  it('is not known from the first frames, which take longer than all others', () => {
    const demand = new Demand();
    play(demand, [900, 300]);
    vi.advanceTimersByTime(1000);
    expect(demand.rate).toBeUndefined();
    play(demand, Array(18).fill(20));
    expect(demand.milliseconds).toBe(20);
    expect(demand.rate).toBeGreaterThan(5);
  });

  it('is not led astray by single slow frames, but follows a lasting change', () => {
    const demand = new Demand();
    play(
      demand,
      Array.from({ length: 60 }, (_, n) => (n % 4 === 0 ? 400 : 20)),
    );
    expect(demand.milliseconds).toBe(20);
    play(demand, Array(15).fill(60));
    expect(demand.milliseconds).toBe(60);
    expect(demand.rate).toBeCloseTo(15, -1);
  });
});
