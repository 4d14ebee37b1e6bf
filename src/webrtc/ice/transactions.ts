import { randomBytes } from 'node:crypto';
import type { SendAllowance } from './allowance.ts';
import { candidatePriority } from './candidate.ts';
import type { Pair } from './check-list.ts';
import type { Role } from './role.ts';
import { writeStun } from './stun.ts';

/** RFC 8445 section 14.2: at most one check in this time, repetitions included. */
const TA_MS = 50;
/** RFC 8489 section 6.2.1: the first wait; it doubles from one transmission to the next. */
const FIRST_WAIT_MS = 500;
const MAX_TRANSMISSIONS = 7;
/** A consent check is sent once (RFC 7675 section 5.1); an answer that comes later than this is ignored. */
const CONSENT_WAIT_MS = 30_000;
/** A check without its user fragments: header, attributes, padding. */
const CHECK_BYTES = 20 + 8 + 8 + 12 + 4 + 24 + 8;

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

/**
 * Checks of ours: each is sent in its turn, at the cost of the allowance of an address that is not proven, and repeated until it is
 * answered or given up.
 */
export class Transactions {
  /** Packets of all checks. */
  sent = 0;
  /** When the next may be sent; a consent check waits for no turn. */
  turnAt = Number.NEGATIVE_INFINITY;
  readonly #allowance: SendAllowance;
  readonly #all = new Map<string, Transaction>();

  constructor(allowance: SendAllowance) {
    this.#allowance = allowance;
  }

  /** Those that wait for an answer. */
  get size(): number {
    return this.#all.size;
  }

  /** Whether there is an allowance for a check of this pair. */
  readonly affordable = ({ remote, credentials: { localUfrag, remoteUfrag } }: Pair): boolean =>
    remote.proven || this.#allowance.covers(remote.key, CHECK_BYTES + localUfrag.length + remoteUfrag.length);

  /** Sends a pair's check. */
  start(pair: Pair, now: number, { controlling, tieBreaker }: Role, { nominates = false, consent = false }): void {
    const { remoteUfrag, localUfrag, remotePwd } = pair.credentials;
    const id = randomBytes(12).toString('hex');
    const packet = writeStun(
      {
        kind: 'request',
        id,
        username: `${remoteUfrag}:${localUfrag}`,
        priority: candidatePriority('prflx', (pair.path.candidate.priority >> 8) & 0xffff),
        role: { controlling, tieBreaker },
        // On consent checks, too, as a lite peer looks at the last one (it has no checks of its own to compare).
        nominates: nominates || (consent && controlling),
      },
      remotePwd,
    );
    if (!consent) this.turnAt = now + TA_MS;
    if (!consent && pair.state !== 'succeeded') pair.state = 'checking';
    // RFC 8445 section 14.3: the more checks wait for their turn, the later one is repeated.
    const wait = consent ? CONSENT_WAIT_MS : Math.max(FIRST_WAIT_MS, this.#all.size * TA_MS);
    const sent = { id, pair, packet, controlling, nominates, consent };
    this.#all.set(id, { ...sent, sentAt: now, dueAt: now + wait, transmissions: 1, wait });
    this.#transmit(pair, packet);
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

  /** When the next is to be sent again, or given up. */
  nextAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const transaction of this.#all.values())
      if (isSpent(transaction) || this.affordable(transaction.pair)) next = Math.min(next, transaction.dueAt);
    return next;
  }

  /** Those that have waited in vain long enough, taken out. */
  takeSpent(now: number): Transaction[] {
    const spent = [...this.#all.values()].filter((transaction) => transaction.dueAt <= now && isSpent(transaction));
    for (const { id } of spent) this.#all.delete(id);
    return spent;
  }

  /** Sends one again that is due, if any is. */
  repeat(now: number): void {
    for (const transaction of this.#all.values()) {
      if (transaction.dueAt > now || isSpent(transaction) || !this.affordable(transaction.pair)) continue;
      transaction.transmissions++;
      transaction.wait *= 2;
      transaction.sentAt = now;
      transaction.dueAt = now + transaction.wait;
      this.turnAt = now + TA_MS;
      this.#transmit(transaction.pair, transaction.packet);
      return;
    }
  }

  #transmit({ path, remote }: Pair, packet: Buffer): void {
    if (!remote.proven && !this.#allowance.spend(remote.key, packet.length)) return;
    this.sent++;
    path.send(packet, remote.port, remote.address);
  }
}

const isSpent = ({ consent, transmissions }: Transaction): boolean => consent || transmissions >= MAX_TRANSMISSIONS;
