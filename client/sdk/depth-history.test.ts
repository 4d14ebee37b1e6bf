import { describe, expect, it } from 'vitest';
import { DepthHistory, rtpDistance } from './depth-history.ts';
import type { ReceivedFrame } from './frames.ts';

const frame = (frameId: number, rtpTimestamp: number, captureTime?: number): ReceivedFrame => ({
  frameId,
  epoch: 0,
  rtpTimestamp,
  ...(captureTime === undefined ? {} : { captureTime }),
  width: 2,
  height: 2,
  sourceWidth: 4,
  sourceHeight: 4,
  unit: 'disparity',
  intrinsics: { fx: 3, fy: 3, cx: 1.5, cy: 1.5, source: 'assumed' },
  near: 1,
  far: 0,
  format: 'none',
  values: new Float32Array(0),
  receivedAt: 0,
  bytes: 64,
});

describe('DepthHistory', () => {
  it('finds the frame of an RTP timestamp, also across the wrap at 2^32', () => {
    const history = new DepthHistory();
    const start = 2 ** 32 - 6000;
    for (let i = 0; i < 5; i++) history.push(frame(i, (start + i * 3000) >>> 0));
    expect(history.byRtpTimestamp(3000)?.frameId).toBe(3);
    expect(history.byRtpTimestamp(3001)).toBeUndefined();
    expect(history.byRtpTimestamp(2900, 1500)?.frameId).toBe(3);
    expect(history.byRtpTimestamp(2 ** 32 - 500, 1500)?.frameId).toBe(2);
    expect(rtpDistance(1000, 2 ** 32 - 1000)).toBe(2000);
  });

  it('finds the frame captured nearest to a time, and none where capture times are unknown', () => {
    const history = new DepthHistory();
    expect(history.byCaptureTime(0)).toBeUndefined();
    history.push(frame(0, 0));
    expect(history.byCaptureTime(1000)).toBeUndefined();
    history.push(frame(1, 3000, 1000));
    history.push(frame(2, 6000, 1033));
    expect(history.byCaptureTime(1010)?.frameId).toBe(1);
    expect(history.byCaptureTime(1020)?.frameId).toBe(2);
    expect(history.byCaptureTime(1100)).toBeUndefined();
  });

  it('forgets the oldest', () => {
    const history = new DepthHistory(3);
    for (let i = 0; i < 10; i++) history.push(frame(i, i * 3000));
    expect(history.byRtpTimestamp(6 * 3000)).toBeUndefined();
    expect(history.byRtpTimestamp(7 * 3000)?.frameId).toBe(7);
    expect(history.latest?.frameId).toBe(9);
    history.clear();
    expect(history.latest).toBeUndefined();
  });
});
