import { vi } from 'vitest';
import { type Arrived, BurstRule } from '../../../src/stream/burst.ts';
import { Mailbox } from '../../../src/stream/mailbox.ts';
import { VideoReceiver } from '../../../src/webrtc/peer/receiver.ts';
import { VideoSender } from '../../../src/webrtc/peer/sender.ts';
import { parseRtp } from '../../../src/webrtc/rtp/packet.ts';
import { parseRtcp, type RtcpMessage, receiverReport } from '../../../src/webrtc/rtp/rtcp.ts';
import { negotiate } from '../../../src/webrtc/sdp/negotiation.ts';
import { parseOffer } from '../../../src/webrtc/sdp/sdp.ts';
import type { Impairment } from './impairment.ts';
import { Link } from './link.ts';

const OFFER = `v=0
m=video 9 UDP/TLS/RTP/SAVPF 96 97
a=sendonly
a=rtcp-mux
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}
a=rtpmap:96 VP8/90000
a=rtcp-fb:* nack
a=rtcp-fb:* nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
`;
const FPS = 15;
const REPORT_MS = 500;
const KEYFRAME_FACTOR = 4;
const PACING = 2.5;

export interface SimulationOptions {
  up: Impairment;
  down: Impairment;
  seconds: number;
  /** bit/s; `adaptive` begins with 300 kbit/s and follows the feedback as libwebrtc does with REMB, up to this. */
  bitrate: number;
  adaptive: boolean;
  /** Plays a clip: a keyframe each so many frames, and none on request. */
  keyframeEvery?: number;
  /** ms that depth takes of each picture. */
  inferenceMs?: number;
  /** What the receiver asks for at most, bit/s. */
  receiveBitrate?: number;
  /** Changes of the way up, by the second at which they come. */
  changes?: Readonly<Record<number, Impairment>>;
  seed?: number;
}

export interface SimulationResult {
  sent: number;
  received: number;
  depth: number;
  /** Of depth frames, ms. */
  longestGap: number;
  nacks: number;
  plis: number;
  /** Packets that came although they had come before. */
  duplicates: number;
  /** bit/s: what the receiver asked for in the end and at least, and what the sender sent in the end. */
  asked: number;
  leastAsked: number;
  sending: number;
  /** ms from a frame's sending to its depth, median and 95th percentile. */
  latency: { p50: number; p95: number };
}

/** libwebrtc's rate by loss, from cumulative reports (draft-ietf-rmcat-gcc-02 section 6), below the receiver's estimate. */
class LibwebrtcRate {
  #byLoss = 300_000;
  #remb = Number.POSITIVE_INFINITY;
  #last: { highest: number; lost: number } | undefined;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get target(): number {
    return Math.max(30_000, Math.min(this.#max, this.#byLoss, this.#remb));
  }

  note(message: RtcpMessage): void {
    if (message.kind === 'remb') this.#remb = message.bitrate;
    if (message.kind !== 'receiver-report') return;
    for (const { highestSequence: highest, packetsLost: lost } of message.reports) {
      const last = this.#last;
      const expected = last ? highest - last.highest : 0;
      if (last && expected < 20) continue;
      this.#last = { highest, lost };
      if (!last) continue;
      const fraction = Math.max(0, lost - last.lost) / expected;
      if (fraction < 0.02) this.#byLoss = Math.min(this.#max, 1.04 * this.#byLoss + 1000);
      else if (fraction > 0.1) this.#byLoss *= 1 - 0.5 * fraction;
    }
  }
}

/**
 * A publisher, a path, our receiver and a depth worker, in simulated time: `vi.useFakeTimers()` first. The sender's packets,
 * repairs and the receiver's feedback are the real ones; only encryption, ICE and the network (of the depth) are left out.
 */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { up, down, seconds, bitrate, adaptive, inferenceMs = 25, receiveBitrate = 4_000_000, seed = 7 } = options;
  const upLink = new Link(up, seed);
  const downLink = new Link(down, seed + 1);
  const video = negotiate(parseOffer(OFFER), 'duplex', ['VP8']).video!;
  const rate = new LibwebrtcRate(bitrate);
  const fail = (thrown: unknown) => {
    throw thrown;
  };
  const roundTripTime = () =>
    (up.delayMs ?? 0) + (down.delayMs ?? 0) + (up.jitterMs ?? 0) / 2 + (down.jitterMs ?? 0) / 2;
  let keyframeWanted = true;
  let pacedUntil = 0;

