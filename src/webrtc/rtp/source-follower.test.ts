import { describe, expect, it } from 'vitest';
import { SourceFollower } from './source-follower.ts';

interface Layer {
  ssrc: number;
  bytes: number;
  from?: number;
  until?: number;
}

/** Frames of several streams, 30 a second, a keyframe in each 15th. @returns the changes of the stream that counts */
function play(follower: SourceFollower, layers: readonly Layer[], ms: number): [at: number, ssrc: number][] {
  const changes: [number, number][] = [];
  for (let n = 0; (1000 * n) / 30 < ms; n++) {
    const now = (1000 * n) / 30;
    for (const { ssrc, bytes, from = 0, until = Number.POSITIVE_INFINITY } of layers) {
      if (now < from || now >= until) continue;
      const step = follower.follow(ssrc, bytes, n % 15 === 0, now);
      if (ssrc === follower.ssrc) follower.prove();
      if (step === 'first' || step === 'new') changes.push([now, ssrc]);
      expect(step === 'other' || step === 'wanted').toBe(ssrc !== follower.ssrc);
    }
  }
  return changes;
}

describe('of several streams', () => {
  it('the largest is kept when it came first', () => {
    const layers = [3000, 1500, 500].map((bytes, i) => ({ ssrc: 1 + i, bytes }));
    expect(play(new SourceFollower(), layers, 20_000)).toEqual([[0, 1]]);
  });

  it('the largest is changed to once, with a keyframe', () => {
    const layers = [500, 1500, 3000].map((bytes, i) => ({ ssrc: 1 + i, bytes }));
    const changes = play(new SourceFollower(), layers, 20_000);
    expect(changes.map(([, ssrc]) => ssrc)).toEqual([1, 3]);
    expect(changes[1]![0]).toBeLessThan(2000);
    expect((changes[1]![0] * 30) / 1000 / 15).toBeCloseTo(Math.round((changes[1]![0] * 30) / 1000 / 15), 6);
  });

  it('of about one size, none is changed to', () => {
    const layers = [1000, 1200].map((bytes, i) => ({ ssrc: 1 + i, bytes }));
    expect(play(new SourceFollower(), layers, 20_000)).toEqual([[0, 1]]);
  });

  it('one that fell silent gives way, to the largest of the others', () => {
    const layers = [
      { ssrc: 1, bytes: 3000, until: 5000 },
      { ssrc: 2, bytes: 500 },
      { ssrc: 3, bytes: 1500 },
    ];
    const changes = play(new SourceFollower(), layers, 20_000);
    expect(changes.map(([, ssrc]) => ssrc)).toEqual([1, 3]);
    expect(changes[1]![0]).toBeLessThan(5500);
  });

  it('a sender may change its SSRC, at once where it sends BYE', () => {
    const layers = [
      { ssrc: 1, bytes: 1000, until: 5000 },
      { ssrc: 2, bytes: 1000, from: 5000 },
    ];
    const changes = play(new SourceFollower(), layers, 10_000);
    expect(changes.map(([, ssrc]) => ssrc)).toEqual([1, 2]);
    expect(changes[1]![0]).toBeLessThan(5400);

    const follower = new SourceFollower();
    follower.follow(1, 1000, true, 0);
    follower.prove();
    expect(follower.follow(2, 1000, true, 10)).toBe('other');
    follower.end([1]);
    expect(follower.follow(2, 1000, true, 20)).toBe('new');
    expect(follower.follow(1, 1000, true, 30)).toBe('other');
  });

  it('one that never gave a frame yields to any keyframe', () => {
    const follower = new SourceFollower();
    follower.follow(1, 1000, false, 0);
    expect(follower.follow(2, 100, false, 1)).toBe('other');
    expect(follower.follow(2, 100, true, 2)).toBe('new');
  });

  it('a slow one is not taken for silent between its frames', () => {
    const follower = new SourceFollower();
    for (let now = 0; now < 20_000; now += 100) {
      if (now % 1000 === 0) follower.follow(1, 3000, false, now);
      follower.prove();
      if (now > 3000) follower.follow(2, 50, false, now);
    }
    expect(follower.ssrc).toBe(1);
  });

  it('a flood of them costs bounded memory and never displaces the current one', () => {
    const follower = new SourceFollower();
    follower.follow(7, 2000, false, 0);
    follower.prove();
    for (let n = 0; n < 5000; n++) {
      follower.follow(7, 2000, false, n);
      follower.follow(1000 + n, 100, true, n);
    }
    expect(follower.ssrc).toBe(7);
  });
});
