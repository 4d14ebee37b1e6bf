import { DEFAULT_MATTE, type MatteChange, type MatteSettings, withMatteChange } from '../protocol/matte.ts';

/** The settings that one receiver's matte has at the moment. A change of them makes another object. */
export interface MatteView {
  readonly settings: MatteSettings;
}

/**
 * What a stream's mattes show. Everybody sees the stream's settings; who asked for some of his own sees these instead, each until it
 * is changed for the stream: a change on air reaches every picture that is on air.
 */
export class MatteControl implements MatteView {
  #settings: MatteSettings = { ...DEFAULT_MATTE };
  readonly #own = new Set<WeakRef<OwnMatte>>();

  get settings(): MatteSettings {
    return this.#settings;
  }

  /** @param change what of them was changed on purpose. @param settings all of them, as they are then */
  set(settings: MatteSettings, change: MatteChange): void {
    this.#settings = { ...settings };
    for (const ref of this.#own) {
      const own = ref.deref();
      if (own === undefined) this.#own.delete(ref);
      else own.follow(this.#settings, change);
    }
  }

  /** @returns a view of the stream's settings with these instead, or a sentence that says why there is none */
  own(change: MatteChange): MatteView | string {
    const settings = withMatteChange(this.#settings, change);
    if (typeof settings === 'string') return settings;
    const asked = keyOf(change);
    for (const ref of this.#own) {
      const own = ref.deref();
      if (own === undefined) this.#own.delete(ref);
      // Whoever asks for the same shares it, and so what is encoded of it.
      else if (own.asked === asked) return own;
    }
    const own = new OwnMatte(settings, change);
    this.#own.add(new WeakRef(own));
    return own;
  }
}

const keyOf = (change: MatteChange): string =>
  JSON.stringify(Object.entries(change).sort(([a], [b]) => (a < b ? -1 : 1)));

class OwnMatte implements MatteView {
  settings: MatteSettings;
  #own: MatteChange;

  constructor(settings: MatteSettings, own: MatteChange) {
    this.settings = settings;
    this.#own = own;
  }

  /** What of them is still one's own. */
  get asked(): string {
    return keyOf(this.#own);
  }

  follow(streams: MatteSettings, change: MatteChange): void {
    const left = Object.entries(this.#own).filter(([key]) => change[key as keyof MatteChange] === undefined);
    const own: MatteChange = change.unit === undefined ? Object.fromEntries(left) : {};
    const next = withMatteChange(streams, own);
    // What is left of one's own may not fit what is new.
    this.#own = typeof next === 'string' ? {} : own;
    this.settings = typeof next === 'string' ? streams : next;
  }
}
