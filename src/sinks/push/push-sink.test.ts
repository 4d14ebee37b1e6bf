import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import * as av from 'node-av';
import { afterEach, describe, expect, it } from 'vitest';
import { planesOf } from '../../../test/pictures.ts';
import { LiveDepth } from '../../stream/live-depth.ts';
import { type EncodedFrame, LiveDecoder } from '../../video/index.ts';
import { PushSink } from './push-sink.ts';
import { PushTarget } from './push-target.ts';

const [W, H] = [64, 36];
const CLOCK = 90_000;

const sinks: PushSink[] = [];
afterEach(() => {
  for (const sink of sinks.splice(0)) sink.close();
});

/** A sink whose frames are pushed one after the other: each a shade of its own. */
function open(target: PushTarget) {
  let waiting = (_: Error | undefined) => {};
  const sink = new PushSink({ layout: 'depth', bitrate: 2_000_000, maxSide: 320 }, target, {
    sent: () => waiting(undefined),
    failed: (error) => waiting(error),
  });
  sinks.push(sink);
  return async (seconds: number, shade: number) => {
    const values = new Float32Array(W * H).fill(shade);
    const info = {
      ...{ frameId: 0, epoch: 0, rtpTimestamp: Math.round(seconds * CLOCK), width: W, height: H },
      ...{ sourceWidth: 4 * W, sourceHeight: 4 * H, unit: 'disparity' as const, near: 1, far: 0 },
    };
    const map = { values, width: W, height: H, release: () => {} };
    const depth = new LiveDepth(map as never, info, undefined, undefined, undefined, undefined, seconds);
    const done = new Promise<Error | undefined>((resolve) => {
      waiting = resolve;
    });
    const used = target.wants !== 'nothing';
    sink.push(depth);
    depth.release();
    expect(used ? await done : undefined).toBeUndefined();
  };
}

describe('a stream of few frames a second', () => {
  /** Times in seconds of what left, and the frames. */
  function collect() {
    const frames: (EncodedFrame & { at: number })[] = [];
    const target = {
      wants: 'keyframe',
      put(frame: EncodedFrame, pts: number) {
        frames.push({ ...frame, at: pts / CLOCK });
        this.wants = 'frame';
      },
      close() {},
    };
    return { frames, target, push: open(target as unknown as PushTarget) };
  }

  it('is sent with its pictures repeated in between, at which its own times stay', async () => {
    const { frames, push } = collect();
    for (const [n, at] of [0, 0.5, 1, 1.25, 1.45].entries()) await push(at, n / 5);
    expect(frames.map(({ at }) => at)).toEqual([
      0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.25, 1.45,
    ]);
    const decoder = await LiveDecoder.create('H264');
    const shades: number[] = [];
    for (const frame of frames) {
      const picture = (await decoder.decode(frame))!;
      shades.push((await planesOf(picture))[0]![0]!);
      picture.close();
    }
    decoder.close();
    expect(
      shades.slice(0, 5).every((shade) => Math.abs(shade - 16) < 4),
      `${shades}`,
    ).toBe(true);
    expect(
      shades.slice(5, 10).every((shade) => Math.abs(shade - 60) < 4),
      `${shades}`,
    ).toBe(true);
  });

  it('keeps its pauses, and nothing is repeated of one that has enough, nor for a receiver that waits for a keyframe', async () => {
    const { frames, target, push } = collect();
    for (const at of [0, 0.2, 0.4, 0.61, 7]) await push(at, 0.5);
    target.wants = 'keyframe';
    await push(7.5, 0.5);
    expect(frames.map(({ at }) => at)).toEqual([0, 0.2, 0.4, 0.61, 7, 7.5]);
    expect(frames.at(-1)!.keyframe).toBe(true);
  });

  it('is opened by FFmpeg within seconds, not minutes, of it', { timeout: 120_000 }, async () => {
    const port = await freePort();
    const reader = new av.FormatContext();
    reader.allocContext();
    let pictures = 0;
    const reading = (async () => {
      // As ffprobe, ffplay and ffmpeg do: then all that comes is analysed for seven seconds of it.
      const options = av.Dictionary.fromObject({ scan_all_pmts: '1' });
      const url = `srt://127.0.0.1:${port}?mode=listener&timeout=60000000`;
      expect(await reader.openInput(url, null, options)).toBe(0);
      expect(await reader.findStreamInfo()).toBeGreaterThanOrEqual(0);
      const { width, height } = reader.streams![0]!.codecpar;
      return [width, height];
    })();
    const target = new PushTarget(`srt://127.0.0.1:${port}`, { onLive: () => {}, onLost: () => {} });
    const push = open(target);
    let opened: number[] | undefined;
    void reading.then((size) => {
      opened = size;
    });
    // Two a second, until it is open.
    for (let n = 0; n < 80 && !opened; n++) {
      if (target.status.state === 'live') pictures++;
      await push(n / 2, (n % 8) / 8);
      await sleep(500);
    }
    expect(await reading).toEqual([4 * W, 4 * H]);
    expect(pictures).toBeLessThan(25);
    await reader.closeInput();
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
