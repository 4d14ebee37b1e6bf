/** RFC 7675 section 5.1: a check every 5 s, give or take a fifth; here at most 5 s, so that a verdict takes 30 s at most. */
const MIN_INTERVAL_MS = 4000;
const MAX_INTERVAL_MS = 5000;
const EXPIRY_MS = 30_000;
/** So many checks went unanswered before consent counts as withdrawn: a stalled event loop must not look like a silent peer. */
const MIN_UNANSWERED = 4;

/** Whether the peer still wants what we send to it, by its answers to our checks alone; that it sends is no consent. */
export class Consent {
  #answeredAt: number;
  #checkAt: number;
  #unanswered = 0;

  /** @param checkAt when to ask for the first time */
  constructor(now: number, checkAt = now + interval()) {
    this.#answeredAt = now;
    this.#checkAt = checkAt;
  }

  /** When {@link due} has something to say. */
  get nextAt(): number {
    const expiresAt = this.#unanswered >= MIN_UNANSWERED ? this.#answeredAt + EXPIRY_MS : Number.POSITIVE_INFINITY;
    return Math.min(this.#checkAt, expiresAt);
  }

  /** What is to be done now; 'check' counts one as sent. */
  due(now: number): 'check' | 'expired' | undefined {
    if (this.#unanswered >= MIN_UNANSWERED && now >= this.#answeredAt + EXPIRY_MS) return 'expired';
    if (now < this.#checkAt) return undefined;
    this.#checkAt = now + interval();
    this.#unanswered++;
    return 'check';
  }

  /** A check was answered, authentically and from where it went to. */
  answered(now: number): void {
    this.#answeredAt = now;
    this.#unanswered = 0;
  }
}

const interval = (): number => MIN_INTERVAL_MS + Math.random() * (MAX_INTERVAL_MS - MIN_INTERVAL_MS);
