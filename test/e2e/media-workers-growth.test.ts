import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { MediaWorkers } from '../../src/media/media-workers.ts';
import { writeLumaModel } from '../support/luma-model.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { startApp, until } from './support/app.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server without media workers, and as many as `count` says beside it. */
async function startWorkers(count: { first: number; most: number }) {
  const folder = mkdtempSync(join(tmpdir(), 'depthcast-test-'));
  ends.push(() => rmSync(folder, { recursive: true }));
  const { context, close } = await startApp({ 'depth.model': writeLumaModel(folder, 64, 48) });
  ends.push(close);
  const workers = await MediaWorkers.start(context, context.peers, count);
  ends.push(() => workers.close('test over'));
  const publish = async (stream: string) => {
    const client = await RtcClient.create({ direction: 'sendonly' });
    ends.push(() => client.close());
    const session = await workers.publish(client.offerSdp, { role: 'publish', track: false, data: 'none', stream });
    await until('every worker to be up', () => workers.workers.every(({ alive }) => alive));
    return session;
  };
  return { workers, publish, sessions: () => workers.workers.map((worker) => worker.sessions) };
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

it('starts a number of workers at once where that is what is asked for', async () => {
  const { publish, sessions } = await startWorkers({ first: 2, most: 2 });
  expect(sessions()).toEqual([0, 0]);
  await publish('a');
  expect(sessions().toSorted()).toEqual([0, 1]);
});

it('is what a server has that is told nothing else', async () => {
  const server = await startApp({ 'server.mediaWorkers': 'auto' });
  ends.push(server.close);
  expect(server.context.peers.workers.map(({ alive, sessions }) => [alive, sessions])).toEqual([[true, 0]]);
});
