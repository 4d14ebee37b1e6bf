import type { Pair } from './check-list.ts';

/** RFC 8489 section 6.2.1: the first wait; it doubles from one transmission to the next. */
const FIRST_WAIT_MS = 500;
const MAX_TRANSMISSIONS = 7;
/** A consent check is sent once (RFC 7675 section 5.1); an answer that comes later than this is ignored. */
const CONSENT_WAIT_MS = 30_000;

/** One check of ours that waits for its answer. */
export interface Transaction {
  readonly id: string;
  readonly pair: Pair;
  readonly packet: Buffer;
  /** Our role when it was sent: a conflict that was resolved since does not count. */
  readonly controlling: boolean;
  /** With USE-CANDIDATE: success selects the pair. */
  readonly nominates: boolean;
  readonly consent: boolean;
  sentAt: number;
  /** When it is to be sent again, or given up. */
  dueAt: number;
  transmissions: number;
  wait: number;
}

/** Checks under way. */
export class Transactions {
  readonly #all = new Map<string, Transaction>();

  get size(): number {
    return this.#all.size;
  }

  /** @param wait ms to the first repetition */
  add(
    sent: Pick<Transaction, 'id' | 'pair' | 'packet' | 'controlling' | 'nominates' | 'consent'>,
    now: number,
    others: number,
    paceMs: number,
  ): void {
    // RFC 8445 section 14.3: the more checks wait for their turn, the later one is repeated.
    const wait = sent.consent ? CONSENT_WAIT_MS : Math.max(FIRST_WAIT_MS, others * paceMs);
    this.#all.set(sent.id, { ...sent, sentAt: now, dueAt: now + wait, transmissions: 1, wait });
  }

  /** Takes out the one that an answer belongs to. */
  take(id: string): Transaction | undefined {
    const found = this.#all.get(id);
    this.#all.delete(id);
    return found;
  }

  get(id: string): Transaction | undefined {
    return this.#all.get(id);
  }

  of(pair: Pair): Transaction | undefined {
    for (const transaction of this.#all.values())
      if (transaction.pair === pair && !transaction.consent) return transaction;
    return undefined;
  }

  drop(which: (transaction: Transaction) => boolean): void {
    for (const transaction of this.#all.values()) if (which(transaction)) this.#all.delete(transaction.id);
  }

  /** When the next is due. */
  nextAt(affordable: (pair: Pair) => boolean): number {
    let next = Number.POSITIVE_INFINITY;
    for (const transaction of this.#all.values())
      if (isSpent(transaction) || affordable(transaction.pair)) next = Math.min(next, transaction.dueAt);
    return next;
  }

  /** Those that have waited in vain long enough, taken out. */
  takeSpent(now: number): Transaction[] {
    const spent = [...this.#all.values()].filter((transaction) => transaction.dueAt <= now && isSpent(transaction));
    for (const { id } of spent) this.#all.delete(id);
    return spent;
  }

  /** One that is to be sent again now; counts it as sent. */
  repeat(now: number, affordable: (pair: Pair) => boolean): Transaction | undefined {
    for (const transaction of this.#all.values()) {
      if (transaction.dueAt > now || isSpent(transaction) || !affordable(transaction.pair)) continue;
      transaction.transmissions++;
      transaction.wait *= 2;
      transaction.sentAt = now;
      transaction.dueAt = now + transaction.wait;
      return transaction;
    }
    return undefined;
  }
}

const isSpent = ({ consent, transmissions }: Transaction): boolean => consent || transmissions >= MAX_TRANSMISSIONS;
