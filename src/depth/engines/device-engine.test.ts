import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeDeviceEngine, TINY_SIZE as size } from '../../../test/support/device-cases.ts';
import { tinyGraph } from '../../../test/support/engine-cases.ts';
import { GraphCache } from '../../model/graph-cache.ts';
import { cpuProvider } from './cpu.ts';
import { DeviceEngine } from './device-engine.ts';
import { DeviceLedger } from './device-ledger.ts';
import type { DeviceRuntime, DeviceTensor } from './device-runtime.ts';
import { NodeRuntime } from './node-runtime.ts';
import { graphBytes } from './state-shapes.ts';

// The engine of devices on the device that every machine has: its memory is this process's, its runs are the CPU's.

const folder = mkdtempSync(join(tmpdir(), 'depthcast-device-engine-'));
afterAll(() => rmSync(folder, { recursive: true }));
const onCpu = () => new NodeRuntime('cpu', { threads: 1 });
const { states, rings, images } = describeDeviceEngine('the device engine', folder, onCpu);

it('copies the picture up, the map and the feature down, whatever the window', async () => {
  for (const model of [states, rings]) {
    const engine = await DeviceEngine.load(model.manifest, onCpu(), model.file);
    const state = await engine.createState(size);
    const depth = new Float32Array(28 * 28);
    for (const image of images.slice(0, 5)) await state.run(image, depth);
    const { frames, up, down, control } = engine.traffic;
    expect({ frames, up, down }).toEqual({ frames: 5, up: 5 * 3 * 28 * 28 * 4, down: 5 * (28 * 28 + 96) * 4 });
    expect(control).toBeGreaterThan(0);
    expect(control / frames).toBeLessThan(1000);
    state.dispose();
    await engine.release();
  }
});

it('runs a graph of the second form on the CPU too, and refuses states in integers on a device', async () => {
  const engine = await cpuProvider.prepare(rings, new GraphCache(rings.graphs), { ...size, threads: 1 });
  const state = await engine.createState(size);
  const depth = new Float32Array(28 * 28);
  await state.run(images[0]!, depth);
  expect(engine.capabilities.kind).toBe('cpu');
  await engine.release();
  const home = join(folder, 'cpu');
  mkdirSync(home);
  const steps = tinyGraph(home, size, 'cpu');
  await expect(DeviceEngine.load(steps.manifest, onCpu(), steps.file)).rejects.toThrow(/c0 is int16/);
});

describe('memory of a device', () => {
  it.each([['states', states] as const, ['rings', rings] as const])(
    'is bounded for all networks together, and comes back when streams and networks end: %s',
    async (_, model) => {
      const network = graphBytes(model.file);
      const sizing = await DeviceEngine.load(model.manifest, onCpu(), model.file);
      const stream = sizing.stateBytes(size);
      await sizing.release();
      const memory = DeviceLedger.memory();
      // Two networks in two threads, and two streams of either.
      const ledgers = [1, 2].map((thread) => new DeviceLedger(2 * network + 2 * stream + 100, memory, thread));
      const load = (ledger: DeviceLedger) => DeviceEngine.load(model.manifest, onCpu(), model.file, { ledger });
      const [a, b] = [await load(ledgers[0]!), await load(ledgers[1]!)];
      const first = await a.createState(size);
      const second = await b.createState(size);
      await expect(a.createState(size)).rejects.toMatchObject({
        code: 'BUSY',
        message: /room for 1 such stream beside/,
      });
      expect(() => b.checkRoom(size)).toThrow(/the network takes \d+ MiB and a stream \d+ MiB/);
      await expect(first.fork()).rejects.toMatchObject({ code: 'BUSY' });
      await expect(load(ledgers[1]!)).rejects.toMatchObject({ code: 'DEVICE_UNAVAILABLE' });
      second.dispose();
      second.dispose();
      const fork = await first.fork();
      fork.dispose();
      expect(ledgers[0]!.used).toBe(2 * network + stream);
      await a.release();
      expect(ledgers[1]!.used).toBe(network);
      await b.release();
      expect(ledgers[1]!.used).toBe(0);
    },
  );

  /** A runtime whose allocations and copies can be made to fail; counts the tensors that are not given back. */
  function failing() {
    const real = onCpu();
    const told = { live: 0, allocations: Infinity, runs: Infinity };
    const runtime: DeviceRuntime = {
      name: real.name,
      device: real.device,
      async open(graph) {
        const session = await real.open(graph);
        const run = session.run.bind(session);
        return Object.assign(session, {
          run: async (...args: Parameters<typeof run>) => {
            if (told.runs-- <= 0) throw new Error('it does not run');
            await run(...args);
          },
        });
      },
      async allocate(shapes) {
        if (told.allocations-- <= 0) throw new Error('vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY');
        const tensors = await real.allocate(shapes);
        for (const tensor of Object.values(tensors)) watch(tensor);
        return tensors;
      },
      release: () => real.release(),
    };
    function watch(tensor: DeviceTensor): void {
      told.live++;
      const dispose = tensor.dispose.bind(tensor);
      let disposed = false;
      tensor.dispose = () => {
        if (!disposed) told.live--;
        disposed = true;
        dispose();
      };
    }
    return { runtime, told };
  }

  it('is given back where a stream finds no more of it, or a fork cannot be filled', async () => {
    const { runtime, told } = failing();
    const ledger = new DeviceLedger();
    const engine = await DeviceEngine.load(rings.manifest, runtime, rings.file, { ledger });
    const network = ledger.used;
    told.allocations = 1;
    await expect(engine.createState(size)).rejects.toThrow(/OUT_OF_DEVICE_MEMORY/);
    expect([told.live, ledger.used, engine.liveBytes]).toEqual([0, network, 0]);
    told.allocations = Infinity;
    const state = await engine.createState(size);
    const [live, used] = [told.live, ledger.used];
    told.runs = 0;
    await expect(state.fork()).rejects.toThrow(/does not run/);
    expect([told.live, ledger.used]).toEqual([live, used]);
    state.dispose();
    expect([told.live, ledger.used]).toEqual([0, network]);
    await engine.release();
    expect(ledger.used).toBe(0);
  });
});
