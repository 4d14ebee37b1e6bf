import { afterEach, describe, expect, it, vi } from 'vitest';
import { depthInfo } from '../../test/support/depth-info.ts';
import { TrackReceiver } from '../../test/support/track-receiver.ts';
import { Metrics } from '../metrics/metrics.ts';
import { LiveDepth } from '../stream/live-depth.ts';
import { LiveDecoder } from '../video/index.ts';
import type { VideoSender } from '../webrtc/index.ts';
import { GrayTrack } from './gray-track.ts';

const [W, H] = [64, 48];

const asSender = (receiver: TrackReceiver) => receiver as unknown as VideoSender;
const metrics = new Metrics({ version: 'test', model: 'none', device: 'none' });
const tracks: GrayTrack[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const track of tracks.splice(0)) track.close();
});

function open(): {
  track: GrayTrack;
  push(n: number, size?: number): Promise<void>;
  errors: Error[];
  released: () => number;
} {
  const errors: Error[] = [];
  let waiting = () => {};
  const track = new GrayTrack(
    { codec: 'VP8', layout: 'depth', minBitrate: 100_000, maxBitrate: 3_000_000, maxSide: 320, metrics },
    {
      sent: () => waiting(),
      failed: (error) => {
        errors.push(error);
        waiting();
      },
    },
  );
  tracks.push(track);
  let released = 0;
  const push = (n: number, size = 640): Promise<void> =>
    new Promise((resolve) => {
      waiting = resolve;
      const values = Float32Array.from({ length: W * H }, (_, i) => (i % W) / W + 0.3 * Math.sin(n / 9 + i / 500));
      const info = { ...depthInfo(n, W, H), sourceWidth: size, sourceHeight: (size * 3) / 4 };
      const depth = new LiveDepth({ values, width: W, height: H, release: () => released++ } as never, info, undefined);
      track.push(depth);
      depth.release();
    });
  return { track, push, errors, released: () => released };
}

describe('GrayTrack', () => {
  it('is encoded once for all, with the timestamps of its sources, scaled to the longest side allowed', async () => {
    const { track, push, errors, released } = open();
    const [a, b] = [new TrackReceiver(), new TrackReceiver()];
    track.add(asSender(a));
    track.add(asSender(b));
    for (let n = 0; n < 5; n++) await push(n);
    expect(errors).toEqual([]);
    expect(a.frames).toEqual(b.frames);
    expect(a.frames.map(({ rtpTimestamp }) => rtpTimestamp)).toEqual([0, 3000, 6000, 9000, 12000]);
    expect(a.frames.map(({ keyframe }) => keyframe)).toEqual([true, false, false, false, false]);
    const decoder = await LiveDecoder.create('VP8');
    const picture = await decoder.decode(a.frames[0]!);
    expect([picture!.width, picture!.height]).toEqual([320, 240]);
    picture!.close();
    decoder.close();
    expect(released()).toBe(5);
  });

  it('starts a newcomer with a keyframe, and answers picture loss with one, but not with one each', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { track, push } = open();
    const [first, late] = [new TrackReceiver(), new TrackReceiver()];
    track.add(asSender(first));
    for (let n = 0; n < 3; n++) await push(n);
    track.add(asSender(late));
    await push(3);
    expect(late.frames.map(({ keyframe }) => keyframe)).toEqual([true]);
    first.emit('keyframe');
    late.emit('keyframe');
    // Asked for right after one was sent: it comes when the interval is over, once for both.
    await push(4);
    expect(first.frames.at(-1)!.keyframe).toBe(false);
    vi.advanceTimersByTime(299);
    await push(5);
    expect(first.frames.at(-1)!.keyframe).toBe(false);
    vi.advanceTimersByTime(1);
    await push(5);
    await push(6);
    expect(first.frames.slice(-2).map(({ keyframe }) => keyframe)).toEqual([true, false]);
  });

  it('follows the slowest receiver, and recovers when it leaves', async () => {
    const { track, push } = open();
    const [fast, slow] = [new TrackReceiver(), new TrackReceiver()];
    track.add(asSender(fast));
    const bytes = async (from: number) => {
      const before = fast.frames.length;
      for (let n = from; n < from + 90; n++) await push(n);
      // Without the keyframe and what the encoder needs to settle.
      return fast.frames.slice(before + 40).reduce((sum, { data }) => sum + data.length, 0);
    };
    const alone = await bytes(0);
    slow.targetBitrate = 100_000;
    track.add(asSender(slow));
    slow.emit('bitrate');
    const limited = await bytes(100);
    expect(limited).toBeLessThan(alone);
    track.remove(asSender(slow));
    expect(await bytes(200)).toBeGreaterThan(limited);
    expect(slow.listenerCount('bitrate') + slow.listenerCount('keyframe')).toBe(0);
  });

  it('does nothing while nobody receives, and frees everything when it is closed while encoding', async () => {
    const { track, push, released } = open();
    void push(0);
    expect(released()).toBe(1);
    const receiver = new TrackReceiver();
    track.add(asSender(receiver));
    void push(1);
    void push(2);
    track.close();
    await vi.waitUntil(() => released() === 3, 10_000);
    expect(receiver.frames.length).toBeLessThanOrEqual(1);
  });
});
