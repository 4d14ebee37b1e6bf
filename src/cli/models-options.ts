import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from '../config/schema.ts';
import { findModel, type InstalledModel } from '../model/library.ts';
import { type ModelPrecision, PRECISIONS } from '../model/precision.ts';
import { modelFolder } from '../model/store/folder.ts';
import { integer } from './options.ts';

/** What neither a bare checkpoint's name nor its shapes tell. */
export interface CheckpointOptions {
  metric?: boolean;
  heads?: number;
  layers?: number[];
  precision?: ModelPrecision;
}

export const precisionOption = (): Option =>
  new Option('--precision <type>', "of the network (default: the model's own, see: models list)").choices(PRECISIONS);

export const checkpointOptions = (command: Command): Command =>
  command
    .addOption(precisionOption())
    .option('--metric', 'the checkpoint gives metres (default: by its file name)')
    .option('--heads <number>', "the encoder's attention heads, if not of 64 channels each", integer(1, 1024))
    .option('--layers <a,b,c,d>', 'encoder blocks that the head taps, if not the published ones', layers);

/** @throws DepthcastError MODEL_NOT_FOUND, BAD_MANIFEST */
export function chosenModel(name: string, options: CheckpointOptions, config: Config): InstalledModel {
  const { metric, heads, layers, precision } = options;
  return findModel(name, {
    store: modelFolder(config.models.folder),
    metric,
    precision,
    network: { heads, taps: layers },
  });
}

function layers(text: string): number[] {
  const list = text.split(',').map(Number);
  if (list.length !== 4 || !list.every((layer) => Number.isInteger(layer) && layer >= 0))
    throw new InvalidArgumentError('four block numbers from 0 are expected, such as 2,5,8,11.');
  return list;
}

/** For people: how far a network of less precision is from its float32 self. */
export const parityText = (error: number): string =>
  `${(100 * error).toPrecision(2)} % of a depth map's spread from fp32, on the trial picture`;
