import type { DepthError } from 'depthcast-client';
import { ADVICE } from '../advice.ts';
import { byId } from '../dom.ts';

/** What passes by itself is not shown for longer (milliseconds). */
const NOTICE_TIME = 10_000;

export interface ProblemOptions {
  /** Things go on: shown in a milder colour. */
  mild?: boolean;
  /** It passes by itself, and so does the panel. */
  passing?: boolean;
  /** When the next attempt comes (ms since the Unix epoch), and its number. */
  retry?: { at: number | undefined; attempt: number };
  /** What the button does; no button without. */
  action?: { label: string; run: () => void };
}

/** The panel that says what is wrong and what to do. */
export class ProblemPanel {
  readonly #panel = byId('problem', HTMLElement);
  readonly #countdown = byId('problem-countdown', HTMLElement);
  readonly #button = byId('problem-retry', HTMLButtonElement);
  #action: (() => void) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #notice: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#button.addEventListener('click', () => this.#action?.());
    byId('problem-dismiss', HTMLButtonElement).addEventListener('click', () => this.hide());
  }

  show(error: DepthError, { mild = false, passing = false, retry, action }: ProblemOptions = {}): void {
    this.#panel.hidden = false;
    this.#panel.classList.toggle('mild', mild);
    byId('problem-code', HTMLElement).textContent = error.code;
    byId('problem-message', HTMLElement).textContent = /[.!?]$/.test(error.message)
      ? error.message
      : `${error.message}.`;
    byId('problem-advice', HTMLElement).textContent = ADVICE[error.code] ?? '';
    this.#button.hidden = !action;
    this.#button.textContent = action?.label ?? '';
    this.#action = action?.run;
    clearInterval(this.#timer);
    this.#count(retry);
    clearTimeout(this.#notice);
    if (passing) this.#notice = setTimeout(() => this.hide(), NOTICE_TIME);
    if (retry?.at) this.#timer = setInterval(() => this.#count(retry), 250);
  }

  hide(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#notice);
    this.#panel.hidden = true;
  }

  #count(retry: ProblemOptions['retry']): void {
    const seconds = retry?.at ? Math.ceil((retry.at - Date.now()) / 1000) : 0;
    if (!retry) this.#countdown.textContent = '';
    else if (seconds > 0) this.#countdown.textContent = `Attempt ${retry.attempt} in ${seconds} s`;
    else this.#countdown.textContent = `Attempt ${retry.attempt} …`;
  }
}