  const toSender = (packet: Buffer) =>
    downLink.send(packet.length + 50, () => {
      for (const message of parseRtcp(packet)) {
        rate.note(message);
        sender.receiveRtcp(message, performance.now());
      }
    });
  const receiver = new VideoReceiver({
    agreement: video,
    localSsrc: 2,
    receiveBitrate,
    fail,
    roundTripTime,
    sendRtcp: toSender,
  });
  const sender = new VideoSender({
    agreement: { ...video, codecs: video.codecs.map((codec) => ({ ...codec, sendable: true })) },
    ssrc: 1000,
    rtxSsrc: 1001,
    bitrate: { min: 100_000, max: 10_000_000, start: 4_000_000 },
    fail,
    sendRtp: (packet, headerLength) => {
      const rtp = parseRtp(Buffer.from(packet.subarray(0, headerLength)), Buffer.from(packet.subarray(headerLength)))!;
      const carry = () => upLink.send(packet.length + 10, () => receiver.receive(rtp, performance.now()));
      if (!adaptive) carry();
      else {
        // libwebrtc's pacer.
        pacedUntil = Math.max(pacedUntil, performance.now()) + (8000 * packet.length) / (PACING * rate.target);
        setTimeout(carry, pacedUntil - performance.now());
      }
      return true;
    },
  }).on('keyframe', () => {
    keyframeWanted = true;
  });

  const sentAt = new Map<number, number>();
  const depthAt: number[] = [];
  const latencies: number[] = [];
  const burst = new BurstRule();
  const mailbox = new Mailbox<Arrived>(
    async ({ rtpTimestamp }) => {
      await new Promise((resolve) => setTimeout(resolve, inferenceMs));
      depthAt.push(performance.now());
      latencies.push(performance.now() - sentAt.get(rtpTimestamp)!);
    },
    () => {},
    (waiting, next) => burst.keeps(waiting, next),
  );
  let received = 0;
  receiver.on('frame', (frame) => {
    received++;
    mailbox.put({ rtpTimestamp: frame.rtpTimestamp, at: performance.now() });
  });

  let leastAsked = Number.POSITIVE_INFINITY;
  const reports = setInterval(() => {
    const feedback = receiver.feedback(performance.now());
    if (!feedback) return;
    toSender(Buffer.concat([receiverReport(2, [feedback.report]), feedback.remb]));
    leastAsked = Math.min(leastAsked, receiver.getStats().requestedBitrate);
  }, REPORT_MS);

  const began = performance.now();
  const frames = seconds * FPS;
  for (let n = 0; n < frames; n++) {
    const change = n % FPS === 0 ? options.changes?.[n / FPS] : undefined;
    if (change) upLink.set(change);
    const { keyframeEvery } = options;
    const keyframe = keyframeEvery === undefined ? keyframeWanted : n % keyframeEvery === 0;
    keyframeWanted = false;
    const size = ((adaptive ? rate.target : bitrate) / 8 / FPS) * (keyframe ? KEYFRAME_FACTOR : 0.95);
    const data = Buffer.alloc(Math.max(200, Math.round(size)), 1);
    data.set(keyframe ? [0x10, 0, 0, 0x9d, 0x01, 0x2a] : [0x11, 0, 0, 0, 0, 0]);
    const rtpTimestamp = n * 6000;
    sentAt.set(rtpTimestamp, performance.now());
    sender.send({ codec: 'VP8', data, keyframe, rtpTimestamp });
    await vi.advanceTimersByTimeAsync(Math.round(((n + 1) * 1000) / FPS) - Math.round((n * 1000) / FPS));
  }
  const end = performance.now();
  await vi.advanceTimersByTimeAsync(1500);
  clearInterval(reports);
  const stats = receiver.getStats();
  receiver.close();
  sender.close();
  upLink.close();
  downLink.close();
  mailbox.close();
  const first = depthAt[0] ?? began;
  const moments = [first, ...depthAt.filter((at) => at <= end), end];
  latencies.sort((a, b) => a - b);
  return {
    sent: frames,
    received,
    depth: depthAt.length,
    longestGap: Math.max(...moments.slice(1).map((at, i) => at - moments[i]!)),
    nacks: stats.nacksSent,
    plis: stats.plisSent,
    duplicates: stats.duplicates,
    asked: stats.requestedBitrate,
    leastAsked,
    sending: adaptive ? rate.target : bitrate,
    latency: { p50: latencies[latencies.length >> 1] ?? 0, p95: latencies[Math.floor(0.95 * latencies.length)] ?? 0 },
  };
}
