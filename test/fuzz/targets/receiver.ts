import fc from 'fast-check';
import { VideoReceiver } from '../../../src/webrtc/peer/receiver.ts';
import { parseRtp, rtpHeaderLength } from '../../../src/webrtc/rtp/packet.ts';
import { negotiate } from '../../../src/webrtc/sdp/negotiation.ts';
import { parseOffer } from '../../../src/webrtc/sdp/sdp.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { rtpPacket, VP8_DELTA, VP8_KEYFRAME } from './packets.ts';
import { OFFERS } from './sdp.ts';

const agreement = negotiate(
  parseOffer(OFFERS.find((sdp) => sdp.includes('a=rtpmap:96 VP8/90000')) ?? OFFERS[0]!),
  'publish',
  ['VP8', 'H264'],
).video!;
const DESCRIPTOR = Buffer.from([0x90, 0x80, 0x80, 0x01]);
const VALID = [VP8_KEYFRAME, VP8_DELTA].flatMap((frame, i) =>
  agreement.codecs.flatMap(({ payloadType, rtxPayloadType = payloadType }) =>
    [payloadType, rtxPayloadType].map((type) =>
      rtpPacket(Buffer.concat([DESCRIPTOR, frame]), 3 * i, { marker: true, payloadType: type }),
    ),
  ),
);

let receiver: VideoReceiver;
let now = 0;
let sequence = 0;
let failure: unknown;

export default defineTarget({
  name: 'receiver',
  about: 'RTP packets of an authentic sender that lies: numbers, repairs, new sources, other codecs',
  inputs: () => fc.tuple(damagedBytes(VALID), fc.integer({ min: -5, max: 60 }), fc.nat(40)),
  open: () => {
    failure = undefined;
    receiver = new VideoReceiver({
      agreement,
      localSsrc: 5,
      receiveBitrate: 4_000_000,
      sendRtcp: (packet) => {
        if (packet.length > 1400) throw new Error(`feedback of ${packet.length} bytes`);
      },
      fail: (thrown) => {
        failure = thrown;
      },
      roundTripTime: () => 30,
    });
  },
  read: ([packet, step, wait]) => {
    now += wait;
    // Most packets follow each other; some jump.
    sequence += step > 10 ? 1 : step;
    if (packet.length > 4) packet.writeUInt16BE(sequence & 0xffff, 2);
    const length = rtpHeaderLength(packet);
    const parsed = length === undefined ? undefined : parseRtp(packet.subarray(0, length), packet.subarray(length));
    if (parsed) receiver.receive(parsed, now);
    if (wait === 40) receiver.feedback(now);
    if (failure !== undefined) throw failure;
    return parsed !== undefined;
  },
  close: () => receiver.close(),
});
