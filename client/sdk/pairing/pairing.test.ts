import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReceivedFrame } from '../frames.ts';
import { type Pair, Pairing, type Unpaired } from './pairing.ts';
import { PictureRing, type SentPicture } from './picture-ring.ts';

const sent = (rtpTimestamp: number): SentPicture => ({
  rtpTimestamp: rtpTimestamp >>> 0,
  width: 2,
  height: 2,
  buffer: new ArrayBuffer(6),
  format: 'I420',
  sentAt: 0,
});
const depthOf = (rtpTimestamp: number) =>
  ({ rtpTimestamp: rtpTimestamp >>> 0, values: new Float32Array(0) }) as ReceivedFrame;

describe('PictureRing', () => {
  it('finds exactly the picture of a timestamp, across the wrap at 2^32, and drops the oldest', () => {
    const dropped: number[] = [];
    const ring = new PictureRing(4, ({ rtpTimestamp }) => dropped.push(rtpTimestamp));
    const start = 2 ** 32 - 6000;
    for (let i = 0; i < 5; i++) ring.push(sent(start + 3000 * i));
    expect(dropped).toEqual([start]);
    expect(ring.get(3000)?.rtpTimestamp).toBe(3000);
    expect(ring.get(3001)).toBeUndefined();
    expect(ring.mayCome(9000)).toBe(true);
    expect(ring.mayCome(2 ** 32 - 1)).toBe(false);
    ring.forgetBefore(sent(3000));
    expect(dropped).toEqual([start, start + 3000, 0]);
  });
});

describe('Pairing', () => {
  let worker: { onmessage?: (event: { data: unknown }) => void; posted: unknown[] };
  const pairs: Pair[] = [];
  const unpaired: Unpaired[] = [];
  const reasons: string[] = [];
  const handlers = {
    pair: (pair: Pair) => pairs.push(pair),
    unpaired: (one: Unpaired) => unpaired.push(one),
    unsupported: (reason: string) => reasons.push(reason),
  };
  class FakeFrame {
    readonly timestamp: number;
    closed = false;
    static broken = false;
    constructor(_data: unknown, { timestamp }: { timestamp: number }) {
      if (FakeFrame.broken) throw new TypeError('an odd size');
      this.timestamp = timestamp;
    }
    close() {
      this.closed = true;
    }
  }

  beforeEach(() => {
    pairs.length = unpaired.length = reasons.length = 0;
    worker = { posted: [] };
    vi.stubGlobal(
      'Worker',
      class {
        posted = worker.posted;
        constructor() {
          worker = Object.assign(this, { posted: [] as unknown[] });
        }
        postMessage(message: unknown) {
          this.posted.push(message);
        }
        terminate() {}
      },
    );
    vi.stubGlobal('RTCRtpScriptTransform', class {});
    vi.stubGlobal('VideoDecoder', class {});
    vi.stubGlobal('VideoFrame', FakeFrame);
  });
  afterEach(() => void vi.unstubAllGlobals());
  const arrive = (rtpTimestamp: number) => worker.onmessage?.({ data: { type: 'picture', ...sent(rtpTimestamp) } });

  it('pairs by the RTP timestamp alone, also where the depth comes first, and closes the picture afterwards', () => {
    const pairing = new Pairing(handlers);
    pairing.attach({} as RTCRtpSender, 'VP8');
    arrive(3000);
    arrive(6000);
    pairing.receive(depthOf(3000));
    pairing.receive(depthOf(9000));
    expect(pairs).toHaveLength(1);
    arrive(9000);
    expect(pairs.map(({ depth }) => depth.rtpTimestamp)).toEqual([3000, 9000]);
    expect(pairs.map(({ picture }) => Math.round((picture.timestamp * 90) / 1000))).toEqual([3000, 9000]);
    expect(pairs.every(({ picture }) => (picture as unknown as FakeFrame).closed)).toBe(true);
    expect(pairing.counters).toEqual({ paired: 2, unpaired: 0 });
  });

  it('never guesses: an unknown timestamp is given as unpaired', () => {
    const pairing = new Pairing(handlers);
    pairing.attach({} as RTCRtpSender, 'VP8');
    arrive(3000);
    arrive(6000);
    pairing.receive(depthOf(3001));
    pairing.receive(depthOf(6001));
    arrive(9000);
    expect(pairs).toHaveLength(0);
    expect(unpaired.map(({ depth, reason }) => [depth.rtpTimestamp, reason])).toEqual([
      [3001, 'unknown'],
      [6001, 'unknown'],
    ]);
    pairing.receive(depthOf(99_000));
    pairing.close();
    expect(pairing.counters).toEqual({ paired: 0, unpaired: 3 });
  });

  it('gives up, once, where a picture cannot be shown or decoded', () => {
    const pairing = new Pairing(handlers);
    pairing.attach({} as RTCRtpSender, 'VP8');
    arrive(3000);
    FakeFrame.broken = true;
    pairing.receive(depthOf(3000));
    FakeFrame.broken = false;
    worker.onmessage?.({ data: { type: 'trouble', message: 'no such codec' } });
    pairing.receive(depthOf(6000));
    expect(reasons).toEqual(['a picture cannot be shown here: an odd size']);
    expect(unpaired.map(({ reason }) => reason)).toEqual(['unsupported', 'unsupported']);
  });

  it('lets the video pass where a worker cannot run', () => {
    const sender = { transform: undefined } as never as RTCRtpSender;
    const pairing = new Pairing(handlers);
    pairing.attach(sender, 'VP8');
    expect(sender.transform).toBeTruthy();
    pairing.receive(depthOf(3000));
    (worker as never as { onerror(event: object): void }).onerror({ message: '' });
    expect(sender.transform).toBeNull();
    expect(unpaired.map(({ reason }) => reason)).toEqual(['unsupported']);
    expect(reasons).toHaveLength(1);
  });

  it('says once where it does not work, and gives every depth frame as unpaired', () => {
    vi.stubGlobal('RTCRtpScriptTransform', undefined);
    const pairing = new Pairing(handlers);
    pairing.attach({} as RTCRtpSender, 'VP8');
    pairing.receive(depthOf(3000));
    expect(reasons).toHaveLength(1);
    expect(unpaired).toEqual([{ depth: depthOf(3000), reason: 'unsupported' }]);
  });
});
