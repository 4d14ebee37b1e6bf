import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkerInferencer } from '../src/depth/inferencer.ts';
import { networkSize } from '../src/depth/network-size.ts';
import { runJob } from '../src/files/job.ts';
import { SceneFileSource } from '../src/files/scene-file-source.ts';
import { findModel } from '../src/model/library.ts';
import { FrameConverter } from '../src/video/frame-converter.ts';
import { MediaReader } from '../src/video/media-reader.ts';
import { InputScaler } from '../src/video/scaler.ts';
import { VideoWriter } from '../src/video/video-writer.ts';
import { printTable, quantile } from '../test/support/load/table.ts';

const ROUNDS = 9;
/** Of the synthetic clip that is measured where no other is named. */
const CLIP = { width: 960, height: 540, frames: 240, fps: 24 };
/** Network inputs that are held in memory for inference alone. */
const MAX_FRAMES = 600;

interface Cost {
  frames: number;
  wall: number;
  cpu: number;
}

/**
 * `depthcast run` with default outputs against inference alone: the same frames, scaled and in memory before the clock
 * starts, through the same worker with the same number of threads, one after the other. Rounds alternate, in one process;
 * each loads the network anew. Clocks run from the first frame's way to the network to the last map, or to the closed files.
 */
export async function benchFiles(input: string | undefined): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-bench-'));
  try {
    const path = input ?? (await writeClip(join(folder, 'clip.mp4')));
    const network = { alone: [] as Cost[], run: [] as Cost[] };
    const inputs = await networkInputs(path);
    // The first round of each pays for cold code.
    for (let round = -1; round < ROUNDS; round++) {
      const alone = await inferenceAlone(inputs);
      const run = await wholeRun(path, join(folder, 'out'), inputs.frames.length);
      if (round < 0) continue;
      network.alone.push(alone);
      network.run.push(run);
    }
    const rows = Object.entries(network).map(([name, costs]) => {
      const median = (pick: (cost: Cost) => number) => quantile(costs.map(pick), 0.5);
      return [name, median((c) => c.wall), median((c) => c.wall / c.frames), median((c) => c.cpu / c.frames)];
    });
    printTable(
      `${inputs.frames.length} frames of ${inputs.picture.width}x${inputs.picture.height}, ms, medians of ${ROUNDS}`,
      ['', 'wall', 'wall a frame', 'CPU a frame'],
      rows,
    );
    const ratios = network.run.map((run, i) => run.wall / network.alone[i]!.wall).sort((a, b) => a - b);
    console.log(
      `  wall time, run / alone, rounds sorted by size: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function networkInputs(path: string) {
  const reader = await MediaReader.open(`file:${path}`);
  const scaler = new InputScaler();
  const { width, height } = reader.info;
  const size = networkSize(findModel('depthcast-nano').manifest, width, height, undefined);
  const frames: { data: Float32Array; time: number }[] = [];
  for (let next = await reader.read(); next && frames.length < MAX_FRAMES; next = await reader.read()) {
    const data = new Float32Array(3 * size.width * size.height);
    await scaler.scaleInto(next.picture, data, size.width, size.height);
    frames.push({ data, time: next.time });
    next.picture.close();
  }
  scaler.close();
  reader.close();
  return { frames, size, picture: { width, height } };
}

async function inferenceAlone({ frames, size, picture }: Awaited<ReturnType<typeof networkInputs>>): Promise<Cost> {
  const inferencer = await WorkerInferencer.create(findModel('depthcast-nano'), { threads: 1, picture, yields: false });
  const stream = inferencer.open();
  const cpu = process.cpuUsage();
  const began = performance.now();
  for (const { data, time } of frames) {
    const image = stream.takeInput(size.width, size.height);
    image.data.set(data);
    (await stream.infer(image, time)).release();
  }
  const cost = costSince(began, cpu, frames.length);
  await inferencer.close();
  return cost;
}

async function wholeRun(input: string, out: string, frames: number): Promise<Cost> {
  let cpu = process.cpuUsage();
  const { seconds } = await runJob(
    {
      input,
      out,
      model: findModel('depthcast-nano'),
      mode: 'streaming',
      size: undefined,
      threads: 1,
      maxRes: 1280,
      maxLength: frames === MAX_FRAMES ? frames : -1,
      targetFps: -1,
      fps: 30,
      grayscale: false,
      sceneCuts: true,
      saveNpz: false,
      saveExr: false,
      savePng16: false,
      sideBySide: false,
      stacked: false,
      upsampling: 'off',
      force: true,
      resume: false,
      timeoutSeconds: 10,
      signal: new AbortController().signal,
    },
    {
      start() {
        cpu = process.cpuUsage();
      },
    },
  );
  return { ...costSince(0, cpu, frames), wall: 1000 * seconds.run };
}

function costSince(began: number, before: NodeJS.CpuUsage, frames: number): Cost {
  const { user, system } = process.cpuUsage(before);
  return { frames, wall: performance.now() - began, cpu: (user + system) / 1000 };
}

async function writeClip(path: string): Promise<string> {
  const { width, height, frames, fps } = CLIP;
  const source = new SceneFileSource({ scene: 'street', width, height, fps });
  const converter = new FrameConverter(width, height, 'bt601');
  const writer = await VideoWriter.create(path, { width, height, fps: { num: fps, den: 1 }, matrix: 'bt601' });
  for (let n = 0; n < frames; n++) {
    const next = await source.read();
    if (!next) break;
    const frame = await converter.convert(next.picture);
    next.picture.close();
    await writer.write(frame, next.time);
    frame.free();
  }
  await writer.finish();
  converter.close();
  source.close();
  return path;
}
