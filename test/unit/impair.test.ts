import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { hostCandidates, redirectCandidates, withoutCandidates } from '../support/impair/candidates.ts';
import type { Impairment } from '../support/impair/impairment.ts';
import { Link } from '../support/impair/link.ts';
import { UdpPath } from '../support/impair/udp-path.ts';

/** What arrives of `count` packets that are sent at once, in order of arrival. */
async function pass(impairment: Impairment, count: number, bytes = 100, seed = 7) {
  const link = new Link(impairment, seed);
  const arrived: number[] = [];
  for (let n = 0; n < count; n++) link.send(bytes, () => arrived.push(n));
  while (link.waiting > 0) await sleep(5);
  return { arrived, stats: link.stats };
}

const inOrder = (numbers: number[]) => numbers.every((n, i) => i === 0 || n >= numbers[i - 1]!);

describe('one direction', () => {
  it('is perfect without an impairment, and at once', async () => {
    const { arrived } = await pass({}, 1000);
    expect(arrived).toEqual(Array.from({ length: 1000 }, (_, n) => n));
  });

  it('loses its share, the same packets for the same seed', async () => {
    const first = await pass({ loss: 0.1 }, 20_000);
    expect(first.stats.lost.random).toBeGreaterThan(1800);
    expect(first.stats.lost.random).toBeLessThan(2200);
    expect((await pass({ loss: 0.1 }, 20_000)).arrived).toEqual(first.arrived);
    expect((await pass({ loss: 0.1 }, 20_000, 100, 8)).arrived).not.toEqual(first.arrived);
  });

  it('loses in bursts of the mean length and share that the chain gives', async () => {
    const { arrived, stats } = await pass({ burst: { enter: 0.01, leave: 0.2 } }, 50_000);
    const bursts = arrived.filter((n, i) => n !== (i === 0 ? 0 : arrived[i - 1]! + 1)).length;
    expect(stats.lost.burst / bursts).toBeGreaterThan(4);
    expect(stats.lost.burst / bursts).toBeLessThan(6);
    expect(stats.lost.burst / 50_000).toBeGreaterThan(0.035);
    expect(stats.lost.burst / 50_000).toBeLessThan(0.06);
  });

  it('duplicates, delays, and keeps the order in spite of jitter', async () => {
    const begin = performance.now();
    const { arrived, stats } = await pass({ delayMs: 30, jitterMs: 20, duplicate: 0.1 }, 2000);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(29);
    expect(stats).toMatchObject({ delivered: 2000 + stats.duplicated, lost: { random: 0, queue: 0 } });
    expect(stats.duplicated).toBeGreaterThan(120);
    expect(inOrder(arrived)).toBe(true);
  });

  it('lets packets overtake those that it holds back', async () => {
    const { arrived, stats } = await pass({ reorder: 0.05 }, 1000);
    expect(stats.reordered).toBeGreaterThan(20);
    expect(inOrder(arrived)).toBe(false);
    expect(arrived.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
  });

  it('has a bottleneck whose queue is bounded', async () => {
    const begin = performance.now();
    const { arrived, stats } = await pass({ bitrate: 800_000, queueBytes: 5000 }, 1000);
    // 5000 bytes in the queue, and what drained while the packets were handed over.
    expect(arrived.length).toBeGreaterThanOrEqual(50);
    expect(arrived.length).toBeLessThan(100);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(0.1 * arrived.length * 8);
    expect(stats.maxQueueBytes).toBeLessThanOrEqual(5000);
    expect(stats.lost.queue).toBe(1000 - arrived.length);
  });

  it('drops what exceeds its MTU, headers counted', async () => {
    expect((await pass({ mtu: 1280 }, 10, 1252)).arrived).toHaveLength(10);
    const { arrived, stats } = await pass({ mtu: 1280 }, 10, 1253);
    expect([arrived.length, stats.lost.size]).toEqual([0, 10]);
  });

  it('passes nothing in a blackout, and goes on after it', () => {
    const link = new Link({ blackout: true }, 1);
    let arrived = 0;
    link.send(10, () => arrived++);
    link.set({});
    link.send(10, () => arrived++);
    expect(arrived).toBe(1);
    expect(link.stats.lost.blackout).toBe(1);
  });

  it.each([{ loss: 1.1 }, { reorder: -1 }, { bitrate: 0 }, { delayMs: -1 }])('refuses %o', (impairment) => {
    expect(() => new Link(impairment, 1)).toThrow(RangeError);
  });
});

describe('a path before a UDP port', () => {
  const open: { close(): void }[] = [];
  afterEach(() => {
    for (const thing of open.splice(0)) thing.close();
  });
  const socket = async (): Promise<Socket> => {
    const one = createSocket('udp4');
    open.push(one);
    one.bind(0, '127.0.0.1');
    await once(one, 'listening');
    return one;
  };

  it('carries packets both ways; after a rebind the target sees another port', async () => {
    const target = await socket();
    const client = await socket();
    const path = await UdpPath.open({
      target: { address: '127.0.0.1', port: target.address().port },
      up: { delayMs: 5 },
      down: {},
      seed: 1,
    });
    open.push(path);
    const seen: number[] = [];
    target.on('message', (data, from) => {
      seen.push(from.port);
      target.send(`re ${String(data)}`, from.port, from.address);
    });
    for (const word of ['one', 'two']) {
      client.send(word, path.port, '127.0.0.1');
      const [answer] = (await once(client, 'message')) as [Buffer];
      expect(String(answer)).toBe(`re ${word}`);
      path.rebind();
    }
    expect(seen).toHaveLength(2);
    expect(seen[0]).not.toBe(seen[1]);
    expect(path.up.stats.delivered).toBe(2);
    expect(path.down.stats.delivered).toBe(2);
  });
});

describe('session descriptions', () => {
  const sdp = [
    'v=0',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'a=candidate:1 1 udp 2130706431 192.0.2.7 4000 typ host generation 0',
    'a=candidate:2 1 udp 2130706175 127.0.0.1 4001 typ host',
    'a=candidate:3 1 tcp 2130706175 127.0.0.1 9 typ host tcptype active',
    'a=candidate:4 1 UDP 2130706175 2001:db8::1 4002 typ host',
    'a=end-of-candidates',
    '',
  ].join('\r\n');

  it('lose what would lead around the path', () => {
    expect(hostCandidates(sdp)).toEqual([
      { address: '127.0.0.1', port: 4001 },
      { address: '192.0.2.7', port: 4000 },
    ]);
    const redirected = redirectCandidates(sdp, hostCandidates(sdp)[0]!, { address: '127.0.0.1', port: 9999 });
    expect(redirected.match(/a=candidate.*/g)).toEqual(['a=candidate:2 1 udp 2130706175 127.0.0.1 9999 typ host']);
    expect(redirected).toContain('a=end-of-candidates\r\n');
    expect(withoutCandidates(sdp)).toBe('v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n');
  });
});
