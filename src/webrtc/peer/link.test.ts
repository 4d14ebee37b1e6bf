import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EncodedFrame } from '../../video/types.ts';
import { findExtension, parseRtp } from '../rtp/packet.ts';
import { fromNtp, parseRtcp, receiverReport, senderReport } from '../rtp/rtcp.ts';
import type { VideoAgreement } from '../sdp/agreement.ts';
import { negotiate } from '../sdp/negotiation.ts';
import { parseOffer } from '../sdp/sdp.ts';
import { VideoReceiver } from './receiver.ts';
import { VideoSender } from './sender.ts';

const OFFER = `v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=video 9 UDP/TLS/RTP/SAVPF 96 97 108 109
a=mid:0
a=sendrecv
a=rtcp-mux
a=setup:actpass
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time
a=extmap:7 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
a=rtpmap:96 VP8/90000
a=rtcp-fb:* nack
a=rtcp-fb:* nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:108 H264/90000
a=fmtp:108 packetization-mode=1;profile-level-id=42e01f
a=rtpmap:109 rtx/90000
a=fmtp:109 apt=108
`;

function agreement(offer = OFFER): VideoAgreement {
  return negotiate(parseOffer(offer), 'duplex', ['VP8', 'H264']).video!;
}

function vp8(index: number, keyframe: boolean, size = 3000): EncodedFrame {
  const data = Buffer.alloc(size, index & 0xff);
  data.set(keyframe ? [0x10, 0, 0, 0x9d, 0x01, 0x2a] : [0x11, 0, 0, 0, 0, 0]);
  data.writeUInt32BE(index, 10);
  return {
    codec: 'VP8',
    data,
    keyframe,
    rtpTimestamp: (0xfffff000 + index * 3000) >>> 0,
    captureTime: 1_700_000_000_000 + index * 33,
  };
}

/** A sender and a receiver with a network between them that loses, delays and repeats packets. */
class Link {
  readonly sender: VideoSender;
  readonly receiver: VideoReceiver;
  readonly frames: EncodedFrame[] = [];
  keyframeWanted = false;
  gaps = 0;
  lost = 0;
  #seed = 1;

  readonly options: { loss: number; delay: number; jitter?: number; agreement?: VideoAgreement };

  constructor(options: { loss: number; delay: number; jitter?: number; agreement?: VideoAgreement }) {
    this.options = options;
    const agreed = options.agreement ?? agreement();
    this.receiver = new VideoReceiver({
      agreement: agreed,
      localSsrc: 2,
      receiveBitrate: 1_000_000,
      fail: (thrown) => {
        throw thrown;
      },
      roundTripTime: () => 2 * options.delay,
      sendRtcp: (packet) => {
        this.#carry(() => {
          for (const message of parseRtcp(packet)) this.sender.receiveRtcp(message, performance.now());
        });
      },
    })
      .on('frame', (frame) => this.frames.push(frame))
      .on('gap', () => this.gaps++);
    this.sender = new VideoSender({
      agreement: agreed,
      ssrc: 1000,
      rtxSsrc: 1001,
      fail: (thrown) => {
        throw thrown;
      },
      sendRtp: (packet, headerLength) => {
        const rtp = parseRtp(packet.subarray(0, headerLength), packet.subarray(headerLength))!;
        this.#carry(() => this.receiver.receive(rtp, performance.now()));
        return true;
      },
    }).on('keyframe', () => {
      this.keyframeWanted = true;
    });
  }

  /** A reproducible random number, 0..1. */
  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return this.#seed / 0x7fffffff;
  }

  #carry(deliver: () => void): void {
    if (this.#random() < this.options.loss) {
      this.lost++;
      return;
    }
    setTimeout(deliver, this.options.delay + this.#random() * (this.options.jitter ?? 0));
    if (this.#random() < 0.02) setTimeout(deliver, this.options.delay + 3);
  }

  /** Sends frames at 30 per second; every one answers the last keyframe request. */
  async play(from: number, count: number): Promise<void> {
    for (let index = from; index < from + count; index++) {
      const keyframe = index === 0 || this.keyframeWanted;
      this.keyframeWanted = false;
      this.sender.send(vp8(index, keyframe));
      await vi.advanceTimersByTimeAsync(33);
      const feedback = index % 15 === 0 ? this.receiver.feedback(performance.now()) : undefined;
      if (feedback) {
        const report = receiverReport(2, [feedback.report]);
        this.#carry(() => {
          for (const message of parseRtcp(report)) this.sender.receiveRtcp(message, performance.now());
        });
      }
    }
    await vi.advanceTimersByTimeAsync(2000);
  }

  /** Another sender to the same receiver, over a network without fault. */
  beside(ssrc: number): VideoSender {
    return new VideoSender({
      agreement: agreement(),
      ssrc,
      rtxSsrc: ssrc + 1,
      fail: () => {},
      sendRtp: (packet, headerLength) => {
        const rtp = parseRtp(packet.subarray(0, headerLength), packet.subarray(headerLength))!;
        this.receiver.receive(rtp, performance.now());
        return true;
      },
    });
  }

  close(): void {
    this.receiver.close();
    this.sender.close();
  }
}

