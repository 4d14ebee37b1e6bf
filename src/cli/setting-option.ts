import { type Command, InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import { type Config, configSchema } from '../config/schema.ts';

/** `section.key` of a setting. */
export type SettingKey = {
  [S in keyof Config]: Config[S] extends readonly unknown[] ? S : `${S}.${keyof Config[S] & string}`;
}[keyof Config];

/** What `SettingOption` may say beside key, flags and text. */
interface Extra {
  /** Said in place of the schema's default. */
  defaultText?: string;
  /** Of a flag without an argument: what it sets the key to; true without. */
  value?: unknown;
}

/**
 * An option of the command line that sets one key of the settings. What it accepts, its choices and the default that help tells
 * are those of the key in the schema.
 */
export class SettingOption extends Option {
  readonly key: SettingKey;
  /** Without an argument. */
  readonly #flag: boolean;
  readonly #value: unknown;

  /** @param flags as commander's, `-p, --port <number>` */
  constructor(key: SettingKey, flags: string, text: string, { defaultText, value = true }: Extra = {}) {
    const schema = schemaOf(key);
    const initial = schema.safeParse(undefined).data;
    const told =
      defaultText ?? (typeof initial === 'string' || typeof initial === 'number' ? String(initial) : undefined);
    super(flags, told === undefined ? text : `${text} (default: ${told})`);
    this.key = key;
    this.#flag = !this.required && !this.optional;
    this.#value = value;
    const names = choicesOf(schema);
    if (this.#flag) return;
    if (names) this.choices(names);
    else if (this.variadic)
      this.argParser((text: string, before: unknown[] = []) => {
        const list = [...before, text];
        check(schema, [list]);
        return list;
      });
    else this.argParser((text: string) => check(schema, /^-?\d+(\.\d+)?$/.test(text) ? [Number(text), text] : [text]));
  }

  /** The key's value that the command line asks for; undefined where it does not. */
  valueIn(options: Record<string, unknown>): unknown {
    const given = options[this.attributeName()];
    if (!this.#flag) return given;
    // A flag that begins with `no-` is true until it is there.
    return given === !this.negate ? this.#value : undefined;
  }
}

/** Of every command that runs one model. */
export const modelOption = (): SettingOption =>
  new SettingOption('depth.model', '-m, --model <name|file>', 'depth model: a name, manifest or checkpoint');

export const deviceOption = (): SettingOption =>
  new SettingOption('depth.device', '--device <name>', 'what runs the network');

export const threadsOption = (text: string, defaultText = 'measured'): SettingOption =>
  new SettingOption('depth.threads', '--threads <number>', text, { defaultText });

/** What the options of a command set, by key: for `readSettings`. */
export function settingsOf(command: Command): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const option of command.options)
    if (option instanceof SettingOption) {
      const value = option.valueIn(command.opts());
      if (value !== undefined) given[option.key] = value;
    }
  return given;
}

/** The first of `values` that the schema accepts. */
function check(schema: z.ZodType, values: readonly unknown[]): unknown {
  const results = values.map((value) => schema.safeParse(value));
  const good = results.find(({ success }) => success);
  if (good) return good.data;
  throw new InvalidArgumentError(`${messageOf(results[0]!.error!.issues)}.`);
}

/** Of a value that may have several types: what is wrong for each of them. */
const messageOf = ([issue]: readonly z.core.$ZodIssue[]): string =>
  issue!.code === 'invalid_union' ? issue!.errors.map(messageOf).join('; or ') : issue!.message;

function schemaOf(key: SettingKey): z.ZodType {
  const [section, name] = key.split('.') as [keyof Config, string?];
  const schema = configSchema.shape[section];
  return name !== undefined && 'shape' in schema ? (schema.shape as Record<string, z.ZodType>)[name]! : schema;
}

/** The names that an enum accepts, also where it may be left out. */
function choicesOf(schema: z.core.$ZodType): string[] | undefined {
  const { innerType, entries } = schema._zod.def as { innerType?: z.core.$ZodType; entries?: Record<string, string> };
  return entries ? Object.values(entries) : innerType && choicesOf(innerType);
}
