import { describe, expect, it } from 'vitest';
import { DEFAULT_RETRY, retryDelay } from './backoff.ts';

const policy = { attempts: 8, initial: 500, max: 15_000 };
const least = () => 0;
const most = () => 1;

describe('retryDelay', () => {
  it('doubles up to its bound and is random in its upper half', () => {
    const ceilings = [500, 1000, 2000, 4000, 8000, 15_000, 15_000];
    ceilings.forEach((ceiling, attempt) => {
      expect(retryDelay(attempt, policy, 0, most)).toBe(ceiling);
      expect(retryDelay(attempt, policy, 0, least)).toBe(ceiling / 2);
    });
    expect(retryDelay(1000, policy, 0, most)).toBe(15_000);
  });

  it('never comes back before the server wants it', () => {
    for (let attempt = 0; attempt < 10; attempt++)
      expect(retryDelay(attempt, DEFAULT_RETRY, 5)).toBeGreaterThanOrEqual(5000);
    expect(retryDelay(0, policy, 5, most)).toBeGreaterThan(5000);
    expect(retryDelay(5, policy, 2, least)).toBe(7500);
  });

  it('does not let a server send a client away for ever', () => {
    expect(retryDelay(0, policy, 1e9, most)).toBeLessThan(11 * 60_000);
    expect(retryDelay(0, policy, -3, most)).toBe(500);
  });
});
