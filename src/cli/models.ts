import { Command, InvalidArgumentError, Option } from 'commander';
import { checkpointOptions } from './models-options.ts';
import { integer, readSettings } from './options.ts';
import { SettingOption, settingsOf } from './setting-option.ts';

// A command's own code is loaded when it runs: `list` need not wait for a network's runtime.

const MODEL = 'a name (see: models list), or the path of a manifest, graph or checkpoint';

export function modelsCommand(): Command {
  const models = new Command('models')
    .description('list, fetch, convert, verify and measure depth models')
    .option('-c, --config <file>', 'settings: models.folder, models.mirror, targets');
  const settings = (overrides: Record<string, unknown> = {}) =>
    readSettings(models.opts<{ config?: string }>().config, overrides);

  models
    .command('list')
    .description('the models that there are, and which of them can be run')
    .action(async () => (await import('./models-list.ts')).list(settings()));

  models
    .command('pull')
    .description('fetch checkpoints; a pull that was stopped goes on where it ended')
    .argument('<name...>', 'models with an address: see models list')
    .addOption(
      new SettingOption(
        'models.mirror',
        '--mirror <url>',
        'fetch from here instead of huggingface.co (or: DEPTHCAST_MODELS_MIRROR)',
      ),
    )
    .action(async (names: string[], _options, command: Command) =>
      (await import('./models-pull.ts')).pull(names, settings(settingsOf(command))),
    );

  models.addCommand(
    checkpointOptions(new Command('convert'))
      .description('write the streaming graph of a checkpoint, for one network size, as ONNX with a manifest')
      .argument('<checkpoint>', '.pth or .safetensors')
      .requiredOption('-o, --out <file>', 'FILE.onnx; FILE.weights and FILE.json are written beside it')
      .addOption(new Option('--encoder <name>', 'refuse any other').choices(['vits', 'vitb', 'vitl']))
      .option('--size <WxH>', 'network size, multiples of 14', size, { width: 266, height: 196 })
      .action(async (checkpoint: string, options) =>
        (await import('./models-convert.ts')).convert(checkpoint, options),
      ),
  );

  models.addCommand(
    checkpointOptions(new Command('verify'))
      .description('compare depth with a reference: inputs go one by one through the streaming inferencer')
      .argument('<model>', MODEL)
      .requiredOption('--inputs <file>', 'normalised network inputs, float32 [N,3,H,W], .npy')
      .requiredOption('--expected <file>', 'depth of each, float32 [N,H,W], .npy')
      .option('--offline', 'the offline network on joined windows of 32 frames; expected may have another size')
      .option('--tolerance <number>', 'largest absolute error (default: 1e-4; fp16 5e-2; offline 2e-3)', positive)
      .action(async (model: string, options) =>
        (await import('./models-verify.ts')).verify(model, options, settings()),
      ),
  );

  models.addCommand(
    checkpointOptions(new Command('bench'))
      .description('milliseconds a frame by size, threads and stage, against the target in the settings')
      .argument('<model>', MODEL)
      .option('--input-size <pixels...>', "network sizes (default: the model's own)", eachInteger(16, 4096))
      .option('--threads <number...>', 'threads (default: 1, and every core)', eachInteger(1, 128))
      .addOption(
        new Option('--device <name>', 'what runs it (default: cpu)').choices(['auto', 'cpu', 'webgpu', 'cuda']),
      )
      .option('--frames <number>', 'frames to time', integer(1, 10_000), 30)
      .action(async (model: string, options) => (await import('./models-bench.ts')).bench(model, options, settings())),
  );

  return models;
}

function size(text: string): { width: number; height: number } {
  const [, width, height] = /^(\d{2,4})x(\d{2,4})$/.exec(text) ?? [];
  if (width === undefined) throw new InvalidArgumentError('WIDTHxHEIGHT is expected, such as 350x196.');
  return { width: Number(width), height: Number(height) };
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('a number above 0 is expected.');
  return value;
}

/** An option that may be repeated. */
function eachInteger(min: number, max: number) {
  const one = integer(min, max);
  return (text: string, before: number[] = []): number[] => [...before, ...text.split(',').map(one)];
}