describe('a sender and a receiver', () => {
  let link: Link;

  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    link.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('carry every frame, its timestamp and its capture time over a good network', async () => {
    link = new Link({ loss: 0, delay: 10 });
    await link.play(0, 100);
    expect(link.frames.map(({ rtpTimestamp }) => rtpTimestamp)).toEqual(
      Array.from({ length: 100 }, (_, i) => vp8(i, false).rtpTimestamp),
    );
    expect(link.frames[7]!.captureTime).toBeCloseTo(1_700_000_000_000 + 7 * 33, 1);
    expect(link.receiver.getStats()).toMatchObject({
      frames: 100,
      keyframes: 1,
      discardedFrames: 0,
      nacksSent: 0,
    });
  });

  it.each([
    [0.02, 5],
    [0.02, 60],
    [0.1, 5],
    [0.1, 60],
  ])('repair a loss of %f at %d ms one way', async (loss, delay) => {
    link = new Link({ loss, delay, jitter: 2 });
    await link.play(0, 600);
    for (const frame of link.frames) {
      const index = Buffer.from(frame.data).readUInt32BE(10);
      expect(Buffer.compare(Buffer.from(frame.data), Buffer.from(vp8(index, frame.keyframe).data))).toBe(0);
      expect(frame.rtpTimestamp).toBe(vp8(index, false).rtpTimestamp);
    }
    const indices = link.frames.map(({ data }) => Buffer.from(data).readUInt32BE(10));
    expect(indices).toEqual(indices.toSorted((a, b) => a - b));
    expect(link.frames.length).toBeGreaterThan(540);
    const stats = link.receiver.getStats();
    expect(stats.recovered).toBeGreaterThan(0);
    // Not more than a few requests for each lost packet.
    expect(stats.nacksSent).toBeLessThan(2 * link.lost + 20);
  });

  it('ask for a keyframe when the network was dead for a second, and continue with it', async () => {
    link = new Link({ loss: 0, delay: 10 });
    await link.play(0, 30);
    link.options.loss = 1;
    await link.play(30, 30);
    link.options.loss = 0;
    await link.play(60, 30);
    expect(link.gaps).toBe(1);
    const after = link.frames.filter(({ data }) => Buffer.from(data).readUInt32BE(10) >= 60);
    expect(after[0]!.keyframe).toBe(true);
    expect(after.length).toBeGreaterThan(20);
    expect(link.receiver.getStats().plisSent).toBeLessThan(5);
  });

  it('keep asking for a keyframe that does not come, but not too often', async () => {
    link = new Link({ loss: 0, delay: 10 });
    // The stream begins in its middle, and the sender is deaf.
    for (let index = 1; index < 150; index++) {
      link.sender.send(vp8(index, false));
      await vi.advanceTimersByTimeAsync(33);
      if (index % 15 === 0) link.receiver.feedback(performance.now());
    }
    const { plisSent, frames } = link.receiver.getStats();
    expect(frames).toBe(0);
    expect(plisSent).toBeGreaterThan(3);
    expect(plisSent).toBeLessThan(20);
  });

  it('do without RTX: the packet itself comes again', async () => {
    const plain = agreement(OFFER.replaceAll(/^a=(rtpmap:97|fmtp:97|rtpmap:109|fmtp:109).*\n/gm, ''));
    expect(plain.codecs[0]!.rtxPayloadType).toBeUndefined();
    link = new Link({ loss: 0.05, delay: 5, agreement: plain });
    await link.play(0, 300);
    expect(link.frames.length).toBeGreaterThan(290);
    expect(link.receiver.getStats()).toMatchObject({ rtxPackets: 0 });
  });

  it('survive a sender that begins anew with another SSRC', async () => {
    link = new Link({ loss: 0, delay: 10 });
    await link.play(0, 30);
    const second = link.beside(5000);
    second.send(vp8(100, false));
    second.send(vp8(101, true));
    second.send(vp8(102, false));
    // A straggler of the first stream does not bring it back.
    link.sender.send(vp8(31, false));
    await vi.advanceTimersByTimeAsync(100);
    second.send(vp8(103, false));
    second.close();
    expect(link.frames.slice(30).map(({ data }) => Buffer.from(data).readUInt32BE(10))).toEqual([101, 102, 103]);
    expect(link.receiver.getStats().ssrc).toBe(5000);
    expect(link.gaps).toBe(1);
  });

  it('lose nothing of a stream that takes the place of another at once, of a sender that makes no keyframes on request', async () => {
    link = new Link({ loss: 0, delay: 10 });
    const streams = [link.sender, link.beside(5000), link.beside(6000)];
    let index = 0;
    for (const stream of streams)
      for (let n = 0; n < 40; n++) {
        stream.send(vp8(index++, n === 0));
        await vi.advanceTimersByTimeAsync(33);
      }
    for (const stream of streams.slice(1)) stream.close();
    await vi.advanceTimersByTimeAsync(100);
    const indices = link.frames.map(({ data }) => Buffer.from(data).readUInt32BE(10));
    expect(indices).toEqual(Array.from({ length: 120 }, (_, n) => n));
    expect(link.receiver.getStats()).toMatchObject({ ssrc: 6000, otherPackets: 0 });
  });

  it('drop what was never negotiated', async () => {
    link = new Link({ loss: 0, delay: 1 });
    const packet = {
      sequenceNumber: 1,
      timestamp: 1,
      ssrc: 9,
      marker: true,
      payload: Buffer.alloc(20),
      extensions: undefined,
    };
    for (let payloadType = 0; payloadType < 128; payloadType++) {
      if (![96, 97, 108, 109].includes(payloadType)) link.receiver.receive({ ...packet, payloadType }, 0);
    }
    // A repair before any media has nothing to repair.
    link.receiver.receive({ ...packet, payloadType: 97 }, 0);
    expect(link.receiver.getStats()).toMatchObject({ packets: 0, ssrc: undefined });
    expect(link.sender.send({ ...vp8(0, true), data: new Uint8Array(0) })).toBe(0);
  });

  it('stay bounded where a peer asks for everything again and again', async () => {
    link = new Link({ loss: 0, delay: 1 });
    await link.play(0, 60);
    const { packets } = link.sender.getStats();
    const all = Array.from({ length: 0x10000 }, (_, n) => n);
    for (let round = 0; round < 100; round++) {
      link.sender.receiveRtcp({ kind: 'nack', ssrc: 1000, sequenceNumbers: all }, performance.now());
    }
    expect(link.sender.getStats().retransmitted).toBeLessThanOrEqual(packets);
    await vi.advanceTimersByTimeAsync(100);
  });

  it('make one keyframe of many requests', async () => {
    link = new Link({ loss: 0, delay: 1 });
    let wanted = 0;
    link.sender.on('keyframe', () => wanted++);
    for (let n = 0; n < 50; n++) {
      link.sender.receiveRtcp({ kind: 'keyframe-request', type: 'pli', ssrc: 1000 }, performance.now());
      link.sender.receiveRtcp({ kind: 'keyframe-request', type: 'fir', ssrc: 4711 }, performance.now());
      await vi.advanceTimersByTimeAsync(10);
    }
    await vi.advanceTimersByTimeAsync(1000);
    // 500 ms of requests: one at once, then one for each quarter of a second.
    expect(wanted).toBe(3);
    expect(link.sender.getStats().keyframeRequests).toBe(50);
  });

  it('measure the round trip from reports, and tell NTP and RTP time of the same instant', async () => {
    link = new Link({ loss: 0, delay: 1 });
    link.sender.send(vp8(0, true));
    await vi.advanceTimersByTimeAsync(1000);
    const sent = link.sender.report(performance.now())!;
    const [report] = parseRtcp(senderReport(sent, []));
    expect(report).toMatchObject({
      kind: 'sender-report',
      ssrc: 1000,
      rtpTimestamp: (vp8(0, true).rtpTimestamp + 90_000) >>> 0,
    });
    expect(fromNtp(sent.ntp)).toBeCloseTo(performance.timeOrigin + performance.now(), 0);
    expect(sent.packets).toBe(link.sender.getStats().packets);
    const lastSenderReport = (((sent.ntp.seconds & 0xffff) << 16) | (sent.ntp.fraction >>> 16)) >>> 0;
    await vi.advanceTimersByTimeAsync(80);
    const block = {
      ssrc: 1000,
      fractionLost: 0,
      packetsLost: 0,
      highestSequence: 1,
      jitter: 0,
      lastSenderReport,
      delaySinceLast: (50 / 1000) * 65_536,
    };
    link.sender.receiveRtcp({ kind: 'receiver-report', ssrc: 2, reports: [block] }, performance.now());
    expect(link.sender.getStats().roundTripTime).toBeCloseTo(30, 0);
  });

  it('put mid, capture time and playout delay into what they send', () => {
    link = new Link({ loss: 1, delay: 1 });
    const seen: Buffer[] = [];
    const sender = new VideoSender({
      agreement: agreement(),
      ssrc: 1,
      rtxSsrc: 2,
      fail: () => {},
      sendRtp: (packet, headerLength) => {
        expect(packet.length).toBeLessThanOrEqual(1200);
        const { extensions } = parseRtp(packet.subarray(0, headerLength), packet.subarray(headerLength))!;
        expect(findExtension(extensions!, 3)!.toString()).toBe('0');
        expect(findExtension(extensions!, 7)).toEqual(Buffer.alloc(3));
        const seconds = findExtension(extensions!, 2)!.readUIntBE(0, 3) / 0x40000;
        expect(seconds).toBeCloseTo((performance.now() / 1000) % 64, 2);
        seen.push(findExtension(extensions!, 5)!);
        return true;
      },
    });
    expect(sender.send(vp8(3, true, 50_000))).toBe(seen.length);
    expect(seen.length).toBeGreaterThan(42);
    expect(seen.every(({ length }) => length === 8)).toBe(true);
    sender.close();
  });
});
