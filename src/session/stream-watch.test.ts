import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LiveStream } from '../stream/live-stream.ts';
import type { RtcPeer } from '../webrtc/index.ts';
import type { ReceiverStats } from '../webrtc/peer/receiver-types.ts';
import { ChannelWatch, StreamWatch } from './stream-watch.ts';

describe('a publisher that is watched', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('and whose packets make no frame any more is told so, once, and not while they do', () => {
    const receiver = { packets: 0, frames: 0, duplicates: 0, lost: 0, waiting: false, discardedFrames: 0 };
    const counts = { strangePackets: 0, soundPackets: 0, withoutParameterSets: 0, unreadableFrames: 0, codec: 'H264' };
    let depthAt = performance.now();
    const stats = () => ({
      receiver: { ...receiver, ...counts, lastPacketAt: performance.now() } as ReceiverStats,
      transport: { rejected: 0 },
    });
    const stream = {
      get idleFor() {
        return performance.now() - depthAt;
      },
      frames: 1,
      stats: { totals: { decoded: 10, depth: 10 } },
      trouble: { failure: undefined, waiting: undefined },
    };
    const watch = new StreamWatch({ getStats: stats } as unknown as RtcPeer, stream as unknown as LiveStream);
    const second = (frames: number) => {
      vi.advanceTimersByTime(1000);
      receiver.packets += 30;
      receiver.frames += frames;
      receiver.duplicates += frames === 0 ? 30 : 0;
      if (frames > 0) depthAt = performance.now();
      const { error, fresh = false, final = false } = watch.look(undefined) ?? {};
      return error && [error.code, error.message, fresh, final];
    };
    expect([second(15), second(15), second(15)]).toEqual([undefined, undefined, undefined]);
    expect(second(0)).toBeUndefined();
    const why = expect.stringMatching(/60 packets made no whole frame; of all, 60 had come before/);
    expect(second(0)).toEqual(['BAD_VIDEO', why, true, false]);
    expect(second(0)).toEqual(['BAD_VIDEO', expect.stringContaining('90 packets'), false, false]);
    expect(second(15)).toBeUndefined();
  });
});

describe('a data channel that was agreed on', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const watched = () => {
    const peer = { connected: false, hasData: true, dataEstablished: false };
    const watch = new ChannelWatch(peer as unknown as RtcPeer);
    /** The first of what is told within so many seconds. */
    const within = (seconds: number) => {
      for (let i = 0; i < seconds; i++) {
        vi.advanceTimersByTime(1000);
        const told = watch.look();
        if (told) return `${told.code} ${told.message}`;
      }
      return undefined;
    };
    return { peer, watch, within };
  };

  it('has its time from when the association below is up, however late that is', () => {
    const { peer, within } = watched();
    expect(within(30)).toBeUndefined();
    peer.connected = true;
    expect(within(10)).toBeUndefined();
    peer.dataEstablished = true;
    expect(within(4)).toBeUndefined();
    expect(within(2)).toMatch(/^NO_CHANNEL .*in-band/);
    expect(within(30)).toBeUndefined();
  });

  it('is missed where its association never is', () => {
    const { peer, within } = watched();
    peer.connected = true;
    expect(within(14)).toBeUndefined();
    expect(within(2)).toMatch(/^NO_CHANNEL .*association/);
  });

  it('is not missed once it was there, nor where none was agreed on', () => {
    const { peer, watch, within } = watched();
    Object.assign(peer, { connected: true, dataEstablished: true });
    expect(within(2)).toBeUndefined();
    watch.opened();
    expect(within(30)).toBeUndefined();
    const other = watched();
    Object.assign(other.peer, { connected: true, hasData: false });
    expect(other.within(30)).toBeUndefined();
  });
});
