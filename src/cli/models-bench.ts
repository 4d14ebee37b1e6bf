import { usableCores } from '../cgroup.ts';
import { devicesOf } from '../config/devices.ts';
import type { Config } from '../config/schema.ts';
import { type DeviceSetting, refusal } from '../depth/device-choice.ts';
import { type InferencerOptions, WorkerInferencer } from '../depth/inferencer.ts';
import type { InferenceTimings } from '../depth/types.ts';
import type { InstalledModel } from '../model/library.ts';
import { allowedSizes } from '../model/size.ts';
import { type CheckpointOptions, chosenModel, parityText } from './models-options.ts';
import { printTable } from './table.ts';
import { say, style } from './terminal.ts';

/** Frames before those that are timed. */
const WARM_UP = 3;

export interface BenchOptions extends CheckpointOptions {
  inputSize?: number[];
  threads?: number[];
  frames: number;
  device?: DeviceSetting;
}

interface Measured {
  width: number;
  height: number;
  /** Milliseconds until the model was loaded, and until its first map. */
  load: number;
  first: number;
  stages: InferenceTimings[];
  wall: number[];
  /** Milliseconds of CPU a frame, of all threads. */
  cpu: number;
  parity: number | undefined;
  engine: WorkerInferencer['engine'];
  refused: WorkerInferencer['refused'];
}

/** Runs a model in the depth worker on 4:3 pictures and prints what a frame costs. */
export async function bench(name: string, options: BenchOptions, config: Config): Promise<void> {
  const model = chosenModel(name, options, config);
  const { manifest } = model;
  const cores = usableCores();
  const { device = 'cpu' } = options;
  const devices = { ...devicesOf(config), device };
  const threadCounts = options.threads ?? (device !== 'cpu' ? [0] : cores > 1 ? [1, cores] : [1]);
  const rows: (string | number)[][] = [];
  let best = Number.POSITIVE_INFINITY;
  let parity: number | undefined;
  let last: Measured | undefined;
  for (const size of options.inputSize ?? [allowedSizes(manifest).default])
    for (const threads of threadCounts) {
      const m = await measure(model, { ...devices, size, threads }, options.frames);
      last = m;
      const wall = quantile(m.wall, 0.5);
      parity = m.parity;
      best = Math.min(best, wall);
      const stage = (key: keyof InferenceTimings) =>
        quantile(
          m.stages.map((times) => times[key]),
          0.5,
        );
      rows.push([
        `${m.width}x${m.height}`,
        m.engine?.kind === 'cpu' ? String(m.engine.threads) : '-',
        stage('preprocess'),
        stage('inference'),
        stage('postprocess'),
        wall,
        quantile(m.wall, 0.95),
        m.cpu,
        1000 / wall,
        m.load,
        m.first,
      ]);
    }
  const precision = last!.engine?.precision ?? manifest.precision;
  say(`${style.bold(manifest.name)} ${precision}, milliseconds a frame, median of ${options.frames}`, '');
  printTable(
    [
      'network',
      'threads',
      'normalise',
      'network + cache',
      'range',
      'wall',
      'p95',
      'CPU',
      'frames/s',
      'load',
      'first map',
    ],
    rows,
  );
  if (device !== 'cpu') sayDevice(last!);
  for (const one of last!.refused) say(style.yellow(refusal(one)));
  if (parity !== undefined) say('', `error ${parityText(parity)}`);
  const target = config.targets.find((one) => one.model === manifest.name && one.precision === precision);
  if (target === undefined) say('', style.dim(`no target for ${manifest.name}, ${precision} in the settings`));
  else {
    const ratio = best / (1000 * target.seconds);
    const verdict = ratio <= 1 ? style.green('met') : style.yellow(`missed, ${ratio.toFixed(1)} times as long`);
    say('', `target ${(1000 * target.seconds).toFixed(1)} ms: ${verdict} ${style.dim(target.source)}`);
  }
}

/** The device and its check. */
function sayDevice({ engine }: Measured): void {
  say('', `device ${engine?.device ?? ''}`);
  const { check, memory } = engine ?? {};
  const percent = (part: number) => `${(100 * part).toPrecision(2)} %`;
  if (check)
    say(
      `check  ${check.frames} frames: depth ${percent(check.depth)} and states ${percent(check.states)} of their spread from the CPU's; ${check.milliseconds.toFixed(1)} ms a frame, the CPU ${check.cpuMilliseconds.toFixed(1)}`,
    );
  if (memory)
    say(`memory ${(memory.model / 2 ** 20).toFixed(0)} MiB, and ${(memory.stream / 2 ** 20).toFixed(1)} MiB a stream`);
}

async function measure(
  model: InstalledModel,
  options: InferencerOptions & { size: number },
  frames: number,
): Promise<Measured> {
  const { size } = options;
  const began = performance.now();
  const inferencer = await WorkerInferencer.create(model, options);
  try {
    const loaded = performance.now();
    const stream = inferencer.open({ size, sceneCuts: false });
    const { width, height } = stream.networkSize(4, 3);
    const result: Measured = {
      width,
      height,
      load: loaded - began,
      first: 0,
      stages: [],
      wall: [],
      cpu: 0,
      parity: inferencer.parity,
      engine: inferencer.engine,
      refused: inferencer.refused,
    };
    let cpu = process.cpuUsage();
    for (let n = -WARM_UP; n < frames; n++) {
      if (n === 0) cpu = process.cpuUsage();
      const image = stream.takeInput(width, height);
      for (let i = 0; i < image.data.length; i++) image.data[i] = 0.5 + 0.5 * Math.sin(0.013 * i + 0.1 * n);
      const start = performance.now();
      const map = await stream.infer(image, n / 30);
      if (n === -WARM_UP) result.first = performance.now() - began;
      if (n >= 0) {
        result.wall.push(performance.now() - start);
        result.stages.push(map.timings);
      }
      map.release();
    }
    const { user, system } = process.cpuUsage(cpu);
    result.cpu = (user + system) / 1000 / frames;
    return result;
  } finally {
    await inferencer.close();
  }
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
