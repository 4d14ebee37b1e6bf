import { DepthcastError } from '../errors.ts';
import { type ModelPrecision, PRECISIONS } from '../model/precision.ts';

/** Baselines that look at no pixel: everything equally far, and nearer towards the bottom of the picture. */
const BASELINES = ['constant', 'ramp'] as const;

/** Something whose depth is judged: a model in one mode, or a baseline. */
export interface Contender {
  /** As it was asked for, for tables. */
  label: string;
  /** Undefined for a model. */
  baseline: (typeof BASELINES)[number] | undefined;
  /** A model's name, or the path of a manifest, graph or checkpoint. */
  model: string;
  /** Network size; undefined for the model's default. */
  size: number | undefined;
  /** Of the network; undefined for the model's own. */
  precision: ModelPrecision | undefined;
  /** Whether a frame sees those before it. */
  memory: boolean;
  /** Whether memory is reset when the picture changes to another scene. */
  cuts: boolean;
}

const SYNTAX =
  'MODEL, MODEL:size=160,precision=int8,memory=off,cuts=off, :memory=off for the default model, constant or ramp';

/**
 * Reads `MODEL[:key=value,...]` with the keys size, precision, memory and cuts; without MODEL, `standard` is meant.
 * @throws DepthcastError BAD_OPTION
 */
export function parseContender(text: string, standard: string): Contender {
  const baseline = BASELINES.find((name) => name === text);
  // What follows the last colon is options only where it reads so: paths may hold colons.
  const [, model = text, list] = /^(.*):([a-z]+=[^:]*)$/.exec(text) ?? [];
  const contender: Contender = {
    label: text.startsWith(':') ? standard + text : text,
    baseline,
    model: model || standard,
    size: undefined,
    precision: undefined,
    memory: true,
    cuts: true,
  };
  for (const option of list?.split(',') ?? []) {
    const [key, value] = option.split('=');
    const bad = (why: string) => new DepthcastError('BAD_OPTION', { detail: `${text}: ${why}; write ${SYNTAX}` });
    if (key === 'size') {
      if (!/^\d{2,4}$/.test(value ?? '')) throw bad(`size=${value} is no number of pixels`);
      contender.size = Number(value);
    } else if (key === 'precision') {
      contender.precision = PRECISIONS.find((one) => one === value);
      if (contender.precision === undefined) throw bad(`precision is ${PRECISIONS.join(', ')}`);
    } else if (key === 'memory' || key === 'cuts') {
      if (value !== 'on' && value !== 'off') throw bad(`${key} is on or off`);
      contender[key] = value === 'on';
    } else throw bad(`${key} is no option`);
  }
  return contender;
}
