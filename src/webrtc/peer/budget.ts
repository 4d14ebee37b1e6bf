import type { Meter } from '../deadline.ts';
import type { PacketKind } from '../ice/ice-transport.ts';
import { ThreadTime } from './thread-time.ts';

/** What each peer may take of the thread that handles its packets, and of its memory. */
export interface BudgetLimits {
  /** Share of the thread's time, 0 to 1. */
  cpu: number;
  /** Bytes that its engines may hold. */
  bytes: number;
  /** Seconds in a row in which a peer may ask for more than its share before it is ended. */
  patienceSeconds: number;
}

export interface BudgetStats {
  /** ms of processor time. */
  milliseconds: number;
  /** Packets handled. */
  handled: number;
  /** Packets dropped unread because the peer had used up its share. */
  shed: number;
  /** Packets of addresses that are nobody's, dropped unread because there were too many. */
  strangers: number;
  /** Bytes held at the last look. */
  held: number;
}

export const DEFAULT_BUDGET: BudgetLimits = { cpu: 0.25, bytes: 48 << 20, patienceSeconds: 3 };

/** Of the system and of Node, to bring a packet here, on a busy machine; a packet that is dropped costs this as well. */
const RECEIVE_MS = 0.03;
/** What a peer may save up: a keyframe's packets come at once. It is as long as one peer can hold up all others. */
const SAVED_SECONDS = 0.5;
/**
 * Of a peer's share, what its control packets may take: STUN, DTLS, SCTP and RTCP. An honest peer needs little of them but while it
 * acknowledges data.
 */
const CONTROL_SHARE = 0.4;
/** What may be saved up for control whatever the share: a handshake of DTLS on a slow machine comes before anything else. */
const MIN_CONTROL_SAVED_MS = 50;
/** What control packets may take beyond their share for each byte of data that the server sends: to hear that it came. */
const CONTROL_US_PER_BYTE = 0.1;
/** Of the time for peers' packets, how much those of addresses without a peer may take at each session's ports. */
const STRANGER_SHARE = 0.05;
/** Of the thread's time, what all peers together may take before those that take most get less. */
const TOTAL_SHARE = 0.9;
const WINDOW_MS = 1000;

/** Time that flows in at a rate, and out as it is used. */
class Allowance {
  #milliseconds: number;
  #at: number;
  readonly #minSaved: number;

  /** @param minSaved ms that may be saved up, whatever the share */
  constructor(share: number, now: number, minSaved = 0) {
    this.#minSaved = minSaved;
    this.#milliseconds = this.#most(share);
    this.#at = now;
  }

  /** @param share what flows in, of each ms */
  has(share: number, now: number): boolean {
    this.#milliseconds = Math.min(this.#most(share), this.#milliseconds + share * (now - this.#at));
    this.#at = now;
    return this.#milliseconds > 0;
  }

  take(milliseconds: number): void {
    this.#milliseconds -= milliseconds;
  }

  give(milliseconds: number): void {
    this.#milliseconds += milliseconds;
  }

  #most(share: number): number {
    return Math.max(this.#minSaved, share * SAVED_SECONDS * 1000);
  }
}

/**
 * The budget of one peer, above all protocols: the time that the handling of each of its packets took is counted, as are
 * the bytes that its engines hold. Above its share its packets are dropped unread; a peer that stays above it is to be ended.
 */
export class PeerBudget {
  readonly stats: BudgetStats = { milliseconds: 0, handled: 0, shed: 0, strangers: 0, held: 0 };
  /** What of the time by the clock the thread had a processor for; see ThreadTime. */
  processorShare = 1;
  /** Share that it may have by the judgement over all. */
  cap = Number.POSITIVE_INFINITY;
  #used = 0;
  #shedBeforeWindow = 0;
  readonly #limits: BudgetLimits;
  readonly #own: Allowance;
  readonly #control: Allowance;
  readonly #strangers: Allowance;
  #shedBefore = 0;
  /** Of the packets that were dropped, those that only the share of control did not allow; and how many at the last look. */
  #controlShed = 0;
  #controlShedBefore = 0;
  #secondsAbove = 0;
  /** Of the packet that is being handled, ms that the share of control is not charged with. */
  #excused = 0;

  constructor(limits: BudgetLimits, now: number) {
    this.#limits = limits;
    this.#own = new Allowance(limits.cpu, now);
    this.#control = new Allowance(CONTROL_SHARE * limits.cpu, now, MIN_CONTROL_SAVED_MS);
    this.#strangers = new Allowance(STRANGER_SHARE, now);
  }

