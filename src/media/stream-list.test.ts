import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listStreams } from '../session/stream-list.ts';
import type { StreamView } from './protocol.ts';
import { RemoteStream } from './remote-stream.ts';

/** What a media worker tells, once a second, of a stream that last made depth so long (ms) ago. */
const view = (frames: number, idleFor: number) =>
  ({ frames, idleFor, last: { width: 640, height: 480 }, unit: 'disparity', outputs: [] }) as unknown as StreamView;

describe('the state of a stream in a media worker', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is that of its last depth, also where less than one a second is made', () => {
    const inferencer = { model: { name: 'small' }, guests: 1 } as never;
    const known = {
      name: 'a',
      unlisted: false,
      upsampling: 'off',
      still: 'off',
      inferencer,
      view: view(0, 0),
    } as const;
    const stream = new RemoteStream(
      {} as never,
      async () => undefined as never,
      () => {},
      known,
    );
    const registry = { streams: [stream], sessions: [], viewersOf: () => 0 };
    const state = () => listStreams({ registry, sources: { list: () => [] } } as never)[0]!.state;
    // None was made yet.
    expect(state()).toBe('waiting');
    // One every 2.5 s: of most seconds the worker tells that none was made.
    for (let ms = 1000; ms < 20_000; ms += 1000) {
      vi.advanceTimersByTime(1000);
      stream.take(view(1 + Math.floor(ms / 2500), ms % 2500));
      expect(state()).toBe('live');
    }
    // Nor does it count that the worker tells nothing more.
    vi.advanceTimersByTime(3000);
    expect(state()).toBe('waiting');
  });
});
