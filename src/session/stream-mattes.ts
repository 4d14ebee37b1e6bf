import { access, constants, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Logger } from 'pino';
import * as z from 'zod/mini';
import { writeFileAtomically } from '../atomic-file.ts';
import { STREAM_NAME } from '../config/pulled-source.ts';
import type { SettledConfig } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import {
  DEFAULT_MATTE,
  type MatteChange,
  type MatteSettings,
  matteSettings,
  withMatteChange,
} from '../protocol/matte.ts';
import type { Registry } from './registry.ts';

/** Streams whose settings are kept, and presets of each. */
const MAX_STREAMS = 256;
const MAX_PRESETS = 32;
export const PRESET_NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,31}$/u;

interface Kept {
  settings: MatteSettings;
  presets: Record<string, MatteSettings>;
}

const keptSchema = z.record(
  z.string().check(z.regex(STREAM_NAME)),
  z.strictObject({
    settings: matteSettings,
    presets: z.record(z.string().check(z.regex(PRESET_NAME)), matteSettings),
  }),
);

interface Context {
  config: Pick<SettledConfig, 'outputs'>;
  registry: Pick<Registry, 'onAnyStream' | 'streams'>;
  log: Logger;
}

/**
 * What the mattes of streams show, by the streams' names: a stream that begins again finds what was set, and presets outlast it. In
 * memory, or, with `outputs.settingsFile`, in a file.
 */
export class StreamMattes {
  readonly #context: Context;
  readonly #file: string | undefined;
  readonly #kept: Map<string, Kept>;
  #writing: Promise<void> = Promise.resolve();
  #dirty = false;
  /** The last write failed. */
  #unsaved = false;

  private constructor(context: Context, file: string | undefined, kept: Map<string, Kept>) {
    this.#context = context;
    this.#file = file;
    this.#kept = kept;
    context.registry.onAnyStream((stream) => {
      const found = this.#kept.get(stream.name);
      if (!found) return;
      const { settings } = found;
      if (settings.unit === 'metres' && stream.unit !== 'metres')
        context.log.warn(
          { stream: stream.name, code: 'NOT_METRIC' },
          `the settings of its matte are in metres, and ${stream.model} gives relative depth: they wait until they are set anew`,
        );
      else stream.setMatte({ settings, change: settings });
    });
  }

  /** @throws DepthcastError BAD_CONFIG where the file is there and cannot be read, or its folder cannot be written to */
  static async open(context: Context): Promise<StreamMattes> {
    const { settingsFile } = context.config.outputs;
    const file = settingsFile === null ? undefined : resolve(settingsFile);
    if (file !== undefined)
      await access(dirname(file), constants.W_OK).catch((thrown: Error) => {
        throw new DepthcastError('BAD_CONFIG', { detail: `outputs.settingsFile ${file}: ${thrown.message}` });
      });
    return new StreamMattes(context, file, new Map(file === undefined ? [] : Object.entries(await read(file))));
  }

  /** Where changes are kept. */
  get keptIn(): 'file' | 'memory' {
    return this.#file === undefined || this.#unsaved ? 'memory' : 'file';
  }

  settings(name: string): MatteSettings {
    return this.#kept.get(name)?.settings ?? DEFAULT_MATTE;
  }

  presets(name: string): Readonly<Record<string, MatteSettings>> {
    return this.#kept.get(name)?.presets ?? {};
  }

  /** On air with the next frame. @throws DepthcastError BAD_OPTION, NOT_METRIC, OUTPUT_LIMIT */
  change(name: string, change: MatteChange): MatteSettings {
    const next = withMatteChange(this.settings(name), change);
    if (typeof next === 'string') throw new DepthcastError('BAD_OPTION', { detail: next });
    const stream = this.#context.registry.streams.find((one) => one.name === name);
    if (next.unit === 'metres' && stream && stream.unit !== 'metres')
      throw new DepthcastError('NOT_METRIC', {
        detail: `${stream.model} gives relative depth; set a unit of normalised`,
      });
    const kept = this.#place(name);
    kept.settings = next;
    stream?.setMatte({ settings: next, change });
    this.#tidy(name);
    this.#save();
    return next;
  }

  /** On air with the next frame. @throws DepthcastError PRESET_NOT_FOUND, NOT_METRIC */
  recall(name: string, preset: string): MatteSettings {
    return this.change(name, this.preset(name, preset));
  }

