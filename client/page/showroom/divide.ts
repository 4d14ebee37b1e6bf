/** Parts of the width that an arrow key moves the line, and with Page Up or Down. */
const STEP = 0.02;
const LEAP = 0.1;

/** The line between picture and depth: drawn along with a finger, a mouse or the keyboard, as ARIA's slider. */
export class Divide {
  /** 0 to 1 of the width. */
  at = 0.5;
  readonly #element: HTMLElement;
  readonly #stage: HTMLElement;
  readonly #moved: (at: number) => void;

  /** @param stage on which a pointer may be put down anywhere */
  constructor(element: HTMLElement, stage: HTMLElement, moved: (at: number) => void) {
    this.#element = element;
    this.#stage = stage;
    this.#moved = moved;
    stage.addEventListener('pointerdown', (event) => this.#press(event));
    stage.addEventListener('pointermove', (event) => {
      if (stage.hasPointerCapture(event.pointerId)) this.#follow(event);
    });
    element.addEventListener('keydown', (event) => this.#key(event));
  }

  #press(event: PointerEvent): void {
    if (this.#stage.dataset['view'] !== 'compare' || event.button !== 0) return;
    if (event.target instanceof Element && event.target.closest('button')) return;
    this.#stage.setPointerCapture(event.pointerId);
    // A click beside the line is meant for it; the focus shows where arrow keys go.
    this.#element.focus({ preventScroll: true });
    event.preventDefault();
    this.#follow(event);
  }

  #follow(event: PointerEvent): void {
    const { left, width } = this.#stage.getBoundingClientRect();
    this.#move((event.clientX - left) / width);
  }

  #key(event: KeyboardEvent): void {
    const by = {
      ArrowLeft: -STEP,
      ArrowDown: -STEP,
      ArrowRight: STEP,
      ArrowUp: STEP,
      PageDown: -LEAP,
      PageUp: LEAP,
      Home: -1,
      End: 1,
    }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.#move(this.at + by);
  }

  #move(to: number): void {
    this.at = Math.min(1, Math.max(0, to));
    const percent = Math.round(this.at * 100);
    this.#stage.style.setProperty('--divide', `${(this.at * 100).toFixed(2)}%`);
    this.#element.setAttribute('aria-valuenow', String(percent));
    this.#element.setAttribute('aria-valuetext', `${percent} % picture`);
    this.#moved(this.at);
  }
}
