import { DepthcastError } from '../errors.ts';

const WINDOW_MS = 60_000;
/** Addresses remembered; beyond, the one that failed first is forgotten. */
const MAX_ADDRESSES = 10_000;

/** How often each address failed within the last minute: beyond a number it is not listened to until the minute is over. */
export class FailureLimit {
  readonly #most: () => number;
  readonly #failures = new Map<string, { count: number; until: number }>();

  constructor(most: () => number) {
    this.#most = most;
  }

  /** @throws DepthcastError RATE_LIMITED */
  check(address: string): void {
    const now = performance.now();
    const { count, until } = this.#failures.get(address) ?? { count: 0, until: 0 };
    if (until > now && count >= this.#most())
      throw new DepthcastError('RATE_LIMITED', {
        detail: `${count} tokens of this address were refused`,
        retryAfter: Math.ceil((until - now) / 1000),
      });
  }

  note(address: string): void {
    const now = performance.now();
    const entry = this.#failures.get(address);
    if (entry !== undefined && entry.until > now) {
      entry.count++;
      return;
    }
    this.#failures.delete(address);
    this.#failures.set(address, { count: 1, until: now + WINDOW_MS });
    if (this.#failures.size > MAX_ADDRESSES) this.#failures.delete(this.#failures.keys().next().value!);
  }
}
