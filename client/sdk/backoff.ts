/** How a session comes back after its connection was lost. Times in milliseconds. */
export interface RetryPolicy {
  /** Attempts in a row before the session gives up; 0 never tries again. */
  attempts: number;
  /** Delay before the first attempt; doubles with every further one. */
  initial: number;
  /** Upper bound of the delay, except where the server asks for more. */
  max: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 8, initial: 500, max: 15_000 };

/** A server may not send a client away for longer than this (milliseconds). */
const RETRY_AFTER_LIMIT = 10 * 60_000;

/**
 * Milliseconds to wait before attempt number `attempt` (from 0): exponential, and random in its upper half, so that
 * clients that lost the same server do not come back together. `retryAfter` (seconds) is a lower bound.
 */
export function retryDelay(attempt: number, policy: RetryPolicy, retryAfter = 0, random = Math.random): number {
  const ceiling = Math.min(policy.max, policy.initial * 2 ** attempt);
  const backoff = ceiling * (0.5 + 0.5 * random());
  const asked = Math.min(RETRY_AFTER_LIMIT, Math.max(0, retryAfter) * 1000);
  return asked > backoff ? asked + 0.5 * Math.min(asked, policy.initial) * random() : backoff;
}
