import { type Command, InvalidArgumentError } from 'commander';
import type { Config } from '../config/schema.ts';
import { findModel, type InstalledModel } from '../model/library.ts';
import { modelFolder } from '../model/store/folder.ts';
import { integer } from './options.ts';

/** What neither a bare checkpoint's name nor its shapes tell. */
export interface CheckpointOptions {
  metric?: boolean;
  heads?: number;
  layers?: number[];
}

export const checkpointOptions = (command: Command): Command =>
  command
    .option('--metric', 'the checkpoint gives metres (default: by its file name)')
    .option('--heads <number>', "the encoder's attention heads, if not of 64 channels each", integer(1, 1024))
    .option('--layers <a,b,c,d>', 'encoder blocks that the head taps, if not the published ones', layers);

/** @throws DepthcastError MODEL_NOT_FOUND, BAD_MANIFEST */
export function chosenModel(name: string, options: CheckpointOptions, config: Config): InstalledModel {
  const { metric, heads, layers } = options;
  return findModel(name, {
    store: modelFolder(config.models.folder),
    metric,
    network: { heads, taps: layers },
  });
}

function layers(text: string): number[] {
  const list = text.split(',').map(Number);
  if (list.length !== 4 || !list.every((layer) => Number.isInteger(layer) && layer >= 0))
    throw new InvalidArgumentError('four block numbers from 0 are expected, such as 2,5,8,11.');
  return list;
}
