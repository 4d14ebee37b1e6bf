import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DeviceEngine } from '../../src/depth/engines/device-engine.ts';
import type { DeviceRuntime } from '../../src/depth/engines/device-runtime.ts';
import type { GraphTarget } from '../../src/model/graph/video-depth-anything.ts';
import { findModel, type InstalledModel } from '../../src/model/library.ts';
import { nanoImages, tinyGraph, tinyImages } from './engine-cases.ts';
import { describeEngine } from './engine-contract.ts';
import { shiftingWindow } from './shifting-window.ts';
import { StreamRunner } from './stream.ts';

export const TINY_SIZE = { width: 28, height: 28 };
/** A turn of the window of 43 frames and some. */
const TINY_FRAMES = 46;
const NANO_SIZE = { width: 64, height: 64 };

export interface DeviceCases {
  /** The embedded network: its states are written by a graph of their own, without a delay line. */
  nano: InstalledModel;
  /** The tiny network in the contract's two forms. */
  states: InstalledModel;
  rings: InstalledModel;
  /** Of the tiny network. */
  images: readonly Float32Array[];
}

/** The contract of an engine, for the device engine on one runtime with each kind of network. @param folder an empty one */
export function describeDeviceEngine(name: string, folder: string, runtime: () => DeviceRuntime): DeviceCases {
  const tiny = (target: GraphTarget) => {
    const home = join(folder, target);
    mkdirSync(home, { recursive: true });
    return tinyGraph(home, TINY_SIZE, target);
  };
  const nano = findModel('depthcast-nano');
  const [states, rings] = [tiny('portable'), tiny('resident')];
  const images = tinyImages(TINY_SIZE, TINY_FRAMES);
  const pictures = nanoImages(nano, NANO_SIZE, 17);
  const prepare = (model: InstalledModel) => () => DeviceEngine.load(model.manifest, runtime(), model.file);
  const expected = async () => {
    const runner = await StreamRunner.open(states.file, states.manifest.window);
    const maps: Float32Array[] = [];
    for (const image of images) {
      const { depth } = await runner.run(image, [1, 3, TINY_SIZE.height, TINY_SIZE.width]);
      maps.push(depth.slice());
    }
    await runner.close();
    return maps;
  };
  describeEngine(`${name}, with the embedded network,`, {
    prepare: prepare(nano),
    size: NANO_SIZE,
    otherSize: { width: 64, height: 96 },
    images: pictures,
    expected: () => shiftingWindow(nano, pictures, NANO_SIZE.width, NANO_SIZE.height),
    tolerance: 1e-5,
  });
  const one = { size: TINY_SIZE, images, expected, tolerance: 2e-5 };
  describeEngine(`${name}, with rings that the graph writes,`, { ...one, prepare: prepare(rings) });
  describeEngine(`${name}, with states and a delay line,`, { ...one, prepare: prepare(states) });
  return { nano, states, rings, images };
}
