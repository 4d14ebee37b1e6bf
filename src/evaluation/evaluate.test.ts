import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formulaCheckpoint } from '../../test/support/checkpoint.ts';
import { TINY } from '../../test/support/formula.ts';
import { findModel } from '../model/library.ts';
import { parseContender } from './contender.ts';
import { findSequences } from './dataset.ts';
import { evaluate } from './evaluate.ts';
import { Predictors } from './predictor.ts';

const MODEL = 'depthcast-nano';

describe('the embedded model on scenes', { timeout: 120_000 }, () => {
  it('beats both baselines, memory is on or off as asked, differences are paired', async () => {
    const texts = [MODEL, ':memory=off', ':size=160', 'constant', 'ramp'];
    const predictors = await Predictors.load(
      texts.map((text) => parseContender(text, MODEL)),
      findModel,
      1,
    );
    try {
      const entries = await findSequences(['scene:person', 'scene:static'], { maxFrames: 10, stride: 2 });
      const { sequences, means, differences } = await evaluate(entries, predictors.list);
      const [person, still] = sequences;
      const [on, off, small, constant, ramp] = person!.contenders;

      expect([on!.network, small!.network]).toEqual([
        { width: 256, height: 192 },
        { width: 160, height: 128 },
      ]);
      expect(on!.frames.map(({ epoch }) => epoch)).toEqual(Array(10).fill(0));
      expect(off!.frames.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 10 }, (_, n) => n));
      for (const baseline of [constant!, ramp!]) {
        expect(on!.errors.frame!.absRel).toBeLessThan(baseline.errors.frame!.absRel);
        expect(on!.errors.clip!.delta1).toBeGreaterThan(baseline.errors.clip!.delta1);
        expect([baseline.milliseconds, baseline.flicker]).toEqual([undefined, 0]);
      }
      // Exact depth and poses: what is left is rounding to pixels, and someone who moves.
      expect(person!.truthTae).toBeLessThan(3);
      expect(still!.truthTae).toBeLessThan(1e-9);
      // The very same picture again and again: without memory the very same map.
      expect(still!.contenders.map(({ flicker }) => flicker)[1]).toBe(0);

      expect(means[0]!.errors.clip!.absRel).toBeCloseTo(
        (on!.errors.clip!.absRel + still!.contenders[0]!.errors.clip!.absRel) / 2,
        12,
      );
      const difference = differences.find((one) => one.label === 'constant' && one.measure === 'absRel clip')!;
      expect(difference.mean).toBeCloseTo(means[3]!.errors.clip!.absRel - means[0]!.errors.clip!.absRel, 12);
      expect(difference.low).toBeLessThanOrEqual(difference.mean);
      expect(difference.high).toBeGreaterThanOrEqual(difference.mean);
      expect(difference.low).toBeGreaterThan(0);
      expect([difference.frames, differences.find(({ measure }) => measure === 'tae')!.frames]).toEqual([20, 18]);
    } finally {
      await predictors.close();
    }
  });

  it('starts a new take at a hard cut, where the stream finds it, too', async () => {
    const predictors = await Predictors.load([parseContender(MODEL, MODEL)], findModel, 1);
    try {
      const entries = await findSequences(['scene:cuts'], { maxFrames: 11, stride: 15 });
      const [cuts] = (await evaluate(entries, predictors.list)).sequences;
      expect(cuts!.takes).toEqual([0, 8]);
      const { frames } = cuts!.contenders[0]!;
      expect(frames.map(({ tae }) => tae === undefined)).toEqual(frames.map((_, n) => n === 0 || n === 8));
      expect(frames[8]!.epoch).toBeGreaterThan(frames[7]!.epoch);
    } finally {
      await predictors.close();
    }
  });
});

it('judges a checkpoint that gives metres as it is, and beside a relative model', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-test-'));
  const file = join(folder, 'tiny_metric.pth');
  writeFileSync(file, formulaCheckpoint(TINY));
  const store = { checkpoints: folder, graphs: join(folder, 'graphs') };
  const options = { store, network: { heads: 3, taps: [0, 1, 2, 3] } };
  const predictors = await Predictors.load(
    [MODEL, `${file}:size=84`].map((text) => parseContender(text, MODEL)),
    (model) => (model === MODEL ? findModel(model) : findModel(model, options)),
    1,
  );
  try {
    const entries = await findSequences(['test/vectors/eval/recording'], { maxFrames: 4 });
    const { contenders, sequences, differences } = await evaluate(entries, predictors.list);
    expect(contenders.map(({ unit }) => unit)).toEqual(['disparity', 'metres']);
    const [relative, metric] = sequences[0]!.contenders;
    expect(Object.keys(relative!.errors).sort()).toEqual(['clip', 'first', 'frame']);
    expect(Object.keys(metric!.errors).sort()).toEqual(['clip', 'first', 'frame', 'none']);
    expect(metric!.network).toEqual({ width: 112, height: 84 });
    // Only what both have can be compared.
    expect(differences.map(({ measure }) => measure)).toEqual([
      'absRel clip',
      'delta1 clip',
      'absRel frame',
      'delta1 frame',
      'tae',
      'temporal gradient',
    ]);
  } finally {
    await predictors.close();
    rmSync(folder, { recursive: true });
  }
});

it('reads contenders', () => {
  expect(parseContender(':memory=off,size=192', MODEL)).toMatchObject({
    label: `${MODEL}:memory=off,size=192`,
    model: MODEL,
    memory: false,
    size: 192,
    cuts: true,
  });
  expect(parseContender('C:\\nets\\a.pth', MODEL)).toMatchObject({ model: 'C:\\nets\\a.pth', memory: true });
  expect(parseContender('C:\\nets\\a.pth:cuts=off', MODEL)).toMatchObject({ model: 'C:\\nets\\a.pth', cuts: false });
  expect(parseContender(':precision=int8', MODEL)).toMatchObject({ model: MODEL, precision: 'int8', size: undefined });
  expect(parseContender('ramp', MODEL)).toMatchObject({ baseline: 'ramp', label: 'ramp' });
  for (const text of ['a:memory=maybe', 'a:precision=int4', 'a:size=x', ':depth=3', 'a:size=192,memory'])
    expect(() => parseContender(text, MODEL), text).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
});
