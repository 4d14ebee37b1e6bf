import { expect, it } from 'vitest';
import { SlowViewer, type Verdict } from './slow-viewer.ts';

const fine = {
  fractionLost: 0.01,
  targetBitrate: 1e6,
  minBitrate: 150_000,
  remb: 2e6,
  sent: 150_000,
  channelBehind: 0,
};

/** Verdicts of so many seconds, each of the state that `of` gives. `sent` is in bit/s. */
function watch(seconds: number, of: (second: number) => Partial<typeof fine>, patience = 10_000): Verdict[] {
  const viewer = new SlowViewer();
  let bytes = 0;
  return Array.from({ length: seconds }, (_, n) => {
    const { sent, ...state } = { ...fine, ...of(n) };
    bytes += sent / 8;
    return viewer.judge({ ...state, bytes }, (n + 1) * 1000, patience);
  });
}

it.each([
  ['keeps up', () => ({})],
  ['loses packets while its bitrate can still fall', () => ({ fractionLost: 0.5 })],
  ['asks for little and is sent more than the least', () => ({ remb: 20_000 })],
  ['estimates what calm pictures are sent with', () => ({ remb: 40_000, sent: 48_000, targetBitrate: 150_000 })],
  ['is held up for a second now and then', (n: number) => (n % 4 ? {} : { fractionLost: 0.9, targetBitrate: 150_000 })],
  ['lost much in one trial', (n: number) => (n % 6 < 3 ? { fractionLost: 0.9, targetBitrate: 150_000 } : {})],
])('leaves a viewer alone that %s', (_name, of) => {
  expect(new Set(watch(60, of))).toEqual(new Set(['send']));
});

it.each([
  ['asks for less than the least bitrate', { remb: 50_000, targetBitrate: 150_000 }],
  ['loses packets at the least bitrate', { fractionLost: 0.4, targetBitrate: 150_000 }],
])('one that %s gets rests, and is closed in the end', (_name, slow) => {
  const verdicts = watch(20, () => slow);
  expect(verdicts.indexOf('close')).toBeGreaterThanOrEqual(10);
  expect(verdicts.indexOf('close')).toBeLessThan(16);
  const [send, rest] = ['send', 'rest'];
  expect(verdicts.slice(0, 11)).toEqual([send, send, send, send, send, rest, rest, send, send, send, rest]);
});

it('forgives one that recovers', () => {
  const verdicts = watch(60, (n) => (n % 20 < 6 ? { remb: 50_000, targetBitrate: 150_000 } : {}));
  expect(verdicts).toContain('rest');
  expect(verdicts).not.toContain('close');
});

it('closes one whose data channel stays behind', () => {
  expect(watch(15, (n) => ({ channelBehind: n * 1000 })).indexOf('close')).toBe(11);
});
