import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { RtcPeer } from '../../src/webrtc/index.ts';
import { RtcClient } from '../support/rtc-client.ts';

const CYCLES = 200;
const AT_ONCE = 10;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const peers: WeakRef<RtcPeer>[] = [];

/** How many of each kind of handle the process holds. */
function handles(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** One life of a peer; every fifth is abandoned before it connects, half have data channels. */
async function cycle(n: number): Promise<void> {
  const client = await RtcClient.create({ data: n % 2 === 0 });
  const peer = await RtcPeer.answer(client.offerSdp, {
    role: 'duplex',
    hostAddresses: ['127.0.0.1'],
    receiveBitrate: 1_000_000,
    setupTimeoutMs: 30_000,
  });
  peers.push(new WeakRef(peer));
  if (n % 5 !== 0) {
    const connected = new Promise<void>((resolve, reject) => {
      peer.on('connected', resolve);
      peer.on('closed', ({ reason, error }) => reject(error ?? new Error(reason)));
    });
    client.accept(peer.answerSdp);
    await connected;
    if (n % 2 === 0) client.openChannel('x');
    await sleep(5);
  }
  await (n % 3 === 0 ? client.close().then(() => peer.close()) : peer.close().then(() => client.close()));
}

it(`leaves neither a handle nor a peer behind after ${CYCLES} connections`, { timeout: 120_000 }, async () => {
  // The first ones create the certificate and whatever else is made once.
  for (let n = 0; n < 4; n++) await cycle(n);
  await sleep(2000);
  const before = handles();
  for (let n = 0; n < CYCLES; n += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => cycle(n + i)));
  // Timers of the DTLS handshake run out by themselves within seconds.
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline && JSON.stringify(handles()) !== JSON.stringify(before)) await sleep(250);
  expect(handles()).toEqual(before);
  const held = () => peers.filter((peer) => peer.deref() !== undefined).length;
  while (Date.now() < deadline && held() > 0) {
    await sleep(250);
    collect();
  }
  expect(held()).toBe(0);
});
