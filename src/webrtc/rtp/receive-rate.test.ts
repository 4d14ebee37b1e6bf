import { describe, expect, it } from 'vitest';
import { ReceiveRate } from './receive-rate.ts';

const MAX = 4_000_000;
const STEP_MS = 500;
const PACKET_BITS = 8 * 1100;

/** A sender that sends what it is asked for, a bottleneck with a queue, and the estimator: in its own time. */
class Path {
  readonly rate = new ReceiveRate(MAX);
  /** bit/s, and bits. */
  capacity = Number.POSITIVE_INFINITY;
  queueLimit = 8 * 32_768;
  randomLoss = 0;
  /** What the sender has to send at most. */
  wanted = 2_500_000;
  /** ms that a slow sender adds before the network. */
  senderDelay = 0;
  #queued = 0;
  #now = 1000;

  run(seconds: number): { lost: number; queueMs: number } {
    let [lost, queueMs] = [0, 0];
    for (let i = 0; i < (1000 * seconds) / STEP_MS; i++) {
      this.#now += STEP_MS;
      const sent = (Math.min(this.wanted, this.rate.target) * STEP_MS) / 1000;
      const carried = Math.min(this.#queued + sent, (this.capacity * STEP_MS) / 1000);
      const overflow = Math.max(0, this.#queued + sent - carried - this.queueLimit);
      this.#queued = this.#queued + sent - carried - overflow;
      const gone = overflow + this.randomLoss * carried;
      queueMs = Number.isFinite(this.capacity) ? (1000 * this.#queued) / this.capacity : 0;
      this.rate.update({
        now: this.#now,
        bytes: (carried * (1 - this.randomLoss)) / 8,
        packets: Math.round(sent / PACKET_BITS),
        lost: Math.round(gone / PACKET_BITS),
        transit: 12_345 + queueMs + this.senderDelay,
      });
      lost += gone / PACKET_BITS;
    }
    return { lost, queueMs };
  }
}

describe('the bitrate that a sender is asked for', () => {
  it('stays where it is allowed to be on a good path, and with a little loss', () => {
    const path = new Path();
    path.run(10);
    path.randomLoss = 0.05;
    path.run(30);
    expect(path.rate.target).toBe(MAX);
  });

  it.each([300_000, 1_000_000])('falls to what a bottleneck of %i bit/s carries, and its queue drains', (capacity) => {
    const path = new Path();
    path.run(10);
    path.capacity = capacity;
    path.run(4);
    expect(path.rate.target).toBeLessThan(capacity);
    expect(path.rate.target).toBeGreaterThan(0.5 * capacity);
    path.run(10);
    const { queueMs, lost } = path.run(30);
    expect(queueMs).toBeLessThan(600);
    expect(lost).toBeLessThan(20);
    expect(path.rate.target).toBeGreaterThan(0.6 * capacity);
    expect(path.rate.target).toBeLessThan(1.4 * capacity);
  });

  it('notices a deep queue that loses nothing', () => {
    const path = new Path();
    path.queueLimit = Number.POSITIVE_INFINITY;
    path.run(10);
    path.capacity = 1_000_000;
    path.run(20);
    expect(path.run(20).queueMs).toBeLessThan(600);
  });

  it('grows back once the bottleneck is gone', () => {
    const path = new Path();
    path.run(5);
    path.capacity = 300_000;
    path.run(20);
    path.capacity = Number.POSITIVE_INFINITY;
    path.run(40);
    expect(path.rate.target).toBeGreaterThan(2_000_000);
  });

  it('also at rates so low that a report covers few packets', () => {
    const path = new Path();
    path.run(5);
    path.capacity = 160_000;
    path.run(20);
    path.capacity = Number.POSITIVE_INFINITY;
    path.run(60);
    expect(path.rate.target).toBeGreaterThan(2_000_000);
  });

  it('does not starve a sender whose own delay grew: what a cut does not change is not the network', () => {
    const path = new Path();
    path.run(20);
    path.senderDelay = 900;
    path.run(60);
    expect(path.rate.target).toBe(MAX);
  });

  it('forgets the past when the sender’s clock jumps', () => {
    const path = new Path();
    path.run(20);
    path.senderDelay = 60_000;
    path.run(20);
    path.senderDelay = -60_000;
    path.run(20);
    expect(path.rate.target).toBe(MAX);
  });

  it('has a floor', () => {
    const path = new Path();
    path.run(5);
    path.randomLoss = 0.5;
    path.run(60);
    expect(path.rate.target).toBe(150_000);
  });
});
