import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Impairment } from '../support/impair/impairment.ts';
import { until } from './support/app.ts';
import { type FilmedRoom, filmRoom } from './support/filmed-room.ts';

let room: FilmedRoom;
beforeAll(async () => {
  room = await filmRoom();
});
afterAll(() => room?.close());
beforeEach(() => room.network.impair({ up: {}, down: {} }));

describe('a bad network between a browser and the server', () => {
  it.each<[string, Impairment, number]>([
    ['5 % loss', { loss: 0.05 }, 15],
    ['loss in bursts of five packets', { burst: { enter: 0.01, leave: 0.2 } }, 15],
    ['a delay of 40 ms with 30 ms of jitter', { delayMs: 40, jitterMs: 30 }, 15],
    ['every tenth packet 25 ms late', { reorder: 0.1, reorderMs: 25 }, 8],
    ['every fifth packet twice', { duplicate: 0.2 }, 20],
  ])('%s, both ways: right depth keeps coming', async (_name, impairment, count) => {
    room.network.impair({ up: impairment, down: impairment });
    const before = room.network.getStats();
    room.checkTruth(await room.moreFrames(count));
    const { up, down } = room.network.getStats();
    expect(up.received).toBeGreaterThan(before.up.received);
    expect(down.received).toBeGreaterThan(before.down.received);
    expect(await room.page.evaluate(() => window.depthcast.session?.state.name)).toBe('live');
  });

  it('a cut to 400 kbit/s: the sender is told, depth goes on, and the rate comes back after it', async () => {
    const asked = () => room.server.context.registry.sessions[0]!.peer.getStats().receiver!.requestedBitrate;
    const lost = () => room.network.getStats().up.lost.queue;
    await until('the full rate', () => asked() > 1_000_000, 90_000);
    room.network.impair({ up: { bitrate: 400_000 } });
    await until('the request for less', () => asked() < 400_000);
    room.checkTruth(await room.moreFrames(30));
    const before = lost();
    room.checkTruth(await room.moreFrames(30));
    // A sender that went on as before would lose some 200 packets a second.
    expect(lost() - before).toBeLessThan(200);
    const cut = asked();
    room.network.impair({ up: {} });
    await until('a higher rate', () => asked() > 1.2 * cut);
    expect(await room.unexpectedErrors()).toEqual([]);
  });
});
