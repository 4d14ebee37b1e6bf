import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { MediaWorkers } from '../../src/media/media-workers.ts';
import type { WorkerCount } from '../../src/media/worker-places.ts';
import { sumMetric } from '../support/load/metrics.ts';
import { writeLumaModel } from '../support/luma-model.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { startApp, until } from './support/app.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server without media workers, and as many as `count` says beside it. */
async function startWorkers(count: WorkerCount, overrides: Record<string, unknown> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-test-'));
  ends.push(() => rmSync(folder, { recursive: true }));
  const { context, close } = await startApp({ 'depth.model': writeLumaModel(folder, 64, 48), ...overrides });
  ends.push(close);
  const workers = await MediaWorkers.start(context, count);
  ends.push(() => workers.close('test over'));
  const offer = async () => {
    const client = await RtcClient.create({ direction: 'sendonly' });
    ends.push(() => client.close());
    return client.offerSdp;
  };
  const publishOffer = (sdp: string, stream: string) =>
    workers.publish(sdp, { role: 'publish', track: false, data: 'none', stream });
  const settled = () => until('every worker to be up', () => workers.workers.every(({ alive }) => alive));
  const publish = async (stream: string) => {
    const session = await publishOffer(await offer(), stream);
    await settled();
    return session;
  };
  const sessions = () => workers.workers.map((worker) => worker.sessions);
  return { context, workers, offer, publishOffer, publish, settled, sessions };
}

it('keeps one worker ready for the next stream, up to as many as there may be', async () => {
  const { publish, sessions } = await startWorkers({ first: 1, most: 3 });
  expect(sessions()).toEqual([0]);
  const first = await publish('a');
  expect(sessions()).toEqual([1, 0]);
  await publish('b');
  expect(sessions()).toEqual([1, 1, 0]);
  await publish('c');
  expect(sessions()).toEqual([1, 1, 1]);
  await first.close('test');
  await until('the place', () => sessions()[0] === 0);
  await publish('d');
  expect(sessions()).toEqual([1, 1, 1]);
  await publish('e');
  expect(sessions().toSorted()).toEqual([1, 1, 2]);
});

it('spreads streams that come together over the worker that starts meanwhile, and has one for the next', async () => {
  const { offer, publishOffer, settled, sessions } = await startWorkers({ first: 1, most: 8 });
  const offers = await Promise.all(['a', 'b', 'c', 'd'].map(async (name) => [name, await offer()] as const));
  await Promise.all(offers.map(([name, sdp]) => publishOffer(sdp, name)));
  await settled();
  // Which of the two has how many is a matter of what they were seen to do meanwhile.
  const [vacant, fewer = 0, more = 0, ...further] = sessions().toSorted();
  expect({ vacant, all: fewer + more, further }).toEqual({ vacant: 0, all: 4, further: [] });
  expect(fewer).toBeGreaterThan(0);
});

it('starts one worker at most for offers that are refused, and none beyond limits.streams', async () => {
  const { context, publish, publishOffer, settled, sessions } = await startWorkers(
    { first: 1, most: 8 },
    { 'limits.streams': 2 },
  );
  for (let round = 0; round < 3; round++) {
    const refused = await Promise.allSettled(['x', 'y'].map((name) => publishOffer('no offer', name)));
    expect(refused.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(['BAD_SDP', 'BAD_SDP']);
    await settled();
  }
  expect(sessions()).toEqual([0, 0]);
  expect(context.registry.placesTaken).toBe(0);
  await publish('a');
  await publish('b');
  expect(sessions()).toEqual([1, 1]);
});

it('ends a worker that nobody has needed for long, keeps one for the next, and what it counted', async () => {
  const { context, publish, sessions } = await startWorkers({ first: 1, most: 4, spareMs: 500 });
  const made = [await publish('a'), await publish('b')];
  expect(sessions()).toEqual([1, 1, 0]);
  const counted = async () => sumMetric(await context.metrics.text(), 'depthcast_session_ends_total');
  for (const session of made) await session.close('test');
  await until('the ends', async () => (await counted()) === 2);
  await until('the spare ones to go', () => sessions().length === 1);
  expect(await counted()).toBe(2);
  await publish('c');
  expect(sessions()).toEqual([1, 0]);
});

it('has a source in a worker as a publisher, which is none to spare as long as it is there', async () => {
  const { workers, settled, sessions } = await startWorkers({ first: 1, most: 4, spareMs: 500 });
  const origin = { kind: 'scene', scene: 'room', width: 128, height: 96, fps: 5 } as const;
  const hosted = [];
  for (const name of ['a', 'b']) {
    const source = await workers.host({ name, origin, still: false });
    hosted.push(source);
    await settled();
  }
  const sources = () => workers.workers.map((worker) => worker.sources);
  expect([sources(), sessions()]).toEqual([
    [1, 1, 0],
    [0, 0, 0],
  ]);
  hosted[1]!.close('test');
  await until('the spare ones to go', () => sources().length === 2);
  expect(sources()).toEqual([1, 0]);
  expect(hosted[0]!.stream.closed).toBe(false);
});

it('starts a number of workers at once where that is what is asked for', async () => {
  const { publish, sessions } = await startWorkers({ first: 2, most: 2 });
  expect(sessions()).toEqual([0, 0]);
  await publish('a');
  expect(sessions().toSorted()).toEqual([0, 1]);
});

it('is what a server has that is told nothing else', async () => {
  const { mediaWorkers } = loadConfig({}).server;
  expect(mediaWorkers).toBe('auto');
  const server = await startApp({ 'server.mediaWorkers': mediaWorkers });
  ends.push(server.close);
  expect(server.context.peers.workers.map(({ alive, sessions }) => [alive, sessions])).toEqual([[true, 0]]);
});
