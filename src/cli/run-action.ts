import { devicesOf } from '../config/devices.ts';
import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import { runJob } from '../files/job.ts';
import type { JobSummary } from '../files/job-types.ts';
import type { InstalledModel } from '../model/library.ts';
import { chosenModel } from './models-options.ts';
import { readSettings } from './options.ts';
import { createReporter } from './run-progress.ts';

/** What the input was short of, or damaged: results are there, but not all that was expected. */
const EXIT_PARTIAL = 2;
const EXIT_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const;
/** The official scripts' --input-size. */
const OFFICIAL_SIZE = 518;

export interface RunOptions {
  out: string;
  config?: string;
  model?: string;
  encoder?: 'vits' | 'vitb' | 'vitl';
  metric?: boolean;
  mode: 'streaming' | 'offline';
  inputSize?: number;
  maxRes: number;
  maxLen: number;
  targetFps: number;
  fps: number;
  grayscale?: boolean;
  saveNpz?: boolean;
  saveExr?: boolean;
  savePng16?: boolean;
  layout?: 'side-by-side' | 'stacked';
  sideBySide?: boolean;
  anchors?: string;
  hfov?: number;
  savePly?: string;
  saveGlb?: string;
  mcap?: string | true;
  timeout: number;
  force?: boolean;
  resume?: boolean;
  json?: boolean;
}

/** @param given settings of the command line, by key */
export async function run(input: string, options: RunOptions, given: Record<string, unknown>): Promise<void> {
  const config = readSettings(options.config, given);
  const model = modelOf(options, config);
  const stop = new AbortController();
  let signalled: keyof typeof EXIT_SIGNAL | undefined;
  const onSignal = (signal: keyof typeof EXIT_SIGNAL) => {
    // The second time nothing is closed any more.
    if (signalled) process.exit(EXIT_SIGNAL[signal]);
    signalled = signal;
    reporter.stopping();
    stop.abort();
  };
  const reporter = createReporter(input, model.manifest, options);
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  let summary: JobSummary;
  try {
    summary = await runJob(
      {
        input,
        out: options.out,
        model,
        mode: options.mode,
        size: options.inputSize ?? ('shortSides' in model.manifest.size ? OFFICIAL_SIZE : undefined),
        threads: config.depth.threads,
        devices: devicesOf(config),
        maxRes: options.maxRes,
        maxLength: options.maxLen,
        targetFps: options.targetFps,
        fps: options.fps,
        grayscale: options.grayscale ?? false,
        sceneCuts: config.depth.sceneCuts,
        saveNpz: options.saveNpz ?? false,
        saveExr: options.saveExr ?? false,
        savePng16: options.savePng16 ?? false,
        sideBySide: options.sideBySide === true || options.layout === 'side-by-side',
        stacked: options.layout === 'stacked',
        upsampling: config.output.upsampling,
        anchors: options.anchors,
        savePly: options.savePly,
        saveGlb: options.saveGlb,
        mcap: options.mcap,
        camera: options.hfov === undefined ? (config.depth.camera ?? undefined) : { hfov: options.hfov },
        force: options.force ?? false,
        resume: options.resume ?? false,
        timeoutSeconds: options.timeout,
        signal: stop.signal,
      },
      reporter,
    );
  } finally {
    reporter.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
  reporter.done(summary);
  if (summary.interrupted) process.exitCode = EXIT_SIGNAL[signalled ?? 'SIGINT'];
  else if (summary.problems.length > 0) process.exitCode = EXIT_PARTIAL;
  // A thread inside the network would hold the process for as long as its frames take.
  if (summary.interrupted) process.exit();
}

/** @throws DepthcastError MODEL_NOT_FOUND, BAD_OPTION */
function modelOf({ model: named, encoder, metric }: RunOptions, config: Config): InstalledModel {
  if (named !== undefined && encoder !== undefined)
    throw new DepthcastError('BAD_OPTION', { detail: 'either --model or --encoder' });
  const sizes = { vits: 'small', vitb: 'base', vitl: 'large' } as const;
  const name = named ?? (encoder ? `vda-${metric ? 'metric-' : ''}${sizes[encoder]}` : config.depth.model);
  const { precision } = config.depth;
  const model = chosenModel(name, { ...(metric !== undefined && { metric }), ...(precision && { precision }) }, config);
  const { manifest } = model;
  if (metric && manifest.unit !== 'metres')
    throw new DepthcastError('BAD_OPTION', { detail: `--metric: ${manifest.name} gives no metres; name an --encoder` });
  return model;
}
