import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ClientOptions, RtcClient } from '../../../test/support/rtc-client.ts';
import { DepthcastError } from '../../errors.ts';
import type { EncodedFrame } from '../../video/types.ts';
import type { DataChannel } from '../sctp/data-channel.ts';
import { UdpPort } from '../udp-port.ts';
import { RtcPeer } from './peer.ts';
import type { CloseReason, PeerOptions } from './peer-types.ts';

const OPTIONS: PeerOptions = {
  role: 'duplex',
  hostAddresses: ['127.0.0.1'],
  receiveBitrate: 1_000_000,
  setupTimeoutMs: 20_000,
};

let peer: RtcPeer | undefined;
let client: RtcClient | undefined;
const faults: unknown[] = [];
process.on('unhandledRejection', (reason) => faults.push(reason));

afterEach(async () => {
  await client?.close();
  await peer?.close();
  peer = undefined;
  client = undefined;
  expect(faults).toEqual([]);
});

type End = { reason: CloseReason; error?: DepthcastError };
const closing = (of: RtcPeer) => new Promise<End>((resolve) => of.on('closed', resolve));

async function connect(
  options: Partial<PeerOptions> = {},
  clientOptions: ClientOptions = {},
): Promise<{ peer: RtcPeer; client: RtcClient }> {
  client = await RtcClient.create(clientOptions);
  peer = await RtcPeer.answer(client.offerSdp, { ...OPTIONS, ...options });
  const connected = new Promise<void>((resolve, reject) => {
    peer!.on('connected', resolve);
    peer!.on('closed', ({ error, reason }) => reject(error ?? new Error(reason)));
  });
  client.accept(peer.answerSdp);
  await connected;
  // The other side is a moment behind.
  await vi.waitUntil(() => client!.dtls.state === 'connected');
  return { peer, client };
}

function vp8(index: number, keyframe: boolean): EncodedFrame {
  const data = Buffer.alloc(2500, index);
  data.set(keyframe ? [0x10, 0, 0, 0x9d, 0x01, 0x2a] : [0x11, 0, 0, 0, 0, 0]);
  return { codec: 'VP8', data, keyframe, rtpTimestamp: index * 3000 };
}

describe('the budget of a peer', () => {
  it('is what its packets cost; one that stays above its share is ended with the code', async () => {
    const budget = { cpu: 0.02, bytes: 48 << 20, patienceSeconds: 2 };
    const { peer, client } = await connect({ budget });
    const closed = closing(peer);
    const flood = setInterval(() => {
      for (let n = 0; n < 50; n++) client.ice.send(Buffer.concat([Buffer.from([0x80, 96]), Buffer.alloc(200)]));
    }, 5);
    const { reason, error } = await closed.finally(() => clearInterval(flood));
    expect(reason).toBe('failed');
    expect(error).toMatchObject({ code: 'PEER_OVERLOAD' });
    const { handled, shed, milliseconds } = peer.getStats().budget;
    expect(handled).toBeGreaterThan(0);
    expect(shed).toBeGreaterThan(0);
    expect(milliseconds).toBeGreaterThan(0);
  });

  it('ends one that makes the server hold more than it may', async () => {
    const { peer } = await connect({ budget: { cpu: 0.25, bytes: 1000, patienceSeconds: 5 } });
    expect(await closing(peer)).toMatchObject({ reason: 'failed', error: { code: 'PEER_OVERLOAD' } });
  });

  it('is not charged with what comes from elsewhere', async () => {
    const { peer } = await connect({ budget: { cpu: 0.05, bytes: 48 << 20, patienceSeconds: 2 } });
    const port = Number(/ 127\.0\.0\.1 (\d+) typ host/.exec(peer.answerSdp)![1]);
    const stranger = createSocket('udp4');
    const forged = Buffer.concat([Buffer.from('000100002112a442', 'hex'), Buffer.alloc(12)]);
    for (let round = 0; round < 600; round++) {
      for (let n = 0; n < 100; n++) stranger.send(forged, port, '127.0.0.1');
      await sleep(5);
    }
    expect(peer.connected).toBe(true);
    const { budget, dropped } = peer.getStats();
    expect(budget.strangers + dropped).toBeGreaterThan(1000);
    stranger.close();
  });
});

