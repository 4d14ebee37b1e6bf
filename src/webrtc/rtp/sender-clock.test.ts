import { describe, expect, it } from 'vitest';
import { toNtp } from './rtcp.ts';
import { SenderClock } from './sender-clock.ts';

const NOW = 1_750_000_000_000;
/** RTP timestamp of a capture, ms after NOW; the sender began near the wrap. */
const stamp = (ms: number) => (0xffff_f000 + Math.round(90 * ms)) >>> 0;

/** A sender that reports every second; `shift` is what its wall clock shows beyond ours, `noise` how late it reads it. */
function clockOf(reports: number, { shift = 0, noise = (_n: number): number => 0, delay = 20 } = {}): SenderClock {
  const clock = new SenderClock();
  for (let n = 0; n < reports; n++) {
    const sent = 1000 * n;
    clock.noteReport(toNtp(NOW + sent + shift + noise(n)), stamp(sent), NOW + sent + delay, 2 * delay);
  }
  return clock;
}

describe('capture times from sender reports', () => {
  it('are not known before the first', () => {
    expect(new SenderClock().at(stamp(0))).toBeUndefined();
  });

  it('are vague after the first, good after a few, across the wrap of RTP timestamps', () => {
    expect(clockOf(1).at(stamp(40))).toEqual({ time: expect.closeTo(NOW + 40, 0), error: 50 });
    const { time, error } = clockOf(5).at(stamp(4040))!;
    expect(Math.abs(time - (NOW + 4040))).toBeLessThan(0.1);
    expect(error).toBe(2);
  });

  it.each([1, 7, 20])('hold their error where the reports scatter by up to %i ms', (scatter) => {
    const noise = (n: number) => [0, 0.9, -0.7, 0.3, -1, 0.5, 0.1, -0.2][n % 8]! * scatter;
    const clock = clockOf(8, { noise });
    for (const ms of [7010, 7100, 7900]) {
      const { time, error } = clock.at(stamp(ms))!;
      expect(Math.abs(time - (NOW + ms))).toBeLessThanOrEqual(error);
      expect(error).toBeLessThanOrEqual(2 * scatter + 2);
    }
  });

  it("are on the sender's clock while that is of the day, and otherwise on ours", () => {
    expect(clockOf(5, { shift: 3000 }).at(stamp(5000))!.time).toBeCloseTo(NOW + 8000, 0);
    // A clock that began at 0 when the machine did.
    const { time, error } = clockOf(5, { shift: 86_400_000 - NOW, delay: 30 }).at(stamp(5000), 60)!;
    expect(Math.abs(time - (NOW + 5000))).toBeLessThanOrEqual(error);
    expect(error).toBe(32);
  });

  it('begin anew where the clock was set, and say nothing far from any report', () => {
    const clock = clockOf(5);
    clock.noteReport(toNtp(NOW + 15_000), stamp(5000), NOW + 5020);
    expect(clock.at(stamp(5000))).toEqual({ time: expect.closeTo(NOW + 15_000, 0), error: 50 });
    expect(clock.at(stamp(500_000))).toBeUndefined();
    clock.noteReport({ seconds: 0, fraction: 0 }, stamp(6000), NOW + 6020);
    expect(clock.at(stamp(6000))!.time).toBeCloseTo(NOW + 16_000, 0);
  });
});
