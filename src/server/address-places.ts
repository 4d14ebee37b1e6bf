import { DepthcastError } from '../errors.ts';

/** Seconds after which a refused client may try again: set-ups end by themselves soon. */
const RETRY_AFTER = 5;

interface Limits {
  streams: number;
  sessionsPerAddress: number;
  setupsPerAddress: number;
  setups: number;
}

/** One client's place among the sessions of its address. */
export interface AddressPlace {
  /** Media flows: it is no set-up any more. */
  settle(): void;
  /** The session ended. */
  leave(): void;
}

/** How many sessions each client address has, and how many of them, and of everybody's, are still being set up. */
export class AddressPlaces {
  readonly #limits: Limits;
  readonly #taken = new Map<string, { sessions: number; setups: number }>();
  #setups = 0;

  /** @param limits read at each use: they may change while the server runs */
  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Takes a place for an address.
   * @throws DepthcastError RATE_LIMITED; BUSY where everybody's set-ups together are too many
   */
  take(address: string): AddressPlace {
    const { streams, sessionsPerAddress, setupsPerAddress, setups } = this.#limits;
    const now = this.#taken.get(address) ?? { sessions: 0, setups: 0 };
    // Nobody can hold every stream's place without sending anything; and who holds all set-ups alone finds nobody else busy.
    const mine = Math.min(setupsPerAddress, setups, Math.max(1, streams - 1));
    if (now.setups >= mine)
      throw new DepthcastError('RATE_LIMITED', {
        detail: `sessions of one address that are still being set up: at most ${mine}`,
        retryAfter: RETRY_AFTER,
      });
    if (now.sessions >= sessionsPerAddress)
      throw new DepthcastError('RATE_LIMITED', {
        detail: `this address has ${sessionsPerAddress} sessions`,
        retryAfter: RETRY_AFTER,
      });
    if (this.#setups >= setups)
      throw new DepthcastError('BUSY', {
        detail: `sessions of everybody that are still being set up: at most ${setups}`,
        retryAfter: RETRY_AFTER,
      });
    this.#taken.set(address, now);
    this.#setups++;
    now.sessions++;
    now.setups++;
    let settled = false;
    let left = false;
    const settle = () => {
      if (settled) return;
      settled = true;
      now.setups--;
      this.#setups--;
    };
    const leave = () => {
      if (left) return;
      left = true;
      settle();
      if (--now.sessions === 0) this.#taken.delete(address);
    };
    return { settle, leave };
  }
}
