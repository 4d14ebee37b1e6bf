// What a video packet costs on the way in and out, without the system call: CPU time, SRTP included.
// npx tsx bench/rtc.ts
import { randomBytes } from 'node:crypto';
import { MediaTransport } from '../src/webrtc/peer/media-transport.ts';
import { negotiate } from '../src/webrtc/sdp/negotiation.ts';
import { parseOffer } from '../src/webrtc/sdp/sdp.ts';
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, type SrtpKeys } from '../src/webrtc/srtp/srtp.ts';
import { printTable } from '../test/support/load/table.ts';

const FRAMES = 3000;
const FRAME_BYTES = 11_000;
const OFFER = [
  'v=0',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'a=rtcp-mux',
  'a=ice-ufrag:abcd',
  `a=ice-pwd:${'p'.repeat(22)}`,
  `a=fingerprint:sha-256 ${Array(32).fill('00').join(':')}`,
  'a=rtpmap:96 VP8/90000',
  'a=rtcp-fb:96 nack',
].join('\n');

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

function keys(profile: number, saltBytes: number): [SrtpKeys, SrtpKeys] {
  const [a, b] = [0, 1].map(() => ({ key: randomBytes(16), salt: randomBytes(saltBytes) })) as [
    { key: Buffer; salt: Buffer },
    { key: Buffer; salt: Buffer },
  ];
  return [
    { profile, localKey: a.key, localSalt: a.salt, remoteKey: b.key, remoteSalt: b.salt },
    { profile, localKey: b.key, localSalt: b.salt, remoteKey: a.key, remoteSalt: a.salt },
  ];
}

function measure(profile: number, saltBytes: number): (string | number)[] {
  const agreement = negotiate(parseOffer(OFFER), 'duplex', ['VP8']).video!;
  const wire: Buffer[] = [];
  const [ours, theirs] = keys(profile, saltBytes);
  const nothing = () => {};
  const options = {
    receiveBitrate: 1_000_000,
    sendBitrate: undefined,
    onAlive: nothing,
    fail: nothing,
    roundTripTime: () => 20,
  };
  const out = new MediaTransport({
    ...options,
    ssrc: 1,
    rtxSsrc: 3,
    cname: 'out',
    send: (packet) => wire.push(packet),
  });
  const into = new MediaTransport({ ...options, ssrc: 2, rtxSsrc: 4, cname: 'in', send: nothing });
  out.adopt({ ...agreement, direction: 'sendonly' });
  into.adopt({ ...agreement, direction: 'recvonly' });
  out.start(ours);
  into.start(theirs);
  const sender = out.sender!;
  let frames = 0;
  into.receiver!.on('frame', () => frames++);
  const data = Buffer.alloc(FRAME_BYTES, 7);
  const send = (index: number) => {
    const keyframe = index === 0;
    data.set(keyframe ? [0x10, 0, 0, 0x9d, 0x01, 0x2a] : [0x11, 0, 0, 0, 0, 0]);
    sender.send({ codec: 'VP8', data, keyframe, rtpTimestamp: 3000 * index });
  };
  // The first third warms up.
  let start = 0;
  let packets = 0;
  for (let index = 0; index < FRAMES; index++) {
    if (index === FRAMES / 3) [start, packets] = [cpu(), wire.length];
    send(index);
  }
  const sending = (cpu() - start) / (wire.length - packets);
  const third = Math.floor(wire.length / 3);
  for (const packet of wire.slice(0, third)) into.receive(packet, performance.now());
  start = cpu();
  for (const packet of wire.slice(third)) into.receive(packet, performance.now());
  const receiving = (cpu() - start) / (wire.length - third);
  out.close();
  into.close();
  if (frames !== FRAMES) throw new Error(`only ${frames} of ${FRAMES} frames came through`);
  return [profile === SRTP_AEAD_AES_128_GCM ? 'AES-GCM' : 'AES-CM, HMAC-SHA1', sending, receiving];
}

printTable(
  'CPU time of a packet of 1100 bytes, us',
  ['SRTP', 'send', 'receive'],
  [measure(SRTP_AES128_CM_SHA1_80, 14), measure(SRTP_AEAD_AES_128_GCM, 12)],
);
process.exit(0);
