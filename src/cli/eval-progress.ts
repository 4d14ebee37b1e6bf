import { complain, redraw, style } from './terminal.ts';

const BAR = 28;
/** A terminal's bar is drawn this often at most. */
const DRAW_MS = 100;

/** A bar on stderr where that is a terminal; in a pipe a line for each part that begins. */
export class FrameProgress {
  readonly #total: number;
  readonly #terminal = process.stderr.isTTY && process.env['TERM'] !== 'dumb';
  readonly #began = performance.now();
  #part = '';
  #done = 0;
  #drawn = 0;

  /** @param total steps until everything is done */
  constructor(total: number) {
    this.#total = total;
  }

  part(name: string): void {
    this.#part = name;
    if (!this.#terminal) complain(name);
  }

  step(): void {
    this.#done++;
    const now = performance.now();
    if (!this.#terminal || (now - this.#drawn < DRAW_MS && this.#done < this.#total)) return;
    this.#drawn = now;
    const share = Math.min(1, this.#done / this.#total);
    const seconds = (now - this.#began) / 1000;
    const left = Math.ceil((seconds * (1 - share)) / share);
    const bar = '█'.repeat(Math.round(share * BAR)).padEnd(BAR, '░');
    const facts = `${Math.floor(100 * share)} %, ${left} s left`;
    redraw(`  ${style.cyan(bar)} ${style.dim(facts)} ${this.#part}`, process.stderr);
  }

  end(): void {
    if (this.#terminal) redraw('', process.stderr);
  }
}
