import { expect, it } from 'vitest';
import { SlowViewer, type Verdict } from './slow-viewer.ts';

const fine = { fractionLost: 0.01, targetBitrate: 1e6, minBitrate: 150_000, remb: 2e6, channelBehind: 0 };

/** Verdicts of so many seconds, each of the state that `of` gives. */
function watch(seconds: number, of: (second: number) => Partial<typeof fine>, patience = 10_000): Verdict[] {
  const viewer = new SlowViewer();
  return Array.from({ length: seconds }, (_, n) => viewer.judge({ ...fine, ...of(n) }, n * 1000, patience));
}

it('leaves a viewer alone that keeps up, or loses packets while its bitrate can still fall', () => {
  expect(new Set(watch(60, () => ({})))).toEqual(new Set(['send']));
  expect(new Set(watch(60, () => ({ fractionLost: 0.5 })))).toEqual(new Set(['send']));
  expect(new Set(watch(60, () => ({ remb: 20_000 })))).toEqual(new Set(['send']));
});

it.each([
  ['asks for less than the least bitrate', { remb: 50_000, targetBitrate: 150_000 }],
  ['loses packets at the least bitrate', { fractionLost: 0.4, targetBitrate: 150_000 }],
])('one that %s gets rests, and is closed in the end', (_name, slow) => {
  const verdicts = watch(20, () => slow);
  expect(verdicts.indexOf('close')).toBeGreaterThanOrEqual(10);
  expect(verdicts.indexOf('close')).toBeLessThan(16);
  expect(verdicts.slice(0, 10)).toEqual([
    'send',
    'send',
    'rest',
    'rest',
    'send',
    'send',
    'send',
    'rest',
    'rest',
    'send',
  ]);
});

it('forgives one that recovers', () => {
  const verdicts = watch(60, (n) => (n % 20 < 6 ? { remb: 50_000, targetBitrate: 150_000 } : {}));
  expect(verdicts).toContain('rest');
  expect(verdicts).not.toContain('close');
});

it('closes one whose data channel stays behind', () => {
  expect(watch(15, (n) => ({ channelBehind: n * 1000 })).indexOf('close')).toBe(11);
});