  /** Whether a packet may be handled. */
  admit(kind: PacketKind, now: number): boolean {
    if (kind === 'stranger') {
      if (this.#strangers.has(STRANGER_SHARE, now)) return true;
      this.#strangers.take(RECEIVE_MS);
      this.stats.strangers++;
      return false;
    }
    const share = Math.min(this.#limits.cpu, this.cap);
    const own = this.#own.has(share, now);
    // What is held to less for the sake of all is held so in sum: nobody but its own packets can take a peer's control.
    const control = kind === 'media' || this.#control.has(CONTROL_SHARE * this.#limits.cpu, now);
    this.#excused = 0;
    if (own && control) return true;
    this.#take(kind, RECEIVE_MS);
    this.#count(RECEIVE_MS, 'shed');
    if (own) this.#controlShed++;
    return false;
  }

  /** A packet that was admitted has been handled. */
  charge(kind: PacketKind, milliseconds: number): void {
    const cost = milliseconds * this.processorShare + RECEIVE_MS;
    this.#take(kind, cost);
    if (kind === 'control') this.#control.give(Math.min(this.#excused, milliseconds) * this.processorShare);
    this.#count(cost, 'handled');
  }

  /**
   * Of the time that the packet takes which is being handled, so much goes into data of ours: an acknowledgement lets the next leave, which
   * is the peer's doing, but no reason to hear no further acknowledgements.
   */
  excuse(milliseconds: number): void {
    this.#excused += milliseconds;
  }

  /** Data of so many bytes goes to the peer, whose acknowledgements are worth their time. */
  expectAnswers(bytes: number): void {
    this.#control.give((bytes * CONTROL_US_PER_BYTE) / 1000);
  }

  /** Counts what a timer of the peer's does. */
  readonly meter: Meter = (run) => {
    const began = performance.now();
    try {
      run();
    } finally {
      const cost = (performance.now() - began) * this.processorShare;
      this.#own.take(cost);
      this.#spend(cost);
    }
  };

  /**
   * Once a second: what the peer is to be ended for, if it is.
   * @param held bytes that its engines hold
   */
  judge(held: number): string | undefined {
    const { stats } = this;
    stats.held = held;
    const { cpu, bytes, patienceSeconds } = this.#limits;
    if (held > bytes) return `it makes the server hold ${Math.round(held / 2 ** 20)} MiB`;
    // Whoever is cut for the sake of all has done nothing wrong.
    this.#secondsAbove = stats.shed > this.#shedBefore && this.cap >= cpu ? this.#secondsAbove + 1 : 0;
    this.#shedBefore = stats.shed;
    const control = this.#controlShed > this.#controlShedBefore;
    this.#controlShedBefore = this.#controlShed;
    if (this.#secondsAbove < patienceSeconds) return undefined;
    const [share, packets] = control ? [CONTROL_SHARE * cpu, 'packets that are no media'] : [cpu, 'packets'];
    return `its ${packets} take more than ${Math.round(100 * share)} % of a processor core`;
  }

  /** What it asked for since the last time, as a share: all that it may have where packets had to be dropped. */
  takeDemand(elapsed: number): number {
    const shed = this.stats.shed - this.#controlShed;
    const demand = shed > this.#shedBeforeWindow ? this.#limits.cpu : this.#used / elapsed;
    this.#used = 0;
    this.#shedBeforeWindow = shed;
    return demand;
  }

  #take(kind: PacketKind, milliseconds: number): void {
    (kind === 'stranger' ? this.#strangers : this.#own).take(milliseconds);
    if (kind === 'control') this.#control.take(milliseconds);
  }

  #count(milliseconds: number, outcome: 'handled' | 'shed'): void {
    this.#spend(milliseconds);
    this.stats[outcome]++;
  }

  #spend(milliseconds: number): void {
    this.#used += milliseconds;
    this.stats.milliseconds += milliseconds;
  }
}

/**
 * The budgets of all peers of one thread. While they take more of it together than there is, those that take most are held to
 * what leaves room for the others (max-min fairness).
 */
export class PeerBudgets {
  readonly #budgets = new Set<PeerBudget>();
  readonly #threadTime: Pick<ThreadTime, 'share'>;
  #since = Number.NEGATIVE_INFINITY;

  constructor(threadTime: Pick<ThreadTime, 'share'> = new ThreadTime()) {
    this.#threadTime = threadTime;
  }

  add(budget: PeerBudget): void {
    this.#budgets.add(budget);
  }

  remove(budget: PeerBudget): void {
    this.#budgets.delete(budget);
  }

  get size(): number {
    return this.#budgets.size;
  }

  /** Called by each peer once a second; the first of them in a second judges for all. */
  share(now: number): void {
    if (now - this.#since < WINDOW_MS) return;
    const elapsed = Math.min(now - this.#since, 2 * WINDOW_MS);
    this.#since = now;
    const demands = [...this.#budgets].map((budget) => budget.takeDemand(elapsed));
    const share = this.#threadTime.share();
    const cap = fairCap(demands, TOTAL_SHARE * share);
    for (const budget of this.#budgets) {
      budget.cap = cap;
      budget.processorShare = share;
    }
  }
}

/** The level to which the largest demands have to come down so that all together fit; Infinity where they do. */
export function fairCap(demands: readonly number[], total: number): number {
  let left = total;
  let count = demands.length;
  for (const demand of [...demands].sort((a, b) => a - b)) {
    if (demand * count > left) return left / count;
    left -= demand;
    count--;
  }
  return Number.POSITIVE_INFINITY;
}
