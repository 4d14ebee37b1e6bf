import { readCaptureTime } from '../../../src/webrtc/rtp/capture-time.ts';
import { findExtension, isRtcp, parseRtp, rtpHeaderLength } from '../../../src/webrtc/rtp/packet.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { rtpPacket, VP8_DELTA } from './packets.ts';

/** Two-byte extensions, contributing sources and padding (RFC 3550, RFC 8285). */
const RICH = Buffer.from(
  `b360000100000bb81234abcd${'00000001'.repeat(3)}100000030305aabbccdd0105080102030405060708${'11'.repeat(40)}00000004`,
  'hex',
);

export default defineTarget({
  name: 'rtp',
  about: 'RTP headers and header extensions',
  inputs: () => damagedBytes([rtpPacket(VP8_DELTA, 7), rtpPacket(Buffer.alloc(0), 8), RICH]),
  read: (packet) => {
    if (packet.length < 2 || isRtcp(packet)) return false;
    const length = rtpHeaderLength(packet);
    if (length === undefined) return false;
    const parsed = parseRtp(packet.subarray(0, length), packet.subarray(length));
    if (!parsed) return false;
    for (let id = 1; id < 16 && parsed.extensions; id++) {
      const element = findExtension(parsed.extensions, id);
      if (element) readCaptureTime(element);
    }
    if (parsed.payload.length > packet.length) throw new Error('the payload is longer than the packet');
    return true;
  },
});
