import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Command, Option } from 'commander';
import { integer } from '../src/cli/options.ts';
import { printTable } from '../src/cli/table.ts';
import { WorkerInferencer } from '../src/depth/inferencer.ts';
import { findModel } from '../src/model/library.ts';
import type { ModelPrecision } from '../src/model/precision.ts';
import { modelFolder } from '../src/model/store/folder.ts';
import { formulaCheckpoint } from '../test/support/checkpoint.ts';
import { formulaFrame, VITS } from '../test/support/formula.ts';

// How long a frame takes beside the official PyTorch streaming class, by CPU and by the clock: the same weights (by formula), the
// same frames, in turn, so that whatever else the machine does slows both.

interface Options {
  official: string;
  python: string;
  size: number[];
  frames: number;
  threads: number;
  precision: ModelPrecision;
}

/** What a frame took, in milliseconds. */
interface Took {
  cpu: number;
  wall: number;
}

/** Frames before those that count. */
const WARM_UP = 2;

const sizes = (text: string): number[] => text.split(',').map(integer(14, 1400));

async function compare(options: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-official-'));
  try {
    writeFileSync(join(folder, 'vits.pth'), formulaCheckpoint(VITS));
    const rows: (string | number)[][] = [];
    for (const size of options.size) rows.push(await compareAt(size, folder, options));
    printTable(
      [
        'network',
        'CPU ms',
        'official',
        'ratio',
        'wall ms',
        'official',
        'ratio',
        'largest difference',
        'of values up to',
      ],
      rows,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function compareAt(size: number, folder: string, options: Options): Promise<(string | number)[]> {
  const { threads, precision, frames } = options;
  const checkpoint = join(folder, 'vits.pth');
  const theirs = await Official.start(options, checkpoint, size);
  const model = findModel(checkpoint, { store: modelFolder(folder), precision });
  const ours = await WorkerInferencer.create(model, { threads, size, picture: { width: size, height: size } });
  const stream = ours.open({ size, sceneCuts: false });
  const [rgb, depth] = [join(folder, 'frame.rgb'), join(folder, 'frame.depth')];
  const took: { ours: Took[]; theirs: Took[] } = { ours: [], theirs: [] };
  let difference = 0;
  let largest = 0;
  for (let n = 0; n < WARM_UP + frames; n++) {
    const frame = formulaFrame(n, size, size);
    const image = stream.takeInput(size, size);
    for (let i = 0; i < frame.length; i++) image.data[(i % 3) * size * size + Math.floor(i / 3)] = frame[i]! / 255;
    const [before, began] = [process.cpuUsage(), performance.now()];
    const map = await stream.infer(image, n / 30);
    const [{ user, system }, wall] = [process.cpuUsage(before), performance.now() - began];
    writeFileSync(rgb, frame);
    const reply = await theirs.run(rgb, depth);
    const reference = new Float32Array(readFileSync(depth).buffer.slice(0));
    for (const [i, value] of reference.entries()) {
      difference = Math.max(difference, Math.abs(value - map.values[i]!));
      largest = Math.max(largest, value);
    }
    map.release();
    if (n < WARM_UP) continue;
    took.ours.push({ cpu: (user + system) / 1000, wall });
    took.theirs.push(reply);
  }
  await ours.close();
  await theirs.close();
  const times = (['cpu', 'wall'] as const).flatMap((kind) => {
    const [a, b] = [median(took.ours.map((one) => one[kind])), median(took.theirs.map((one) => one[kind]))];
    return [a, b, b / a];
  });
  console.log(`${size}x${size}: torch ${theirs.version}, ${theirs.threads} threads; ${ours.device}, ${precision}`);
  return [`${size}x${size}`, ...times, difference.toExponential(1), largest.toFixed(1)];
}

/** The official class in a Python process of its own. */
class Official {
  version = '';
  threads = 0;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  static async start({ python, official, threads }: Options, checkpoint: string, size: number): Promise<Official> {
    const script = join(import.meta.dirname, 'official.py');
    const started = new Official(
      spawn(python, [script, official, checkpoint, String(size), String(threads)], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, OMP_NUM_THREADS: String(threads) },
      }),
    );
    const { torch, threads: used } = (await started.#next()) as { torch: string; threads: number };
    started.version = torch;
    started.threads = used;
    return started;
  }

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  async run(rgb: string, depth: string): Promise<Took> {
    this.#child.stdin.write(`${rgb} ${depth}\n`);
    return (await this.#next()) as Took;
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }

  async #next(): Promise<unknown> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error('the official side ended; see above');
    return JSON.parse(value);
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

await new Command('official')
  .description('Video Depth Anything Small: time a frame, beside the official PyTorch streaming class')
  .requiredOption('--official <dir>', 'a checkout of github.com/DepthAnything/Video-Depth-Anything')
  .option('--python <file>', 'a Python with torch, numpy and einops', 'python3')
  .option('--size <pixels,...>', 'network sizes, square', sizes, [140, 252, 518])
  .option('--frames <number>', 'frames that count, of each size', integer(1, 10_000), 10)
  .option('--threads <number>', 'threads of each side', integer(1, 128), 1)
  .addOption(new Option('--precision <type>', 'of ours').choices(['fp32', 'int8']).default('fp32'))
  .action(compare)
  .parseAsync();
