import { MessageChannel } from 'node:worker_threads';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { TestBoot, TestCalls } from '../test/support/channel-worker.ts';
import { DepthcastError } from './errors.ts';
import { startThread } from './threads.ts';
import { type ChannelEvents, WorkerChannel } from './worker-channel.ts';

type Channel = WorkerChannel<TestCalls, string, string>;

const open: Channel[] = [];
/** A thread takes a second to start on a busy machine: one serves all that leave it alive. */
let alive: Channel | undefined;
const shared = (): Channel => {
  alive ??= start();
  open.length = 0;
  return alive;
};
function start(how = 'start', events: ChannelEvents<string> = {}, atOnce = false): Channel {
  const workerData: TestBoot = { start: how, atOnce };
  const thread = startThread(import.meta.url, '../test/support/channel-worker', { workerData });
  const channel: Channel = new WorkerChannel(thread, 'WORKER_DIED', events);
  open.push(channel);
  return channel;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((channel) => channel.end()));
});
afterAll(() => alive?.end());

/** What came of each, in order: a value, or code and detail. */
async function outcomes(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((one) => (one.status === 'fulfilled' ? one.value : [one.reason.code, one.reason.detail]));
}

describe('WorkerChannel', () => {
  it('starts the thread, answers in order, and moves memory there and back', async () => {
    const channel = shared();
    const order: number[] = [];
    const waits = [30, 5, 0].map((ms) => channel.request('wait', ms).then((value) => order.push(value)));
    await expect(channel.ready).resolves.toBe('started');
    const values = Float32Array.of(1, 2, 3);
    const doubled = channel.request('double', values, [values.buffer]);
    expect(values.byteLength).toBe(0);
    expect(channel.busySince).toBeGreaterThan(0);
    expect(await doubled).toEqual(Float32Array.of(2, 4, 6));
    await Promise.all(waits);
    expect(order).toEqual([30, 5, 0]);
    expect(channel.busySince).toBe(0);
  });

  it('rejects a request with what it failed with, and goes on', async () => {
    const channel = shared();
    const failed = ['coded', 'plain', 'uncloneable'] as const;
    const [coded, plain, uncloneable] = await outcomes(failed.map((what) => channel.request('fail', what)));
    expect([coded, plain]).toEqual([
      ['DISK_FULL', 'of the thread'],
      ['INFERENCE_FAILED', 'no code'],
    ]);
    await expect(channel.request('fail', 'coded')).rejects.toMatchObject({ retryAfter: 7 });
    expect(uncloneable).toEqual(['INFERENCE_FAILED', expect.stringContaining('could not be cloned')]);
    expect(await channel.request('wait', 1)).toBe(1);
  });

  it('rejects the start and what waits for it with what the start failed with or led to', async () => {
    const channel = start('bad');
    const waiting = channel.request('wait', 1);
    await expect(channel.ready).rejects.toMatchObject({ code: 'BAD_MODEL', detail: 'of the start' });
    await expect(waiting).rejects.toMatchObject({ code: 'WORKER_DIED' });
    await expect(channel.gone).resolves.toMatchObject({ code: 'WORKER_DIED' });
  });

  it("aborts one owner's requests: rejected at once, passed over by the thread", async () => {
    const channel = shared();
    await channel.ready;
    const [mine, other] = [{}, {}];
    const all = [
      channel.request('wait', 31, [], mine),
      channel.request('wait', 32, [], mine),
      channel.request('wait', 33, [], other),
      channel.request('wait', 34),
    ];
    channel.abort(mine, new DepthcastError('BUSY', { detail: 'not any more' }));
    expect(await outcomes(all)).toEqual([['BUSY', 'not any more'], ['BUSY', 'not any more'], 33, 34]);
    // The first may have begun.
    const notes = await channel.request('notes', undefined as never);
    expect(notes.filter((note) => /wait 3[2-4]/.test(note))).toEqual(['wait 33', 'wait 34']);
    channel.abort(mine, new DepthcastError('BUSY'));
  });

  it.each([
    ['an exception that nothing catches', 'throw', 'crashed'],
    ['an exit', 'exit', 'exit code 3'],
  ] as const)('dies by %s: whatever waits is rejected once, and what comes later at once', async (_, how, detail) => {
    const channel = start();
    let rejections = 0;
    const waiting = [
      channel.request('die', how),
      channel.request('wait', 1),
      channel.request('notes', undefined as never),
    ];
    for (const one of waiting) one.catch(() => rejections++);
    expect(await outcomes(waiting)).toEqual(Array(3).fill(['WORKER_DIED', detail]));
    await expect(channel.gone).resolves.toMatchObject({ code: 'WORKER_DIED', detail });
    await expect(channel.request('wait', 1)).rejects.toMatchObject({ code: 'WORKER_DIED', detail });
    expect(rejections).toBe(3);
    expect(channel.busySince).toBe(0);
  });

  it('takes notices, whose failure ends the thread', async () => {
    const channel = start();
    channel.notify('note', 'good');
    expect(await channel.request('notes', undefined as never)).toEqual(['good']);
    channel.notify('note', 'bad');
    await expect(channel.request('wait', 1)).rejects.toMatchObject({ code: 'WORKER_DIED', detail: 'bad note' });
    channel.notify('note', 'to nobody');
  });

  it('answers requests as they are done where each is begun at once, and keeps apart what moves with them', async () => {
    const channel = start('start', {}, true);
    const order: number[] = [];
    await Promise.all([40, 20, 0].map((ms) => channel.request('wait', ms).then((value) => order.push(value))));
    expect(order).toEqual([0, 20, 40]);
    expect(await channel.request('notes', undefined as never)).toEqual(['wait 40', 'wait 20', 'wait 0']);
    const doubled = [1, 2, 3].map((value) => {
      const values = Float32Array.of(value);
      return channel.request('double', values, [values.buffer]);
    });
    expect(await Promise.all(doubled)).toEqual([2, 4, 6].map((value) => Float32Array.of(value)));
    channel.notify('note', 'bad');
    await expect(channel.request('wait', 60_000)).rejects.toMatchObject({ code: 'WORKER_DIED', detail: 'bad note' });
  });

  it('passes on what the thread tells by itself, before what it answers later, until the channel has failed', async () => {
    const told: string[] = [];
    const channel = start('start', { told: (what) => told.push(what) });
    await Promise.all(
      ['a', 'b'].map((text) => channel.request('tell', text).then(() => told.push(`${text} answered`))),
    );
    expect(told).toEqual(['a', 'a answered', 'b', 'b answered']);
    const late = channel.request('tell', 'late');
    channel.fail(new DepthcastError('BUSY'));
    await expect(late).rejects.toMatchObject({ code: 'BUSY' });
    await channel.end();
    expect(told).toHaveLength(4);
  });

  it('says that the thread is lost before it rejects what waits, which may be failed otherwise then', async () => {
    const heard: string[] = [];
    const lost = ({ detail }: DepthcastError) => {
      heard.push(`${detail}`);
      channel.fail(new DepthcastError('BUSY', { retryAfter: 3 }));
    };
    const channel = start('start', { lost });
    await channel.request('die', 'exit').catch(({ code }) => heard.push(code));
    expect(heard).toEqual(['exit code 3', 'BUSY']);
    await expect(channel.request('wait', 1)).rejects.toMatchObject({ code: 'BUSY', retryAfter: 3 });
    await expect(channel.gone).resolves.toMatchObject({ code: 'WORKER_DIED', detail: 'exit code 3' });
  });

  it('ends between two requests, and rejects those that were not begun', async () => {
    const channel = start();
    await channel.ready;
    const waiting = [channel.request('block', 50), channel.request('wait', 60_000)];
    const ended = channel.end();
    expect((await outcomes(waiting))[1]).toEqual(['WORKER_DIED', 'exit code 0']);
    await ended;
  });

  it('takes requests by ports too, in turn with those of its own near end, until these are closed', async () => {
    const channel = start();
    const { port1, port2 } = new MessageChannel();
    channel.notify('connect', port1, [port1]);
    const other: Channel = new WorkerChannel(port2, 'WORKER_DIED');
    await expect(other.ready).resolves.toBe('started');
    const order: string[] = [];
    await Promise.all([
      channel.request('wait', 20).then(() => order.push('own')),
      other.request('wait', 1).then(() => order.push('port')),
    ]);
    expect(order).toEqual(['own', 'port']);
    const values = Float32Array.of(1, 2);
    expect(await other.request('double', values, [values.buffer])).toEqual(Float32Array.of(2, 4));
    const [coded] = await outcomes([other.request('fail', 'coded')]);
    expect(coded).toEqual(['DISK_FULL', 'of the thread']);

    const late = other.request('wait', 50);
    await Promise.all([other.end(), expect(late).rejects.toMatchObject({ code: 'WORKER_DIED' })]);
    // What the other had asked for last goes on, and then its end is known.
    const notes = await channel.request('notes', undefined as never);
    expect(notes).toEqual(expect.arrayContaining(['wait 20', 'wait 1']));
    await expect.poll(() => channel.request('notes', undefined as never)).toContain('closed');
  });

  it('tells those who ask by ports that the thread has ended', async () => {
    const channel = start();
    const { port1, port2 } = new MessageChannel();
    channel.notify('connect', port1, [port1]);
    const other: Channel = new WorkerChannel(port2, 'WORKER_DIED');
    await other.ready;
    const waiting = other.request('die', 'exit');
    expect(await outcomes([waiting])).toEqual([['WORKER_DIED', 'the port to its thread was closed']]);
    await expect(other.gone).resolves.toMatchObject({ code: 'WORKER_DIED' });
  });

  it('goes on without a thread that does not come back', async () => {
    const channel = start();
    await channel.ready;
    const waiting = [channel.request('block', 200), channel.request('wait', 1)];
    channel.abandon(new DepthcastError('WORKER_DIED', { detail: 'hung' }));
    expect(await outcomes(waiting)).toEqual(Array(2).fill(['WORKER_DIED', 'hung']));
    await expect(channel.request('wait', 1)).rejects.toMatchObject({ detail: 'hung' });
    await expect(channel.gone).resolves.toMatchObject({ detail: 'exit code 0' });
  });
});
