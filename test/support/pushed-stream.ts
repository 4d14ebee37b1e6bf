import { PushSink } from '../../src/sinks/push/push-sink.ts';
import type { PushTarget } from '../../src/sinks/push/push-target.ts';
import type { FrameTiming } from '../../src/stream/depth-sink.ts';
import { LiveDepth } from '../../src/stream/live-depth.ts';

const [WIDTH, HEIGHT] = [64, 36];
const CLOCK = 90_000;

/** Width and height of its pictures, in pixels. */
export const SOURCE_SIZE = [4 * WIDTH, 4 * HEIGHT] as const;

export interface PushedStream {
  sink: PushSink;
  /**
   * One frame, of one shade (0 to 1).
   *
   * @param seconds its media time
   * @returns once it left, what the sink told of it; undefined at once where the target wants nothing
   * @throws what the sink failed with
   */
  push(seconds: number, shade: number): Promise<FrameTiming | undefined>;
}

/** A sink of gray frames that are pushed one after the other. */
export function openPushed(target: PushTarget): PushedStream {
  let waiting = { resolve: (_: FrameTiming) => {}, reject: (_: Error) => {} };
  const sink = new PushSink({ layout: 'depth', bitrate: 2_000_000, maxSide: 320 }, target, {
    sent: (timing) => waiting.resolve(timing),
    failed: (error) => waiting.reject(error),
  });
  const push = async (seconds: number, shade: number) => {
    const [sourceWidth, sourceHeight] = SOURCE_SIZE;
    const size = { width: WIDTH, height: HEIGHT };
    const info = {
      ...{ frameId: 0, epoch: 0, rtpTimestamp: Math.round(seconds * CLOCK), ...size },
      ...{ sourceWidth, sourceHeight, unit: 'disparity' as const, near: 1, far: 0 },
    };
    const map = { values: new Float32Array(WIDTH * HEIGHT).fill(shade), ...size, release: () => {} };
    const depth = new LiveDepth(map as never, info, undefined, undefined, undefined, undefined, seconds);
    const done = new Promise<FrameTiming>((resolve, reject) => {
      waiting = { resolve, reject };
    });
    const used = target.wants !== 'nothing';
    sink.push(depth);
    depth.release();
    return used ? done : undefined;
  };
  return { sink, push };
}
