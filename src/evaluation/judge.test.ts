import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { playedBack } from '../../test/support/played-back.ts';
import { Picture } from '../video/index.ts';
import { parseContender } from './contender.ts';
import { judge } from './judge.ts';
import type { DepthErrors } from './metrics.ts';
import { type Predictor, Predictors } from './predictor.ts';
import { openRecording } from './recording.ts';
import type { Alignment } from './results.ts';

// Numbers that numpy computed from the same files on its own: test/vectors/eval/make_recording.py.
const folder = new URL('../../test/vectors/eval/', import.meta.url);
const recording = fileURLToPath(new URL('recording', folder));

interface Relative {
  errors: Partial<Record<Alignment, DepthErrors>>;
  absRelOfFrames: number[];
  tae: number;
  taeOfPairs: number[];
  fits: [number, number][];
}
interface Expected {
  frames: number;
  width: number;
  height: number;
  prediction: [number, number];
  flicker: number;
  relative: Relative;
  metric: Pick<Relative, 'errors' | 'tae'>;
  ramp: Relative;
  truthTae: number;
}
const expected: Expected = JSON.parse(readFileSync(new URL('expected-recording.json', folder), 'utf8'));

/** What a network once said, played back: the maps of predictions.bin. */
function recorded(unit: 'disparity' | 'metres', shift = 0): Predictor {
  const [height, width] = expected.prediction;
  const bytes = readFileSync(new URL('predictions.bin', folder));
  const length = height * width;
  const map = (index: number) =>
    Float32Array.from(
      { length },
      (_, i) => shift + bytes.readFloatLE(4 * ((2 * index + (unit === 'metres' ? 1 : 0)) * length + i)),
    );
  return { ...playedBack([height, width], unit, map), signed: shift < 0 };
}

function expectErrors(
  actual: Partial<Record<Alignment, DepthErrors>>,
  wanted: Partial<Record<Alignment, DepthErrors>>,
) {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(wanted).sort());
  for (const [by, errors] of Object.entries(wanted))
    for (const [key, value] of Object.entries(errors))
      expect(actual[by as Alignment]?.[key as keyof DepthErrors], `${by} ${key}`).toBeCloseTo(value, 5);
}

describe('a recorded sequence', () => {
  it('gives the numbers that numpy gives, from files to means', async () => {
    const ramp = await Predictors.load([parseContender('ramp', '')], () => {
      throw new Error('no model is needed');
    });
    const sequence = await openRecording(recording);
    const predictors = [recorded('disparity'), recorded('metres'), ...ramp.list];
    const result = await judge({ ...sequence, tripod: true }, predictors);
    const [relative, metric, baseline] = result.contenders;

    expect([result.frames, result.judged, result.width, result.height]).toEqual([
      expected.frames,
      expected.frames,
      expected.width,
      expected.height,
    ]);
    expect(result.truthTae).toBeCloseTo(expected.truthTae, 4);
    expectErrors(relative!.errors, expected.relative.errors);
    expect(relative!.tae).toBeCloseTo(expected.relative.tae, 3);
    expect(relative!.flicker).toBeCloseTo(expected.flicker, 6);
    relative!.frames.forEach((frame, n) => {
      expect(frame.errors?.clip?.absRel).toBeCloseTo(expected.relative.absRelOfFrames[n]!, 5);
      expect(frame.scale).toBeCloseTo(expected.relative.fits[n]![0], 5);
      expect(frame.shift).toBeCloseTo(expected.relative.fits[n]![1], 5);
      if (n > 0) expect(frame.tae).toBeCloseTo(expected.relative.taeOfPairs[n - 1]!, 3);
      else expect(frame.tae).toBeUndefined();
    });
    expectErrors(metric!.errors, expected.metric.errors);
    expect(metric!.tae).toBeCloseTo(expected.metric.tae, 3);
    expectErrors(baseline!.errors, expected.ramp.errors);
    expect(baseline!.tae).toBeCloseTo(expected.ramp.tae, 3);
  });

  it('does not cut off what lies below zero where a network may say so', async () => {
    const sequence = await openRecording(recording);
    const { contenders } = await judge(sequence, [recorded('disparity', -2)]);
    expectErrors(contenders[0]!.errors, expected.relative.errors);
    expect(contenders[0]!.tae).toBeCloseTo(expected.relative.tae, 3);
  });

  it('takes every n-th frame, up to a limit, with its own pose and truth', async () => {
    const all = await openRecording(recording);
    const some = await openRecording(recording, { stride: 3, maxFrames: 2 });
    expect([some.frames, some.fps, some.maxDepth, some.posed]).toEqual([2, 10 / 3, 6, true]);
    expect(await some.truth(1)).toEqual(await all.truth(3));
  });

  it('judges each take by itself, and no pair across takes', async () => {
    const sequence = await openRecording(recording);
    const cut = await judge({ ...sequence, takes: [0, 3] }, [recorded('disparity')]);
    expect(cut.contenders[0]!.frames.map(({ tae }) => tae === undefined)).toEqual([
      true,
      false,
      false,
      true,
      false,
      false,
      false,
    ]);
    const each = await judge({ ...sequence, takes: [0, 1, 2, 3, 4, 5, 6] }, [recorded('disparity')]);
    expect(each.contenders[0]!.errors.clip).toEqual(each.contenders[0]!.errors.frame);
    expect(each.contenders[0]!.tae).toBeUndefined();
  });

  it('stops where it is asked to, and leaves no picture open', async () => {
    const open = Picture.open;
    const stop = new AbortController();
    let steps = 0;
    const onStep = () => {
      if (++steps === 3) stop.abort(new Error('enough'));
    };
    await expect(
      judge(await openRecording(recording), [recorded('disparity')], { signal: stop.signal, onStep }),
    ).rejects.toThrow('enough');
    await vi.waitFor(() => expect(Picture.open).toBe(open));
    expect(steps).toBe(3);
  });
});
