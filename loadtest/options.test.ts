import { describe, expect, test } from 'vitest';
import { loadCommand, parseOptions } from './options.ts';

/** Refusals as errors, with nothing on the terminal. */
function parse(...argv: string[]) {
  const command = loadCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: () => {} });
  return parseOptions(argv, command);
}

describe('options of the load test', () => {
  test('defaults are a small load', () => {
    expect(parse()).toMatchObject({ publishers: 4, viewers: 0, fps: 15, size: { width: 640, height: 480 }, ramp: 1 });
  });

  test('the whole line of an operator', () => {
    const line =
      '--publishers 8 --viewers 2 --fps 15 --size 640x480 --codec vp8 --duration 60 --ramp 1/s --loss 0.02 --churn 0.1';
    expect(parse(...line.split(' '))).toMatchObject({
      publishers: 8,
      viewers: 2,
      duration: 60,
      ramp: 1,
      loss: 0.02,
      churn: 0.01,
    });
  });

  test('rates have units, settings have values', () => {
    expect(parse('--ramp', '30/min').ramp).toBeCloseTo(0.5, 9);
    expect(parse('--churn', '0.6/min').churn).toBeCloseTo(0.01, 9);
    expect(parse('--churn', '0.1/s').churn).toBeCloseTo(0.1, 9);
    expect(parse('--set', 'limits.streams=7', '--set', 'depth.model=my model').set).toEqual({
      'limits.streams': 7,
      'depth.model': 'my model',
    });
  });

  test.each([
    ['--publishers', '0'],
    ['--publishers', '65'],
    ['--publishers', '2.5'],
    ['--fps', 'many'],
    ['--fps', ''],
    ['--size', '640'],
    ['--size', '641x480'],
    ['--size', '64x48'],
    ['--codec', 'vp9'],
    ['--loss', '0.9'],
    ['--loss', '-0.1'],
    ['--ramp', '0'],
    ['--ramp', '1/h'],
    ['--churn', '2'],
    ['--set', 'streams=1'],
    ['--duration', 'NaN'],
    ['--frobnicate'],
    ['extra'],
    ['--url', 'http://x', '--model', 'y'],
    ['--url', 'http://x', '--compare', 'aiortc'],
    ['--compare', 'aiortc', '--viewers', '1'],
    ['--no-track', '--data', 'off'],
  ])('%s %s is refused', (...argv) => {
    expect(() => parse(...argv)).toThrow();
  });
});
