import type { SimulatedReplica } from './fleet.ts';

/**
 * One HAProxy as docker/cluster/haproxy.cfg sets it up: weighted round robin by what the agents said last, offers that are
 * refused with 503 are sent to another replica, three times at most.
 */
export class SimulatedBalancer {
  readonly #replicas: readonly SimulatedReplica[];
  /** As last asked; 0 is out of the choice. */
  readonly #weights: Float64Array;
  /** Of each, when it is its turn again, in a time that passes by 1/weight. */
  readonly #turns: Float64Array;
  #now = 0;

  constructor(replicas: readonly SimulatedReplica[]) {
    this.#replicas = replicas;
    this.#weights = new Float64Array(replicas.length);
    this.#turns = new Float64Array(replicas.length);
  }

  /** Asks every agent. A replica that is gone is found so by the check. */
  ask(): void {
    for (const [i, replica] of this.#replicas.entries()) {
      const weight = replica.alive ? replica.weight : 0;
      // One that comes back does not have all the turns that it missed.
      if (this.#weights[i] === 0 && weight > 0) this.#turns[i] = this.#now + 1 / weight;
      this.#weights[i] = weight;
    }
  }

  /** @returns the next replica that is not among those tried */
  #next(tried: ReadonlySet<number>): number {
    let best = -1;
    for (let i = 0; i < this.#replicas.length; i++)
      if (this.#weights[i]! > 0 && !tried.has(i) && (best < 0 || this.#turns[i]! < this.#turns[best]!)) best = i;
    if (best >= 0) {
      this.#now = Math.max(this.#now, this.#turns[best]!);
      this.#turns[best] = this.#now + 1 / this.#weights[best]!;
    }
    return best;
  }

  /**
   * @param take what a replica says to the offer: undefined where it has taken it, else seconds of Retry-After
   * @returns which replica has it, or the seconds after which to come again, and how many were asked
   */
  place(take: (replica: SimulatedReplica, index: number) => number | undefined): {
    index: number;
    retryAfter: number;
    asked: number;
  } {
    const tried = new Set<number>();
    let retryAfter = NO_REPLICA_RETRY;
    for (let asked = 0; asked <= RETRIES; asked++) {
      const index = this.#next(tried);
      if (index < 0) return { index, retryAfter, asked };
      tried.add(index);
      const replica = this.#replicas[index]!;
      if (!replica.alive) continue;
      const refused = take(replica, index);
      if (refused === undefined) return { index, retryAfter: 0, asked: asked + 1 };
      retryAfter = refused;
    }
    return { index: -1, retryAfter, asked: RETRIES + 1 };
  }
}

/** As haproxy.cfg has them: `retries`, and the Retry-After of its own 503. */
const RETRIES = 3;
const NO_REPLICA_RETRY = 5;
