/** The element with an id, checked for its class. */
export function byId<T extends Element>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`#${id} is missing or no ${type.name}`);
  return element;
}

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export interface Choice<T> {
  value: T;
  disabled: boolean;
}

/** Fills a fieldset with radio buttons that look like one control of several segments. */
export function segments<T extends string>(
  id: string,
  options: readonly (readonly [T, string])[],
  changed: (value: T) => void,
): Choice<T> {
  const fieldset = byId(id, HTMLFieldSetElement);
  const inputs = options.map(([value, label]) => {
    const input = make('input', { type: 'radio', name: id, value });
    input.addEventListener('change', () => changed(value));
    fieldset.append(make('label', {}, input, make('span', {}, label)));
    return input;
  });
  return {
    get value() {
      return (inputs.find((input) => input.checked)?.value ?? options[0]?.[0]) as T;
    },
    set value(value) {
      for (const input of inputs) input.checked = input.value === value;
    },
    get disabled() {
      return fieldset.disabled;
    },
    set disabled(disabled) {
      fieldset.disabled = disabled;
    },
  };
}

/** Replaces the options of a select and keeps its choice where it still exists. */
export function fillSelect(
  select: HTMLSelectElement,
  options: readonly (readonly [string, string])[],
  value?: string,
): void {
  const wanted = value ?? select.value;
  select.replaceChildren(...options.map(([v, label]) => new Option(label, v)));
  if (options.some(([v]) => v === wanted)) select.value = wanted;
}