describe('a peer', () => {
  it('carries video both ways and answers keyframe requests', async () => {
    const { peer, client } = await connect();
    const there: EncodedFrame[] = [];
    const back: EncodedFrame[] = [];
    let wanted = 0;
    peer.receiver!.on('frame', (frame) => {
      there.push(frame);
      peer.sender!.send(frame);
    });
    peer.sender!.on('keyframe', () => wanted++);
    client.receiver.on('frame', (frame) => back.push(frame));
    for (let index = 0; index < 30; index++) {
      client.sender.send(vp8(index, index === 0));
      await sleep(5);
    }
    await vi.waitUntil(() => back.length === 30);
    expect(there.map(({ rtpTimestamp }) => rtpTimestamp)).toEqual(Array.from({ length: 30 }, (_, i) => i * 3000));
    expect(back.map(({ data }) => Buffer.from(data))).toEqual(there.map(({ data }) => Buffer.from(data)));
    client.receiver.requestKeyframe();
    await vi.waitUntil(() => wanted === 1);
    expect(peer.getStats()).toMatchObject({
      state: 'connected',
      transport: { rejected: 0 },
      receiver: { frames: 30 },
      sender: { frames: 30 },
    });
    expect(peer.getStats().pair?.local).toMatch(/:\d+$/);
  });

  it('sends its bitrate estimate and reports to the sender', async () => {
    const { client } = await connect({ receiveBitrate: 777_000 });
    client.sender.send(vp8(0, true));
    await vi.waitUntil(() => client.sender.getStats().remb !== undefined, 5000);
    expect(client.sender.getStats().remb).toBeGreaterThan(770_000);
    expect(client.sender.getStats().remb).toBeLessThanOrEqual(777_000);
  });

  it('echoes messages of reliable and unreliable channels', async () => {
    const { peer, client } = await connect({}, { data: true });
    const channels: DataChannel[] = [];
    peer.on('channel', (channel) => {
      channels.push(channel);
      channel.on('message', (data) => channel.send(data));
    });
    for (const [label, options] of [
      ['a', {}],
      ['b', { ordered: false, maxRetransmits: 0 }],
    ] as const) {
      const channel = client.openChannel(label, options);
      const got: (string | Buffer)[] = [];
      channel.onMessage.subscribe((data) => got.push(data));
      await vi.waitUntil(() => channel.readyState === 'open', 5000);
      channel.send('text');
      channel.send(Buffer.alloc(50_000, 7));
      await vi.waitUntil(() => got.length === 2, 5000);
      expect(got).toEqual(expect.arrayContaining(['text', Buffer.alloc(50_000, 7)]));
    }
    expect(channels.map(({ label, maxRetransmits }) => [label, maxRetransmits])).toEqual([
      ['a', undefined],
      ['b', 0],
    ]);
    expect(channels[0]!.send(new Uint8Array(300_000))).toBe(false);
    let refused = 0;
    for (let n = 0; n < 200; n++) if (!channels[0]!.send(new Uint8Array(100_000))) refused++;
    expect(refused).toBeGreaterThan(0);
    expect(channels[0]!.bufferedAmount).toBeLessThanOrEqual(8 << 20);
    const closed = new Promise<void>((resolve) => channels[1]!.on('close', resolve));
    await peer.close();
    await closed;
    expect(channels[1]!.send('x')).toBe(false);
  });

  it('is told when the other side closes', async () => {
    const { peer, client } = await connect();
    const end = closing(peer);
    client.dtls.close();
    expect(await end).toEqual({ reason: 'peer' });
    expect(peer.closed).toBe(true);
    expect(peer.sender!.send(vp8(0, true))).toBe(0);
    await expect(peer.restart(client.offerSdp)).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
  });

  it('notices when the other side falls silent', async () => {
    const { peer, client } = await connect();
    const end = closing(peer);
    await client.ice.close();
    expect(await end).toEqual({ reason: 'lost' });
  });

  it('gives up where nobody connects', async () => {
    client = await RtcClient.create();
    peer = await RtcPeer.answer(client.offerSdp, { ...OPTIONS, setupTimeoutMs: 300 });
    const { reason, error } = await closing(peer);
    expect(reason).toBe('timeout');
    expect(error?.code).toBe('SETUP_TIMEOUT');
  });

  it('refuses a certificate that is not the one in the offer', async () => {
    const wrong = Array(32).fill('11').join(':');
    await expect(connect({}, { fingerprint: wrong })).rejects.toThrow(/fingerprint/);
  });

  it('carries video through an ICE restart, and after it', async () => {
    const { peer, client } = await connect();
    const there: number[] = [];
    const back: number[] = [];
    peer.receiver!.on('frame', (frame) => {
      there.push(frame.rtpTimestamp / 3000);
      peer.sender!.send(frame);
    });
    client.receiver.on('frame', ({ rtpTimestamp }) => back.push(rtpTimestamp / 3000));
    const film = async (n: number) => {
      client.sender.send(vp8(n, n === 0));
      await vi.waitUntil(() => there.at(-1) === n && back.at(-1) === n, 5000);
    };
    await film(0);
    const before = peer.iceUfrag;
    const answer = await peer.restart(await client.restart());
    expect(peer.iceUfrag).not.toBe(before);
    expect(answer).toContain(peer.iceUfrag);
    expect(peer.answerSdp).toBe(answer);
    const again = new Promise<void>((resolve) => client.ice.once('connected', resolve));
    client.resume(answer);
    await again;
    await film(1);
    expect([there, back]).toEqual([
      [0, 1],
      [0, 1],
    ]);
    await expect(peer.restart('nonsense')).rejects.toMatchObject({ code: 'BAD_SDP' });
    await expect(
      peer.restart(
        client.offerSdp.replace(/fingerprint:sha-256 \S+/g, `fingerprint:sha-256 ${Array(32).fill('22').join(':')}`),
      ),
    ).rejects.toMatchObject({
      code: 'BAD_SDP',
    });
    expect(peer.closed).toBe(false);
  });

  it('restarts ICE no more often than a network may change, and goes on', async () => {
    const { peer, client } = await connect();
    const offer = (n: number) => client.offerSdp.replace(/ice-ufrag:\S+/g, `ice-ufrag:restart${n}`);
    for (let n = 0; n < 5; n++) await peer.restart(offer(n));
    const { iceUfrag, answerSdp } = peer;
    await expect(peer.restart(offer(5))).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfter: 2 });
    expect([peer.iceUfrag, peer.answerSdp]).toEqual([iceUfrag, answerSdp]);
    // The same credentials again are no restart.
    for (let n = 0; n < 5; n++) await peer.restart(offer(4));
    expect(peer.closed).toBe(false);
  });

  it('ends with what a listener threw, and nothing else breaks', async () => {
    const { peer, client } = await connect();
    const end = closing(peer);
    peer.receiver!.on('frame', () => {
      throw new Error('listener');
    });
    client.sender.send(vp8(0, true));
    const { reason, error } = await end;
    expect(reason).toBe('failed');
    expect(error?.message).toContain('listener');
  });

  it('takes candidates at any time and refuses malformed ones', async () => {
    const { peer } = await connect();
    peer.addCandidate({ candidate: '' });
    peer.addCandidate({ candidate: 'candidate:1 1 udp 1 something.local 5 typ host', sdpMid: '0' });
    for (let n = 0; n < 500; n++)
      peer.addCandidate({ candidate: `candidate:1 1 udp 1 127.0.0.1 ${1000 + n} typ host` });
    expect(() => peer.addCandidate({ candidate: 'nonsense' })).toThrow(DepthcastError);
  });

  it('says so when no port is free', async () => {
    const held = await UdpPort.open('0.0.0.0');
    const { port } = held.address;
    const heldToo = await UdpPort.open('::', [port, port]).catch(() => undefined);
    client = await RtcClient.create();
    await expect(RtcPeer.answer(client.offerSdp, { ...OPTIONS, portRange: [port, port] })).rejects.toMatchObject({
      code: 'BUSY',
    });
    await held.close();
    await heldToo?.close();
  });

  it('opens its ports inside the range', async () => {
    const { peer } = await connect({ portRange: [42_000, 42_100] });
    const ports = [...peer.answerSdp.matchAll(/^a=candidate:\S+ 1 udp \d+ \S+ (\d+) /gm)].map(([, port]) =>
      Number(port),
    );
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port >= 42_000 && port <= 42_100).toBe(true);
  });
});

