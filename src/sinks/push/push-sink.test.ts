import { setTimeout as sleep } from 'node:timers/promises';
import * as av from 'node-av';
import { afterEach, describe, expect, it } from 'vitest';
import { planesOf } from '../../../test/pictures.ts';
import { freePort } from '../../../test/support/free-port.ts';
import { openPushed, type PushedStream, SOURCE_SIZE } from '../../../test/support/pushed-stream.ts';
import { type EncodedFrame, LiveDecoder } from '../../video/index.ts';
import { PushTarget } from './push-target.ts';

const CLOCK = 90_000;

const opened: PushedStream[] = [];
afterEach(() => {
  for (const { sink } of opened.splice(0)) sink.close();
});

function open(target: PushTarget) {
  const stream = openPushed(target);
  opened.push(stream);
  return stream.push;
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
    const reading = (async () => {
      // As ffprobe, ffplay and ffmpeg do: then all that comes is analysed for seven seconds of it.
      const options = av.Dictionary.fromObject({ scan_all_pmts: '1' });
      const url = `srt://127.0.0.1:${port}?mode=listener&timeout=60000000`;
      expect(await reader.openInput(url, null, options)).toBe(0);
      expect(await reader.findStreamInfo()).toBeGreaterThanOrEqual(0);
      const { width, height } = reader.streams![0]!.codecpar;
      return { size: [width, height], analysed: reader.pbBytes };
    })();
    const push = open(new PushTarget(`srt://127.0.0.1:${port}`, { onLive: () => {}, onLost: () => {} }));
    let isOpen = false;
    const opening = reading.finally(() => {
      isOpen = true;
    });
    // Two a second, until it is open.
    for (let n = 0; !isOpen; n++) {
      await push(n / 2, (n % 8) / 8);
      await sleep(500);
    }
    const { size, analysed } = await opening;
    expect(size).toEqual(SOURCE_SIZE);
    opened.at(-1)!.sink.close();
    // What it analysed before it was open it keeps, and hands out first: media time, whatever the machine's.
    const times: number[] = [];
    const packet = new av.Packet();
    packet.alloc();
    while ((await reader.readFrame(packet)) >= 0 && packet.pos < analysed) {
      times.push(Number(packet.pts) / CLOCK);
      packet.unref();
    }
    await reader.closeInput();
    expect(times.length).toBeGreaterThan(30);
    expect(times.at(-1)! - times[0]!).toBeLessThan(9);
  });
});
