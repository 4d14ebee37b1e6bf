import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { devicesOf } from '../config/devices.ts';
import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import { type Contender, parseContender } from '../evaluation/contender.ts';
import { findSequences } from '../evaluation/dataset.ts';
import { type Evaluation, evaluate } from '../evaluation/evaluate.ts';
import type { Snapshot } from '../evaluation/judge.ts';
import { Predictors } from '../evaluation/predictor.ts';
import { type PaintedSnapshot, paint } from '../evaluation/report/paint.ts';
import { FrameProgress } from './eval-progress.ts';
import { printEvaluation } from './eval-table.ts';
import { chosenModel } from './models-options.ts';
import { complain, sayJson, style } from './terminal.ts';

/** What the command line says. */
export interface EvalOptions {
  config?: string;
  model?: string;
  compare?: string[];
  baselines?: boolean;
  metric?: boolean;
  inputSize?: number;
  maxFrames?: number;
  stride: number;
  threads?: number;
  json?: boolean;
  html?: string;
}

/** Contenders of one run: each keeps its own memory and maps. */
const MAX_CONTENDERS = 12;
/** Frames of a sequence whose pictures a report shows, and pictures in all, at about 20 KB each. */
const MAX_SNAPSHOTS = 3;
const MAX_PICTURES = 600;

/** @throws DepthcastError BAD_DATASET, BAD_OPTION, UNKNOWN_SCENE, MODEL_NOT_FOUND and what running a model throws */
export async function runEvaluation(
  datasets: readonly string[],
  options: EvalOptions,
  config: Config,
  version: string,
): Promise<void> {
  const contenders = contendersOf(options, config);
  if (options.html !== undefined) checkWritable(options.html);
  const { maxFrames, stride } = options;
  const entries = await findSequences(datasets, { maxFrames, stride });

  const stop = new AbortController();
  const onSignal = () => {
    // A second one ends at once.
    if (stop.signal.aborted) process.exit(130);
    stop.abort(new Error('stopped'));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const progress = new FrameProgress(2 * entries.reduce((sum, { frames }) => sum + frames, 0));
  const shown = contenders.map(({ baseline }) => baseline === undefined);
  // Of each sequence: colour and truth, and two of each model.
  const picturesEach = Math.max(
    1,
    Math.min(MAX_SNAPSHOTS, Math.floor(MAX_PICTURES / (entries.length * (2 + 2 * shown.filter(Boolean).length)))),
  );
  const snapshots: PaintedSnapshot[][] = [];
  let result: Evaluation;
  try {
    const { metric } = options;
    const find: Parameters<typeof Predictors.load>[1] = (model, { precision }) =>
      chosenModel(model, { ...(metric !== undefined && { metric }), ...(precision && { precision }) }, config);
    const predictors = await Predictors.load(contenders, find, config.depth.threads, devicesOf(config));
    try {
      result = await evaluate(entries, predictors.list, {
        signal: stop.signal,
        onSequence: ({ name, frames }) => {
          progress.part(name);
          const taken: PaintedSnapshot[] = [];
          snapshots.push(taken);
          return {
            onStep: () => progress.step(),
            ...(options.html !== undefined && {
              snapshots: spread(frames, picturesEach),
              onSnapshot: async (snapshot: Snapshot) => void taken.push(await paint(snapshot, shown)),
            }),
          };
        },
      });
    } finally {
      await predictors.close();
    }
  } finally {
    progress.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }

  if (options.html !== undefined && result.sequences.length > 0) {
    const { reportPage } = await import('../evaluation/report/page.ts');
    writeReport(options.html, reportPage(result, { version, datasets, date: new Date(), snapshots }));
  }
  if (options.json)
    sayJson({ version, datasets, maxFrames, stride, complete: !stop.signal.aborted, ...result }, { replacer: rounded });
  else if (result.sequences.length > 0) printEvaluation(result);
  if (options.html !== undefined && result.sequences.length > 0) complain(`${style.green('written')} ${options.html}`);
  if (stop.signal.aborted) {
    complain(style.yellow(`stopped after ${result.sequences.length} of ${entries.length} sequences`));
    process.exitCode = 130;
  }
}

function contendersOf({ compare = [], baselines, inputSize }: EvalOptions, config: Config): Contender[] {
  const standard = config.depth.model;
  const others = [...compare, ...(baselines ? ['constant', 'ramp'] : [])];
  // The model itself comes first, unless it is among the others.
  const texts = others.includes(standard) ? others : [standard, ...others];
  const list = texts
    .map((text) => parseContender(text, standard))
    .map((one) => ({
      ...one,
      size: one.size ?? inputSize,
      precision: one.precision ?? config.depth.precision ?? undefined,
    }));
  const twice = list.find(({ label }, n) => list.findIndex((other) => other.label === label) < n);
  if (twice) throw new DepthcastError('BAD_OPTION', { detail: `${twice.label} is named twice` });
  if (list.length > MAX_CONTENDERS)
    throw new DepthcastError('BAD_OPTION', { detail: `${list.length} models; at most ${MAX_CONTENDERS} in one run` });
  return list;
}

/** Before hours of work, not after. */
function checkWritable(file: string): void {
  try {
    accessSync(dirname(resolve(file)), constants.W_OK);
  } catch (cause) {
    throw new DepthcastError('BAD_OPTION', { detail: `--html ${file}: its folder cannot be written to`, cause });
  }
}

/** @throws DepthcastError DISK_FULL */
function writeReport(file: string, page: string): void {
  try {
    writeFileSync(file, page);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOSPC') throw new DepthcastError('DISK_FULL', { detail: file });
    throw thrown;
  }
}

/** Frames, evenly over the sequence. */
function spread(frames: number, count: number): Set<number> {
  return new Set(Array.from({ length: count }, (_, n) => Math.floor(((2 * n + 1) * frames) / (2 * count))));
}

/** Six digits are more than the last bit of any measure is worth. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
}