describe('a hostile network', () => {
  it('changes nothing with junk from strangers', async () => {
    const { peer, client } = await connect({}, { data: true });
    const frames: EncodedFrame[] = [];
    peer.receiver!.on('frame', (frame) => frames.push(frame));
    const stranger = createSocket('udp4').bind(0, '127.0.0.1');
    await once(stranger, 'listening');
    const port = Number(/^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) /m.exec(peer.answerSdp)![1]);
    let seed = 7;
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
      return seed / 0x7fffffff;
    };
    for (let n = 0; n < 2000; n++) {
      const packet = Buffer.from(Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256)));
      // All that the demultiplexer knows: STUN, DTLS, RTP, RTCP, and nothing.
      if (packet.length > 8) packet[0] = [0, 1, 20, 21, 22, 23, 63, 128, 191, 255][n % 10]!;
      if (n % 10 < 2 && packet.length > 8) packet.writeUInt32BE(0x2112a442, 4);
      stranger.send(packet, port, '127.0.0.1');
      if (n % 50 === 0) await sleep(1);
    }
    stranger.close();
    client.sender.send(vp8(0, true));
    await vi.waitUntil(() => frames.length === 1);
    expect(peer.closed).toBe(false);
    expect(peer.getStats().dropped).toBeGreaterThan(100);
  });

  it('changes nothing with junk from the peer itself', async () => {
    const { peer, client } = await connect({}, { data: true });
    const frames: EncodedFrame[] = [];
    peer.receiver!.on('frame', (frame) => frames.push(frame));
    const channel = client.openChannel('x');
    await vi.waitUntil(() => channel.readyState === 'open', 5000);
    for (let n = 0; n < 500; n++) {
      const body = Buffer.from(Array.from({ length: n % 180 }, (_, i) => (n * 31 + i * 17) & 0xff));
      // Authentic SRTP, SRTCP and DTLS records around nonsense.
      const rtp = Buffer.concat([
        Buffer.from([0x80 | (n & 0x3f), 96 + (n % 16), n >> 8, n & 255, 0, 0, 0, n & 255, 0, 0, 0, 9]),
        body,
      ]);
      client.media.sendRtp(rtp, 12);
      client.media.sendRtcp(
        Buffer.concat([Buffer.from([0x80 | (n & 31), 200 + (n % 8), 0, n & 15, 0, 0, 0, 1]), body]),
      );
      await client.dtls.sendData(body);
      // Raw records to the DTLS layer: clear text alerts, hellos, unknown types.
      client.ice.send(
        Buffer.concat([
          Buffer.from([20 + (n % 6), 0xfe, 0xfd, 0, n % 2, 0, 0, 0, 0, 0, n & 255, 0, body.length]),
          body,
        ]),
      );
      client.ice.send(body);
      if (n % 20 === 0) await sleep(1);
    }
    await sleep(50);
    expect(peer.closed).toBe(false);
    const got: unknown[] = [];
    peer.on('channel', (late) => late.on('message', (data) => got.push(data)));
    client.openChannel('late').stateChange.subscribe((state) => {
      if (state === 'open') client.sctp!.channelByLabel('late')!.send('still there');
    });
    await vi.waitUntil(() => got.length === 1, 5000);
    client.sender.send(vp8(1, true));
    await vi.waitUntil(() => frames.length > 0);
  });

  it('ends a peer that opens channels without end', async () => {
    const { peer, client } = await connect({}, { data: true });
    const end = closing(peer);
    for (let n = 0; n < 40; n++) client.openChannel(`c${n}`);
    expect((await end).error?.code).toBe('BAD_REQUEST');
  });
});
