import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RtcClient } from '../../test/support/rtc-client.ts';
import type { Attack } from './attack.ts';

const RTP_HEADER_BYTES = 12;

const VP8 = 96;
const H264 = 108;
/** STAP-A (RFC 6184 section 5.7.1) of units of one byte. */
const UNITS = Buffer.concat([Buffer.from([24]), Buffer.alloc(999, Buffer.from([0, 1, 7]))]);

function rtp(sequence: number, ssrc: number, payload: Buffer, payloadType = VP8): Buffer {
  const packet = Buffer.concat([Buffer.alloc(RTP_HEADER_BYTES), payload]);
  packet[0] = 0x80;
  packet[1] = payloadType;
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE((sequence * 3000) >>> 0, 4);
  packet.writeUInt32BE(ssrc >>> 0, 8);
  return packet;
}

/** RTCP feedback about the server's stream. */
function feedback(type: number, format: number, body: Buffer): Buffer {
  const packet = Buffer.concat([Buffer.alloc(4), body]);
  packet[0] = 0x80 | format;
  packet[1] = type;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
  return packet;
}

const words = (...values: number[]): Buffer => {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => void out.writeUInt32BE(value >>> 0, 4 * i));
  return out;
};

/** VP8: the start of a partition, then noise. */
const picture = () => Buffer.concat([Buffer.from([0x10, 0, 0, 0, 0x9d, 1, 0x2a]), randomBytes(1000)]);

/** As a connected peer: RTP packets of its making, sealed with the session's keys. */
const media = (name: string, make: (n: number, client: RtcClient) => Buffer): Attack => ({
  name,
  run: (target) =>
    target.again({ role: 'publish' }, async (client, alive) => {
      target.tally.reached = 'media';
      let n = 0;
      await target.flood(
        () => make(n++, client),
        (packet) => client.media.sendRtp(packet, RTP_HEADER_BYTES),
        alive,
      );
    }),
});

/** As a connected viewer: RTCP about the track that it gets. */
const control = (name: string, make: (ssrc: number) => Buffer): Attack => ({
  name,
  run: (target) =>
    target.again({}, async (client, alive) => {
      let ssrc = client.receiver?.getStats().ssrc;
      for (let i = 0; i < 100 && ssrc === undefined && alive(); i++) {
        await sleep(50);
        ssrc = client.receiver?.getStats().ssrc;
      }
      // Feedback about a stream that it does not get would be dropped at once.
      if (ssrc === undefined) return;
      target.tally.reached = 'media';
      const about = ssrc;
      await target.flood(
        () => make(about),
        (packet) => client.media.sendRtcp(packet),
        alive,
      );
    }),
});

const nacks = (ssrc: number) =>
  feedback(
    205,
    1,
    Buffer.concat([words(5, ssrc), ...Array.from({ length: 280 }, () => words((randomInt(65_536) << 16) | 0xffff))]),
  );
const keyframes = (ssrc: number) => Buffer.concat(Array<Buffer>(100).fill(feedback(206, 1, words(5, ssrc))));
const estimates = (ssrc: number) =>
  Buffer.concat(
    Array.from({ length: 50 }, (_, i) =>
      feedback(
        206,
        15,
        Buffer.concat([words(5, 0), Buffer.from('REMB'), words(0x0100_ffff | ((i % 2 ? 4 : 24) << 16), ssrc)]),
      ),
    ),
  );

const fullIntra = (ssrc: number) =>
  feedback(
    206,
    4,
    Buffer.concat([words(5, 0), ...Array.from({ length: 160 }, () => words(ssrc, randomInt(256) * 2 ** 24))]),
  );
/** Receiver reports without a block, one behind the other. */
const reports = () => Buffer.concat(Array<Buffer>(145).fill(feedback(201, 0, words(5))));

export const MEDIA: readonly Attack[] = [
  media('RTP: every second packet missing', (n, { ssrc }) => rtp(2 * n, ssrc, picture())),
  media('RTP: jumps of 400 numbers', (n, { ssrc }) => rtp(400 * n, ssrc, picture())),
  media('RTP: another SSRC each time', (n) => rtp(n, n + 1, picture())),
  { ...media('RTP: one byte in each packet', (n, { ssrc }) => rtp(n, ssrc, Buffer.from([0, 0]))), bytes: 30 },
  media('RTP: H.264 packets of 333 units', (n, { ssrc }) => rtp(n, ssrc, UNITS, H264)),
  {
    name: 'RTP: forged, from the peer’s address',
    run: (target) =>
      target.again({}, (client, alive) =>
        target.flood(
          () => rtp(randomInt(65_536), 5, randomBytes(1000)),
          (packet) => client.ice.send(packet),
          alive,
        ),
      ),
  },
  control('RTCP: 280 NACKs a packet', nacks),
  control('RTCP: 100 keyframe requests a packet', keyframes),
  control('RTCP: 50 estimates a packet', estimates),
  control('RTCP: keyframe requests (FIR) of 160 entries', fullIntra),
  control('RTCP: 145 reports a packet', reports),
];
