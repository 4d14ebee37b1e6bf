import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine, EngineProvider, PrepareOptions } from '../src/depth/engine.ts';
import { DeviceEngine } from '../src/depth/engines/device-engine.ts';
import { trialImage } from '../src/depth/engines/trial.ts';
import { toDepthcastError } from '../src/errors.ts';
import { GraphCache } from '../src/model/graph-cache.ts';
import { findModel, type InstalledModel } from '../src/model/library.ts';
import { modelFolder } from '../src/model/store/folder.ts';
import { formulaCheckpoint } from '../test/support/checkpoint.ts';
import { type Dimensions, TINY, TINY_CONFIG, VITB, VITL, VITS } from '../test/support/formula.ts';
import { printMarkdown, printTable, quantile } from '../test/support/load/table.ts';

interface Measured {
  dimensions: Dimensions;
  config: object | undefined;
  sizes: readonly number[];
  /** FRAMES and STREAMS when absent. */
  frames?: number;
  streams?: readonly number[];
}

/** The published networks' shapes, with weights by formula: what a frame costs does not depend on their values. */
const NETWORKS = {
  // For software drivers, which take a second a frame.
  tiny: { dimensions: TINY, config: TINY_CONFIG, sizes: [28], frames: 8, streams: [1, 4] },
  S: { dimensions: VITS, config: undefined, sizes: [252, 518] },
  B: { dimensions: VITB, config: undefined, sizes: [252, 518] },
  L: { dimensions: VITL, config: undefined, sizes: [252, 518] },
} as const satisfies Record<string, Measured>;
type Network = keyof typeof NETWORKS;
const PRECISIONS = ['fp32', 'fp16'] as const;
const STREAMS = [1, 4, 16] as const;
/** Frames of each stream before those that are timed, and those. */
const WARM_UP = 3;
const FRAMES = 40;
const MIB = 2 ** 20;

export interface GpuBenchOptions {
  device: 'webgpu' | 'cuda';
  /** Only cases whose name holds this: `S 252 fp16`; the tiny network runs only when it is named. */
  only?: string | undefined;
  markdown?: boolean | undefined;
}

const PROVIDERS: Readonly<Record<GpuBenchOptions['device'], () => Promise<EngineProvider>>> = {
  webgpu: async () => (await import('../src/depth/engines/webgpu.ts')).webgpuProvider,
  cuda: async () => (await import('../src/depth/engines/cuda.ts')).cudaProvider,
};

/** Networks whose streams' states stay on a device: milliseconds a frame, memory, and bytes copied as the engine counted them. */
export async function benchGpu({ device, only = '', markdown = false }: GpuBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-bench-gpu-'));
  const rows: (string | number)[][] = [];
  let name = '';
  try {
    const provider = await PROVIDERS[device]();
    for (const network of Object.keys(NETWORKS) as Network[])
      for (const size of NETWORKS[network].sizes)
        for (const precision of PRECISIONS) {
          const what = `${network} ${size} ${precision}`;
          if (!what.startsWith(only) || (network === 'tiny' && only === '')) continue;
          const model = modelOf(network, precision, folder);
          const options = { width: size, height: size, threads: 0 };
          try {
            const engine = await provider.prepare(model, new GraphCache(model.graphs), options);
            name = engine.capabilities.device;
            const { frames = FRAMES, streams: counts = STREAMS }: Measured = NETWORKS[network];
            for (const streams of counts)
              rows.push([what, streams, ...(await measure(engine, options, streams, frames))]);
            await engine.release();
          } catch (thrown) {
            const { code, detail } = toDepthcastError(thrown);
            console.log(`${what}: ${code}: ${detail ?? ''}`);
          }
        }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const head = ['network', 'streams', 'frames/s', 'p50 ms', 'p95 ms', 'MiB', 'up KiB', 'down KiB', 'control B'];
  (markdown ? printMarkdown : printTable)(`On ${name || device}; bytes are those of a frame`, head, rows);
  console.log(
    '\nBeside: the official PyTorch script on an A100 takes 7.5 ms (S) and 14 ms (L) a frame at 518 in fp16, over windows of 32 frames at once.',
  );
}

function modelOf(network: Network, precision: (typeof PRECISIONS)[number], folder: string): InstalledModel {
  const home = join(folder, network);
  const file = join(home, `${network}.pth`);
  mkdirSync(home, { recursive: true });
  const { dimensions, config } = NETWORKS[network];
  writeFileSync(file, formulaCheckpoint(dimensions));
  const found = findModel(file, { store: modelFolder(join(home, 'cache')) });
  return { ...found, manifest: { ...found.manifest, precision, ...(config && { network: config }) } } as InstalledModel;
}

async function measure(engine: Engine, size: PrepareOptions, streams: number, frames: number): Promise<number[]> {
  if (!(engine instanceof DeviceEngine)) throw new Error('not an engine of a device');
  const states = [];
  try {
    for (let i = 0; i < streams; i++) states.push(await engine.createState(size));
    const images = Array.from({ length: 4 }, (_, i) => trialImage(size, 3 * i));
    const depth = new Float32Array(size.width * size.height);
    const wall: number[] = [];
    let before = { ...engine.traffic };
    let began = 0;
    for (let frame = -WARM_UP; frame < Math.ceil(frames / streams); frame++) {
      if (frame === 0) {
        before = { ...engine.traffic };
        began = performance.now();
      }
      for (const state of states) {
        const start = performance.now();
        await state.run(images[(frame + WARM_UP) % images.length]!, depth);
        if (frame >= 0) wall.push(performance.now() - start);
      }
    }
    const seconds = (performance.now() - began) / 1000;
    const { frames: ran, up, down, control } = engine.traffic;
    const count = ran - before.frames;
    const bytes = engine.capabilities.memory!.model + engine.liveBytes;
    return [
      wall.length / seconds,
      quantile(wall, 0.5),
      quantile(wall, 0.95),
      bytes / MIB,
      (up - before.up) / count / 1024,
      (down - before.down) / count / 1024,
      (control - before.control) / count,
    ];
  } finally {
    for (const state of states) state.dispose();
  }
}
