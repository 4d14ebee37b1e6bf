import { DepthcastError } from '../../errors.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import { checkDepth, checkParity, parityError } from '../../model/precision.ts';
import type { Size } from '../../model/size.ts';
import type { EngineCheck } from '../engine.ts';
import type { DeviceEngine } from './device-engine.ts';
import { trialImage } from './trial.ts';

// Trust, then run: what a device answers to a fixed clip is compared with the CPU's before a stream sees it. Drivers
// were met that compute something else, without any error.

/** Frames of the clip: from the second on a map depends on the states that the device keeps. */
const FRAMES = 4;
/** Pixels that the clip's picture moves from frame to frame. */
const MOVES = 5;
/** Values of a cache that are compared; more are sampled. */
const MAX_VALUES = 65_536;
/** How far states may be from the CPU's, by parityError: they are what the network computes half way. */
const STATE_LIMIT = { fp32: 1e-3, fp16: 0.05, int8: 0.1 } as const;
/** A map that varies this much less or more than the CPU's. */
const DEVIATION = { least: 0.8, most: 1.25 };

/** What an engine makes of the clip. */
export interface Trial {
  readonly maps: readonly Float32Array[];
  /** After the last frame, of each cache some values. */
  readonly states: readonly Float32Array[];
  /** Of the quickest frame but the first. */
  readonly milliseconds: number;
}

export async function runTrial(engine: DeviceEngine, size: Size): Promise<Trial> {
  const state = await engine.createState(size);
  try {
    const maps: Float32Array[] = [];
    let milliseconds = Infinity;
    for (let frame = 0; frame < FRAMES; frame++) {
      const image = trialImage(size, MOVES * frame);
      const map = new Float32Array(size.width * size.height);
      const began = performance.now();
      await state.run(image, map);
      if (frame > 0) milliseconds = Math.min(milliseconds, performance.now() - began);
      maps.push(map);
    }
    const states = Object.entries(await state.read())
      .filter(([name]) => name.startsWith('c'))
      .map(([, values]) => sampled(values));
    return { maps, states, milliseconds };
  } finally {
    state.dispose();
  }
}

/**
 * Compares a device's answers with the CPU's in float32.
 * @throws DepthcastError BAD_OUTPUT, with the network, the device and the numbers
 */
export function compareTrials(
  manifest: ModelManifest,
  device: string,
  size: Size,
  got: Trial,
  want: Trial,
): EngineCheck {
  const { name, precision } = manifest;
  const where = `${name}, ${precision}, ${size.width}x${size.height} on ${device}`;
  let depth = 0;
  let deviation = Infinity;
  got.maps.forEach((map, frame) => {
    const reference = want.maps[frame]!;
    try {
      checkDepth(map);
      depth = Math.max(depth, checkParity(map, reference, precision));
    } catch (thrown) {
      const detail = `${where}: frame ${frame + 1} of the trial clip: ${(thrown as DepthcastError).detail}`;
      throw new DepthcastError('BAD_OUTPUT', { detail });
    }
    const ratio = spread(map) / spread(reference);
    deviation = Math.min(deviation, ratio);
    if (!(ratio >= DEVIATION.least && ratio <= DEVIATION.most))
      throw new DepthcastError('BAD_OUTPUT', {
        detail: `${where}: frame ${frame + 1} of the trial clip varies ${ratio.toFixed(2)} times as much as on the CPU`,
      });
  });
  let states = 0;
  got.states.forEach((values, cache) => {
    const error = parityError(values, want.states[cache]!);
    if (!(error <= STATE_LIMIT[precision]))
      throw new DepthcastError('BAD_OUTPUT', {
        detail: `${where}: the states of cache ${cache} are ${(100 * error).toFixed(1)} % of their spread away from the CPU's, allowed are ${100 * STATE_LIMIT[precision]} %`,
      });
    states = Math.max(states, error);
  });
  const { milliseconds } = got;
  return { frames: FRAMES, depth, states, deviation, milliseconds, cpuMilliseconds: want.milliseconds };
}

function sampled(values: Float32Array): Float32Array {
  const step = Math.ceil(values.length / MAX_VALUES);
  return step === 1 ? values : values.filter((_, i) => i % step === 0);
}

function spread(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
