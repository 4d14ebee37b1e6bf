import type { ReceivedFrame } from 'depthcast-client';
import { formatValue, valueAt } from '../depth-picture.ts';
import { make } from '../dom.ts';
import type { View } from './views.ts';

/** Nearness, 0 (far) to 1, in hundredths on the sliders. */
const DEFAULTS = { planet: 30, far: 55, near: 100 };

/** What can be set of the present view: where the planet stands, and between which distances a cut-out stays. */
export class ViewSettings {
  readonly #root: HTMLElement;
  readonly #changed: () => void;
  readonly #planet = slider('Distance of the planet', DEFAULTS.planet);
  readonly #far = slider('Keep from', DEFAULTS.far);
  readonly #near = slider('to', DEFAULTS.near);
  readonly #white = make('input', { type: 'checkbox' });
  #range: Pick<ReceivedFrame, 'unit' | 'near' | 'far'> | undefined;

  constructor(root: HTMLElement, changed: () => void) {
    this.#root = root;
    this.#changed = changed;
    for (const { input } of [this.#planet, this.#far, this.#near])
      input.addEventListener('input', () => {
        // The two ends of a cut-out push each other, so that something is always between them.
        if (input === this.#far.input) this.#near.input.valueAsNumber = Math.max(this.#near.value, this.#far.value + 5);
        if (input === this.#near.input) this.#far.input.valueAsNumber = Math.min(this.#far.value, this.#near.value - 5);
        this.#write();
        changed();
      });
    this.#white.addEventListener('change', () => this.#changed());
    this.#write();
  }

  /** Of the planet. */
  get nearness(): number {
    return this.#planet.value / 100;
  }

  setNearness(nearness: number): void {
    this.#planet.input.valueAsNumber = Math.round(nearness * 100);
    this.#write();
  }

  get matte(): { far: number; near: number; white: boolean } {
    // What is beyond the display range counts as its end.
    const [far, near] = [this.#far.value / 100, this.#near.value / 100];
    return { far: far <= 0 ? -1 : far, near: near >= 1 ? 2 : near, white: this.#white.checked };
  }

  choose(view: View): void {
    const rows: Partial<Record<View, HTMLElement[]>> = {
      insert: [this.#planet.label],
      matte: [this.#far.label, this.#near.label, make('label', { className: 'check' }, this.#white, 'white on black')],
    };
    this.#root.replaceChildren(...(rows[view] ?? []));
  }

  /** Lets the sliders say metres, where the depth has any. */
  showUnit({ unit, near, far }: ReceivedFrame): void {
    const last = this.#range;
    this.#range = { unit, near, far };
    if (unit !== last?.unit || unit === 'metres') this.#write();
  }

  #write(): void {
    for (const { input, output, value } of [this.#planet, this.#far, this.#near]) {
      const range = this.#range;
      const text =
        range?.unit === 'metres'
          ? formatValue(valueAt(value / 100, range), 'metres')
          : value >= 100
            ? 'nearest'
            : value <= 0
              ? 'farthest'
              : `${value} % near`;
      if (output.textContent === text) continue;
      output.textContent = text;
      input.setAttribute('aria-valuetext', text);
    }
  }
}

function slider(text: string, value: number) {
  const input = make('input', { type: 'range', min: '0', max: '100', step: '1' });
  input.valueAsNumber = value;
  const output = make('output');
  return {
    input,
    output,
    label: make('label', {}, text, input, output),
    get value() {
      return input.valueAsNumber;
    },
  };
}
