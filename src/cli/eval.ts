import { Command } from 'commander';
import type { EvalOptions } from './eval-run.ts';
import { integer, readSettings } from './options.ts';
import { deviceOption, modelOption, settingsOf, threadsOption } from './setting-option.ts';

export function evalCommand(version: string): Command {
  return new Command('eval')
    .description('judge depth models on sequences with known depth: errors after alignment, temporal error, flicker')
    .argument(
      '<dataset...>',
      'scene:all, scene:NAME, BENCHMARK:FOLDER, a list (.json), a sequence, or a folder of sequences',
    )
    .option('-c, --config <file>', 'settings: depth.model, depth.precision, depth.device, depth.threads, models.folder')
    .addOption(modelOption())
    .option(
      '--compare <model:mode...>',
      'judge these, too, against --model; modes: size=N, precision=int8, memory=off, cuts=off',
    )
    .option('--baselines', 'judge a constant and a vertical ramp, too')
    .option('--metric', 'a checkpoint without a manifest gives metres (default: by its file name)')
    .option('--size, --input-size <pixels>', "network size (default: the model's own)", integer(16, 4096))
    .option('--max-frames <number>', 'frames of each sequence (default: all; 150 of a scene)', integer(1, 1_000_000))
    .option('--stride <number>', 'take every n-th frame', integer(1, 1000), 1)
    .addOption(deviceOption())
    .addOption(threadsOption('threads of each network'))
    .option('--json', 'print results as JSON, every frame included')
    .option('--html <file>', 'write a report with pictures and plots, one file')
    .addHelpText(
      'after',
      `
Examples:
  depthcast eval scene:all                                         nothing but the program is needed
  depthcast eval recordings/ --html report.html                    every sequence in a folder
  depthcast eval scene:room scene:street --compare depthcast-nano:memory=off
  depthcast eval kitchen/ --model vda-small --compare depthcast-nano:size=160 depthcast-nano --baselines
  depthcast eval scannet:scans_test/ --stride 3 --max-frames 90       a public benchmark as it is handed out

Benchmarks: kitti, nyu, scannet, sintel, sintel-final, bonn, tum, diode, 7scenes; lists: Video Depth Anything's.
The layout of a sequence and what each number means: docs/evaluation.md`,
    )
    .action(async (datasets: string[], options: EvalOptions, command: Command) => {
      const config = readSettings(options.config, settingsOf(command));
      await (await import('./eval-run.ts')).runEvaluation(datasets, options, config, version);
    });
}
