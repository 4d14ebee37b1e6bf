import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { unmetered } from '../deadline.ts';
import { FrameAssembler, MAX_EARLIER } from './assembler.ts';
import { LossRecovery } from './loss-recovery.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('asks for what stands before a stream that begins within a frame, and comes to an end', () => {
  const assembler = new FrameAssembler({ onFrame: () => {}, onGap: () => {} });
  const asked: number[] = [];
  let keyframes = 0;
  const recovery = new LossRecovery({
    assembler,
    sendNack: (numbers) => asked.push(...numbers),
    wantKeyframe: () => keyframes++,
    fail: (thrown) => {
      throw thrown;
    },
    meter: unmetered,
    roundTripTime: () => 20,
    losesFeedback: () => false,
  });
  const now = performance.now();
  // The second packet of a VP8 frame.
  const payload = Buffer.from([0x00, 1, 2, 3]);
  const packet = { timestamp: 0, marker: true, codec: 'VP8', payload, arrivedAt: now, captureTime: undefined } as const;
  assembler.insert({ ...packet, sequence: 100 });
  recovery.noteOpening(100, now);
  recovery.recover(now);
  expect(asked).toEqual(Array.from({ length: MAX_EARLIER }, (_, n) => 100 - MAX_EARLIER + n));
  // The sender never had most of them.
  vi.advanceTimersByTime(2000);
  expect(vi.getTimerCount()).toBe(0);
  expect(keyframes).toBe(0);
  recovery.close();
});
