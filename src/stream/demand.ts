/** Over which a rate is counted before it enters the mean. */
const WINDOW_MS = 1000;
/** Weight of the last window. */
const MOMENTUM = 0.5;
/**
 * Frames whose times are remembered, and fewest that say something: a first frame takes many times as long as those
 * after it, and on a busy machine any single one may.
 */
const TIMES = 15;
const MIN_TIMES = 5;

/** What one stream asks of the depth workers: pictures a second, whether or not they are made, and the time of one. */
export class Demand {
  #count = 0;
  #since = performance.now();
  #rate: number | undefined;
  readonly #times = new Float64Array(TIMES);
  #taken = 0;

  /** A picture came. */
  arrived(): void {
    this.#count++;
    this.#roll();
  }

  /** One of those that came needed no worker. */
  spared(): void {
    this.#count--;
  }

  /** A worker was busy with one for `ms`. */
  took(ms: number): void {
    this.#times[this.#taken++ % TIMES] = ms;
  }

  /** From now on a picture takes so many times as long. */
  scale(factor: number): void {
    for (let i = 0; i < TIMES; i++) this.#times[i]! *= factor;
  }

  /** Pictures a second; undefined as long as the time of one is not known. */
  get rate(): number | undefined {
    this.#roll();
    return this.milliseconds === undefined ? undefined : this.#rate;
  }

  /** Of a worker, for one picture: the median of the last; undefined before a few were made into depth. */
  get milliseconds(): number | undefined {
    const known = Math.min(TIMES, this.#taken);
    return known < MIN_TIMES ? undefined : this.#times.slice(0, known).sort()[known >> 1];
  }

  #roll(): void {
    const elapsed = performance.now() - this.#since;
    if (elapsed < WINDOW_MS) return;
    // One that came in the window before may have been spared in this one.
    const rate = Math.max(0, (1000 * this.#count) / elapsed);
    // A window without end is a pause: it counts as such at once.
    this.#rate =
      this.#rate === undefined || elapsed > 3 * WINDOW_MS ? rate : this.#rate + MOMENTUM * (rate - this.#rate);
    this.#count = 0;
    this.#since += elapsed;
  }
}
