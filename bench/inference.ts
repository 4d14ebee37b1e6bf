import { EngineSet } from '../src/depth/engine-set.ts';
import { shareDevice } from '../src/depth/engines/device-memory.ts';
import { networkSize } from '../src/depth/network-size.ts';
import { StreamRunner } from '../src/depth/stream-runner.ts';
import { findModel } from '../src/model/library.ts';
import { printTable, quantile } from '../test/support/load/table.ts';
import { record } from './record.ts';

const FRAMES = 120;

/** The embedded network alone: wall and CPU time a frame by size, shape and threads. */
export async function benchInference(): Promise<void> {
  const model = findModel('depthcast-nano');
  const rows: (string | number)[][] = [];
  for (const asked of [1, 2, 'alone'] as const) {
    const engines = await EngineSet.load(model, asked === 'alone' ? { shared: shareDevice() } : { threads: asked });
    const { threadsAlone } = engines.capabilities;
    // A network that is no quicker for a stream alone.
    if (asked === 'alone' && threadsAlone === undefined) {
      await engines.release();
      continue;
    }
    const threads = asked === 'alone' ? `${threadsAlone} awake` : String(asked);
    for (const [size, w, h] of [
      [256, 640, 480],
      [192, 640, 480],
      [256, 1280, 720],
      [256, 480, 640],
    ] as const) {
      const { width, height } = networkSize(model.manifest, w, h, size);
      const state = new StreamRunner(engines);
      const wall: number[] = [];
      const image = { data: new Float32Array(3 * width * height), width, height };
      let cpu = process.cpuUsage();
      for (let n = -20; n < FRAMES; n++) {
        if (n === 0) cpu = process.cpuUsage();
        for (let i = 0; i < image.data.length; i++) image.data[i] = 0.5 + 0.5 * Math.sin(i * 0.01 + n * 0.1);
        const { timings } = await state.infer(
          image,
          n / 30,
          { range: 'auto', sceneCuts: false, gapSeconds: 10 },
          undefined,
        );
        if (n >= 0) wall.push(timings.preprocess + timings.inference + timings.postprocess);
      }
      const { user, system } = process.cpuUsage(cpu);
      const name = `${width}x${height}`;
      const spent = (user + system) / 1000 / FRAMES;
      rows.push([name, threads, quantile(wall, 0.5), quantile(wall, 0.95), spent]);
      record(`inference: ${name}, threads ${threads}`, spent, 'ms CPU');
      record(`inference: ${name}, threads ${threads}, p50`, quantile(wall, 0.5), 'ms');
    }
    await engines.release();
  }
  printTable('Inference, embedded model, ms a frame', ['network', 'threads', 'p50', 'p95', 'CPU'], rows);
}