  /** Keeps settings, by default those that are on air, under a name. @throws DepthcastError BAD_OPTION, OUTPUT_LIMIT */
  savePreset(name: string, preset: string, change: MatteChange): MatteSettings {
    if (!PRESET_NAME.test(preset))
      throw new DepthcastError('BAD_OPTION', { detail: 'a preset is named by 1 to 32 letters, digits, spaces, . _ -' });
    const next = withMatteChange(this.settings(name), change);
    if (typeof next === 'string') throw new DepthcastError('BAD_OPTION', { detail: next });
    const kept = this.#place(name);
    if (!Object.hasOwn(kept.presets, preset) && Object.keys(kept.presets).length >= MAX_PRESETS)
      throw new DepthcastError('OUTPUT_LIMIT', { detail: `${MAX_PRESETS} presets of a stream` });
    kept.presets[preset] = next;
    this.#save();
    return next;
  }

  /** @throws DepthcastError PRESET_NOT_FOUND */
  removePreset(name: string, preset: string): void {
    this.preset(name, preset);
    delete this.#kept.get(name)!.presets[preset];
    this.#tidy(name);
    this.#save();
  }

  /** @throws DepthcastError PRESET_NOT_FOUND */
  preset(name: string, preset: string): MatteSettings {
    const { presets } = this.#kept.get(name) ?? { presets: {} };
    if (!Object.hasOwn(presets, preset)) throw new DepthcastError('PRESET_NOT_FOUND', { detail: preset });
    return presets[preset as keyof typeof presets];
  }

  /** Settles when all that was changed is in the file. */
  async close(): Promise<void> {
    await this.#writing;
  }

  #place(name: string): Kept {
    let kept = this.#kept.get(name);
    if (kept === undefined) {
      if (this.#kept.size >= MAX_STREAMS && !this.#forgetOne())
        throw new DepthcastError('OUTPUT_LIMIT', { detail: `settings of ${MAX_STREAMS} streams` });
      // No prototype: a preset may be named as anything.
      kept = { settings: { ...DEFAULT_MATTE }, presets: Object.create(null) as Kept['presets'] };
      this.#kept.set(name, kept);
    }
    return kept;
  }

  /** What says nothing takes no place. */
  #tidy(name: string): void {
    const kept = this.#kept.get(name);
    if (!kept || Object.keys(kept.presets).length > 0) return;
    if (Object.entries(DEFAULT_MATTE).every(([key, value]) => kept.settings[key as keyof MatteSettings] === value))
      this.#kept.delete(name);
  }

  /** Settings of the name that was set first, of those that are not live and have no presets. */
  #forgetOne(): boolean {
    const live = new Set(this.#context.registry.streams.map(({ name }) => name));
    for (const [name, { presets }] of this.#kept) {
      if (live.has(name) || Object.keys(presets).length > 0) continue;
      this.#context.log.info(
        { stream: name },
        `settings of its matte are forgotten, for those of ${MAX_STREAMS} newer names`,
      );
      return this.#kept.delete(name);
    }
    return false;
  }

  /** One write at a time; what changes meanwhile goes into the next. */
  #save(): void {
    const file = this.#file;
    if (file === undefined || this.#dirty) return;
    this.#dirty = true;
    this.#writing = this.#writing.then(async () => {
      this.#dirty = false;
      await writeFileAtomically(file, `${JSON.stringify(Object.fromEntries(this.#kept), undefined, 2)}\n`);
      this.#unsaved = false;
    });
    this.#writing = this.#writing.catch((thrown: Error) => {
      this.#unsaved = true;
      this.#context.log.error({ file, error: thrown.message }, 'matte settings could not be saved');
    });
  }
}

async function read(file: string): Promise<Record<string, Kept>> {
  const refuse = (detail: string, cause?: unknown) =>
    new DepthcastError('BAD_CONFIG', { detail: `outputs.settingsFile ${file}: ${detail}`, cause });
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw refuse((thrown as Error).message, thrown);
  }
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch (thrown) {
    throw refuse('no JSON', thrown);
  }
  const result = keptSchema.safeParse(tree);
  if (!result.success) throw refuse(result.error.issues[0]!.path.join('.') || 'not as depthcast writes it');
  for (const [name, { settings, presets }] of Object.entries(result.data))
    for (const one of [settings, ...Object.values(presets)]) {
      const problem = withMatteChange(one, {});
      if (typeof problem === 'string') throw refuse(`${name}: ${problem}`);
    }
  return result.data;
}
