/** Of the depth workers' time, asked for: from here on frames are about to be dropped. */
const FULL = 0.85;
/** What a smaller size is to bring it down to, and what a larger one may bring it up to. */
const AIM = 0.7;
const ROOM = 0.65;
/** Share of the pictures that lost their place to newer ones: too many, and none to speak of. */
const TOO_MANY = 0.03;
const NONE = 0.005;
/** Ticks that a server must be busy before a step, and that the last step is given to show. */
const BUSY_TICKS = 2;
const SETTLING_TICKS = 3;
/** Ticks of calm before a step up: at first, and at most, after steps that had to be taken back within so many. */
const PATIENCE = 10;
const MAX_PATIENCE = 160;
const REGRET_TICKS = 30;

/** What streams ask of the depth workers. */
export interface Load {
  /** Of their time: 1 when every picture just gets its depth. */
  utilisation: number;
  /** Share of the pictures of the last second that lost their place to newer ones. */
  dropped: number;
}

/**
 * By how many steps networks are made smaller, so that quality gives way before frames do. Down at once, as far as the load says; up
 * one step at a time, when a larger network would leave room, and to each the more slowly the more often that was a mistake. It has no clock:
 * `tick` is called once a second.
 */
export class SizeControl {
  readonly #costs: readonly number[];
  #steps = 0;
  #busy = 0;
  #calm = 0;
  #sinceStep = 0;
  #sinceUp = Number.POSITIVE_INFINITY;
  /** For a step up to each. */
  readonly #patience: number[];

  /** @param costs of a frame at each step, the largest network first, falling; of any unit */
  constructor(costs: readonly number[]) {
    this.#costs = costs;
    this.#patience = costs.map(() => PATIENCE);
  }

  get steps(): number {
    return this.#steps;
  }

  /** @returns the steps from now on */
  tick({ utilisation, dropped }: Load): number {
    this.#sinceStep++;
    this.#sinceUp++;
    this.#busy = utilisation > FULL || dropped > TOO_MANY ? this.#busy + 1 : 0;
    const room = this.#steps > 0 && dropped <= NONE && this.#at(this.#steps - 1, utilisation) <= ROOM;
    this.#calm = room ? this.#calm + 1 : 0;
    const steps = this.#steps;
    if (this.#sinceUp === REGRET_TICKS) this.#patience[steps] = Math.max(PATIENCE, this.#patience[steps]! / 2);
    if (this.#sinceStep < SETTLING_TICKS) return this.#steps;
    if (this.#busy >= BUSY_TICKS && this.#steps < this.#costs.length - 1) this.#down(utilisation);
    else if (this.#steps > 0 && this.#calm >= this.#patience[this.#steps - 1]!) this.#up();
    return this.#steps;
  }

  #down(utilisation: number): void {
    const steps = this.#steps;
    if (this.#sinceUp < REGRET_TICKS) this.#patience[steps] = Math.min(MAX_PATIENCE, 2 * this.#patience[steps]!);
    let next = steps + 1;
    if (utilisation > FULL) while (next < this.#costs.length - 1 && this.#at(next, utilisation) > AIM) next++;
    this.#go(next);
    this.#sinceUp = Number.POSITIVE_INFINITY;
  }

  #up(): void {
    this.#go(this.#steps - 1);
    this.#sinceUp = 0;
  }

  #go(steps: number): void {
    this.#steps = steps;
    this.#busy = 0;
    this.#calm = 0;
    this.#sinceStep = 0;
  }

  /** The utilisation that another step would bring. */
  #at(steps: number, utilisation: number): number {
    return (utilisation * this.#costs[steps]!) / this.#costs[this.#steps]!;
  }
}
