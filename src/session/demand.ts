/** Over which a rate is counted before it enters the mean. */
const WINDOW_MS = 1000;
/** Weight of the last window, and of the last frame's time. */
const MOMENTUM = 0.5;
const TIME_MOMENTUM = 0.1;

/** What one stream asks of the depth workers: pictures a second, whether or not they are made, and the time of one. */
export class Demand {
  #count = 0;
  #since = performance.now();
  #rate: number | undefined;
  #milliseconds: number | undefined;

  /** A picture came. */
  arrived(): void {
    this.#count++;
    this.#roll();
  }

  /** A worker was busy with one for `ms`. */
  took(ms: number): void {
    this.#milliseconds =
      this.#milliseconds === undefined ? ms : this.#milliseconds + TIME_MOMENTUM * (ms - this.#milliseconds);
  }

  /** Pictures a second; undefined before any was made into depth. */
  get rate(): number | undefined {
    this.#roll();
    return this.#milliseconds === undefined ? undefined : this.#rate;
  }

  /** Of a worker, for one picture. */
  get milliseconds(): number | undefined {
    return this.#milliseconds;
  }

  #roll(): void {
    const elapsed = performance.now() - this.#since;
    if (elapsed < WINDOW_MS) return;
    const rate = (1000 * this.#count) / elapsed;
    // A window without end is a pause: it counts as such at once.
    this.#rate =
      this.#rate === undefined || elapsed > 3 * WINDOW_MS ? rate : this.#rate + MOMENTUM * (rate - this.#rate);
    this.#count = 0;
    this.#since += elapsed;
  }
}
