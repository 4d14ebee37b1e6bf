import { describe, expect, it } from 'vitest';
import { CaptureClock, readCaptureTime, writeCaptureTime } from './capture-time.ts';
import { Reception } from './reception.ts';

function receive(reception: Reception, numbers: readonly number[], from = 0): (number | 'restart' | undefined)[] {
  return numbers.map((number, i) => {
    const extended = reception.extend(number);
    if (typeof extended === 'number') reception.count(extended, 3000 * (from + i), 33.333 * (from + i));
    return extended;
  });
}

describe('reception statistics', () => {
  it('extends sequence numbers over the wrap, both ways', () => {
    expect(receive(new Reception(), [65_534, 65_535, 0, 1, 65_535, 2])).toEqual([
      65_534, 65_535, 65_536, 65_537, 65_535, 65_538,
    ]);
  });

  it('believes a jump only when the next packet confirms it', () => {
    const reception = new Reception();
    expect(receive(reception, [10, 11, 40_000, 12, 40_000, 40_002])).toEqual([
      10,
      11,
      undefined,
      12,
      undefined,
      undefined,
    ]);
    expect(receive(reception, [40_003])).toEqual(['restart']);
    expect(receive(reception, [40_003, 40_004])).toEqual([40_003, 40_004]);
    expect(reception.received).toBe(2);
  });

  it('refuses numbers before the first by more than there are', () => {
    expect(receive(new Reception(), [5, 65_000])).toEqual([5, undefined]);
  });

  it('reports loss, total and since the last report', () => {
    const reception = new Reception();
    receive(reception, [0, 1, 2, 4, 5, 6, 7, 9]);
    expect(reception.report(1, 0)).toMatchObject({
      ssrc: 1,
      packetsLost: 2,
      fractionLost: Math.floor((2 * 256) / 10),
      highestSequence: 9,
    });
    receive(reception, [10, 11, 12, 13], 10);
    expect(reception.report(1, 0)).toMatchObject({ packetsLost: 2, fractionLost: 0, highestSequence: 13 });
    // Duplicates count against loss (RFC 3550 section 6.4.1).
    receive(reception, [13, 13, 13], 14);
    expect(reception.report(1, 0).packetsLost).toBe(-1);
    expect(reception.report(1, 0).fractionLost).toBe(0);
  });

  it('counts from the first number, and what is lost without a report', () => {
    const reception = new Reception();
    expect([reception.lost, reception.highest]).toEqual([0, -1]);
    expect(reception.report(1, 0)).toMatchObject({ packetsLost: 0, fractionLost: 0, highestSequence: 0 });
    receive(reception, [1000, 1001, 1003, 1007]);
    expect([reception.lost, reception.highest, reception.received]).toEqual([4, 1007, 4]);
    expect(reception.report(1, 0)).toMatchObject({ packetsLost: 4, fractionLost: 128 });
    expect(reception.interval).toMatchObject({ expected: 8, lost: 4 });
    receive(reception, [1008, 1010], 4);
    expect(reception.report(1, 0)).toMatchObject({ packetsLost: 5, fractionLost: Math.floor(256 / 3) });
    expect(reception.interval).toMatchObject({ expected: 3, lost: 1 });
  });

  it('takes a jump of less than 3000 numbers for loss, either way', () => {
    const reception = new Reception();
    expect(receive(reception, [10_000, 12_999, 15_999])).toEqual([10_000, 12_999, undefined]);
    expect(receive(reception, [10_000, 9_999])).toEqual([10_000, undefined]);
  });

  it('tells the least transit time since the last report', () => {
    const reception = new Reception();
    for (const [n, late] of [5, 2, 9].entries()) {
      reception.extend(n);
      reception.count(n, 9000 * (n + 1), 100 * (n + 1) + late);
    }
    reception.report(1, 0);
    expect(reception.interval.transit).toBeCloseTo(2, 6);
    reception.report(1, 0);
    expect(reception.interval.transit).toBeUndefined();
  });

  it('echoes the last sender report and its age', () => {
    const reception = new Reception();
    receive(reception, [0]);
    expect(reception.report(1, 0)).toMatchObject({ lastSenderReport: 0, delaySinceLast: 0 });
    reception.noteSenderReport({ seconds: 0xb44db705, fraction: 0x20000000 }, 1000);
    expect(reception.report(1, 6250)).toMatchObject({ lastSenderReport: 0xb7052000, delaySinceLast: 0x00054000 });
  });

  it('measures jitter between frames and shrugs off a jump of the sender clock', () => {
    const steady = new Reception();
    receive(steady, [0, 1, 2, 3, 4, 5]);
    expect(steady.jitter).toBeLessThan(0.1);
    const uneven = new Reception();
    for (let n = 0; n < 200; n++) {
      uneven.extend(n);
      uneven.count(n, 3000 * n, 33.333 * n + (n % 2) * 10);
    }
    expect(uneven.jitter).toBeCloseTo(10, 0);
    uneven.extend(200);
    uneven.count(200, 3_000_000_000, 33.333 * 200);
    expect(uneven.jitter).toBeCloseTo(10, 0);
  });
});

describe('capture times', () => {
  it('are read as they are written', () => {
    expect(readCaptureTime(writeCaptureTime(1_795_360_773_711.5))).toBeCloseTo(1_795_360_773_711.5, 3);
    expect(readCaptureTime(Buffer.alloc(7))).toBeUndefined();
    expect(readCaptureTime(Buffer.alloc(8))).toBeUndefined();
    // With the estimated clock offset behind it.
    expect(readCaptureTime(Buffer.concat([writeCaptureTime(1000), Buffer.alloc(8)]))).toBeCloseTo(1000, 3);
  });

  it('follow the RTP clock, over its wrap, but not for long', () => {
    const clock = new CaptureClock();
    expect(clock.at(5)).toBeUndefined();
    clock.note(0xffffff00, 5000);
    expect(clock.at(0xffffff00 + 90 * 40 - 0x1_0000_0000)).toBeCloseTo(5040, 6);
    expect(clock.at(0xffffff00 - 900)).toBeCloseTo(4990, 6);
    expect(clock.at(0x7fffff00)).toBeUndefined();
  });
});
