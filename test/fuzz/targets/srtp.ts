import { isRtcp } from '../../../src/webrtc/rtp/packet.ts';
import { pictureLossIndication } from '../../../src/webrtc/rtp/rtcp.ts';
import {
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_SHA1_80,
  type SrtpKeys,
  SrtpSession,
} from '../../../src/webrtc/srtp/srtp.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { rtpPacket, VP8_DELTA } from './packets.ts';

const keys = (profile: number, saltBytes: number, ours: number, theirs: number): SrtpKeys => ({
  profile,
  localKey: Buffer.alloc(16, ours),
  localSalt: Buffer.alloc(saltBytes, ours),
  remoteKey: Buffer.alloc(16, theirs),
  remoteSalt: Buffer.alloc(saltBytes, theirs),
});
const PROFILES = [
  [SRTP_AES128_CM_SHA1_80, 14],
  [SRTP_AEAD_AES_128_GCM, 12],
] as const;
const VALID = PROFILES.flatMap(([profile, salt]) => {
  const sender = new SrtpSession(keys(profile, salt, 1, 2));
  const media = [1, 2, 3].map((n) => sender.protectRtp(Buffer.from(rtpPacket(VP8_DELTA, n)), 28));
  return [...media, sender.protectRtcp(pictureLossIndication(1, 2))];
});
let receivers: SrtpSession[];

export default defineTarget({
  name: 'srtp',
  about: 'SRTP and SRTCP packets, forged and replayed',
  inputs: () => damagedBytes(VALID),
  open: () => {
    receivers = PROFILES.map(([profile, salt]) => new SrtpSession(keys(profile, salt, 2, 1)));
  },
  read: (packet) => {
    // As ICE sorts them (RFC 7983): anything shorter or of another kind never gets here.
    if (packet.length < 12 || packet[0]! < 128 || packet[0]! > 191) return false;
    const opened = receivers.map((receiver) =>
      isRtcp(packet) ? receiver.unprotectRtcp(packet) : receiver.unprotectRtp(packet),
    );
    return opened.some((result) => result !== undefined);
  },
});
