import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { DepthServer } from '../../src/server/server.ts';
import { packetizeH264 } from '../../src/webrtc/rtp/h264.ts';
import { writeRtpHeader } from '../../src/webrtc/rtp/packet.ts';
import { film } from '../support/film.ts';
import { RtcClient } from '../support/rtc-client.ts';
import { peerOf, startApp, until } from './support/app.ts';
import { postOffer } from './support/offer.ts';

// What the server concludes from when packets come.

let server: DepthServer & { base: string };
let client: RtcClient;

beforeAll(async () => {
  server = await startApp();
});
afterEach(async () => {
  await client.close();
  await Promise.all(server.context.registry.sessions.map((session) => session.close('test over')));
});
afterAll(() => server.close());

async function publish(name: string): Promise<void> {
  client = await RtcClient.create({ direction: 'sendonly' });
  await postOffer(`${server.base}/whip/${name}`, client);
  await until('the connection', () => client.connected);
}

it('frames of a sender that stamps none get a capture time from its sender reports, within its error', async () => {
  const frames = await film({ frames: 90 });
  await publish('reports');
  const captured = new Map<number, number>();
  const off: { by: number; error: number }[] = [];
  peerOf(server.context.registry.sessions[0]!).receiver!.on(
    'frame',
    ({ rtpTimestamp, captureTime, captureTimeError }) => {
      if (captureTime !== undefined)
        off.push({ by: Math.abs(captureTime - captured.get(rtpTimestamp)!), error: captureTimeError! });
    },
  );
  const began = performance.timeOrigin + performance.now();
  for (const frame of frames) {
    await sleep(Math.max(0, began + frame.rtpTimestamp / 90 - performance.timeOrigin - performance.now()));
    captured.set(frame.rtpTimestamp, began + frame.rtpTimestamp / 90);
    client.sender.send(frame);
  }
  await until('estimates', () => off.length > 30);
  // The client takes the moment of sending for that of capture, and timers are late on a busy machine.
  expect(off.at(-1)!.by).toBeLessThan(100);
  expect(off.at(-1)!.error).toBeLessThan(100);
  expect(off.at(-1)!.error).toBeGreaterThanOrEqual(2);
});

it('of several sizes that a sender sends at once, one is kept: the largest', async () => {
  const sizes = [160, 240, 320];
  const films = await Promise.all(
    sizes.map((width) => film({ width, height: (3 * width) / 4, gop: 10, bitrate: 8 * width ** 2 })),
  );
  await publish('layers');
  const payloadType = Number(/a=rtpmap:(\d+) H264/.exec(client.offerSdp)![1]);
  const sequences = sizes.map(() => 1000);
  const seen: number[] = [];
  for (let n = 0; n < 150; n++) {
    for (const [layer, frames] of films.entries()) {
      const frame = frames[n % frames.length]!;
      packetizeH264(frame.data, 1100, (size, last, write) => {
        const packet = Buffer.alloc(12 + size);
        const sequenceNumber = sequences[layer]!++;
        const header = { payloadType, marker: last, sequenceNumber, timestamp: 3000 * n, ssrc: 100 + layer };
        writeRtpHeader(packet, { ...header, extended: false });
        write(packet, 12);
        client.media.sendRtp(packet, 12);
      });
    }
    await sleep(33);
    const { last } = server.context.registry.streams[0]!;
    if (last.width > 0 && seen.at(-1) !== last.width) seen.push(last.width);
  }
  expect(seen).toEqual([160, 320]);
});
