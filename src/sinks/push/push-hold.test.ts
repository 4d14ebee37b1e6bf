import { afterEach, describe, expect, it, vi } from 'vitest';
import { openPushed, type PushedStream } from '../../../test/support/pushed-stream.ts';
import { callOnThisThread, type EncodedFrame } from '../../video/index.ts';
import type { PushTarget } from './push-target.ts';

// As in a media worker, whose thread a loop of encoder calls would hold.
callOnThisThread();

const CLOCK = 90_000;
let stream: PushedStream | undefined;
afterEach(() => {
  stream?.sink.close();
  vi.restoreAllMocks();
});

/** A receiver that is there. @param took called with every frame, and how many there were */
function open(took: (target: { wants: PushTarget['wants'] }, count: number) => void = () => {}) {
  const frames: { at: number; bytes: number }[] = [];
  const target = {
    wants: 'keyframe' as PushTarget['wants'],
    put(frame: EncodedFrame, pts: number) {
      frames.push({ at: pts / CLOCK, bytes: frame.data.length });
      this.wants = 'frame';
      took(this, frames.length);
    },
    close() {},
  };
  stream = openPushed(target as unknown as PushTarget);
  return { frames, times: () => frames.map(({ at }) => at), push: stream.push, sink: stream.sink };
}

describe('pictures repeated in a gap, in a thread that others need', () => {
  it('leave it to the others after each', async () => {
    let turns = 0;
    const seen: number[] = [];
    const { push } = open(() => seen.push(turns));
    let over = false;
    const turn = () => {
      turns++;
      if (!over) setImmediate(turn);
    };
    turn();
    await push(0, 0.2);
    await push(2, 0.4);
    over = true;
    expect(seen).toHaveLength(21);
    for (const [n, at] of seen.slice(1).entries()) expect(at, `${seen}`).toBeGreaterThan(n === 0 ? 0 : seen[n]!);
  });

  it('are 24 at most, at even steps of less than a quarter of a second', async () => {
    const { times, push } = open();
    const starts = [0, 2.5, 5.06, 10.06];
    for (const at of starts) await push(at, 0.5);
    for (const [n, start] of starts.slice(0, -1).entries()) {
      const end = starts[n + 1]!;
      const inside = times().filter((at) => at >= start && at <= end);
      expect(inside.length - 2).toBeLessThanOrEqual(24);
      for (const [i, at] of inside.slice(1).entries()) expect(at - inside[i]!).toBeLessThan(0.25);
    }
    expect(times().slice(0, 3)).toEqual([0, 0.1, 0.2]);
    expect(times().slice(-3)).toEqual([9.66, 9.86, 10.06]);
  });

  it.each(['nothing', 'keyframe'] as const)('end when its receiver wants %s', async (wants) => {
    // It is heard of in a turn of its own, as a message of the target's process is.
    const { times, push } = open((target, count) => {
      if (count === 4) setImmediate(() => Object.assign(target, { wants }));
    });
    await push(0, 0.5);
    await push(4, 0.5);
    expect(times()).toEqual([0, 0.2, 0.4, 0.6, 4]);
  });

  it('end with the output, as does what waited for them', async () => {
    let ended: (() => void) | undefined;
    const { times, push, sink } = open((_, count) => {
      if (count !== 4) return;
      setImmediate(() => {
        sink.close();
        setImmediate(() => setImmediate(() => ended!()));
      });
    });
    await push(0, 0.5);
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    void push(4, 0.5);
    await end;
    expect(times()).toEqual([0, 0.2, 0.4, 0.6]);
  });

  it('count as bytes, not as the time that encoding the next took', async () => {
    let now = 0;
    const { frames, push } = open(() => {
      now += 1000;
    });
    await push(0, 0.2);
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const told = await push(1, 0.9);
    expect(frames).toHaveLength(11);
    expect(told).toMatchObject({ encode: 0, send: 1000 });
    const bytes = frames.slice(1).reduce((sum, frame) => sum + frame.bytes, 0);
    expect(told!.bytes).toBe(bytes);
  });
});
