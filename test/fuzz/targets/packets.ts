import { RTP_HEADER_BYTES, writeExtensions, writeRtpHeader } from '../../../src/webrtc/rtp/packet.ts';

/** An RTP packet of a video stream with the header extensions that browsers send. */
export function rtpPacket(
  payload: Uint8Array,
  sequenceNumber: number,
  { marker = false, payloadType = 96 } = {},
): Buffer {
  const extensions = writeExtensions([
    { id: 3, data: Buffer.from('0') },
    { id: 5, data: Buffer.alloc(8, 7) },
  ]);
  const packet = Buffer.concat([Buffer.alloc(RTP_HEADER_BYTES), extensions, payload]);
  writeRtpHeader(packet, {
    payloadType,
    marker,
    sequenceNumber: sequenceNumber & 0xffff,
    timestamp: 3000 * Math.floor(sequenceNumber / 3),
    ssrc: 0x1234abcd,
    extended: true,
  });
  return packet;
}

/** The first bytes of a VP8 keyframe of 640x480, and of a frame that is not one (RFC 6386 section 9.1). */
export const VP8_KEYFRAME = Buffer.concat([
  Buffer.from([0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01]),
  Buffer.alloc(300, 0x5a),
]);
export const VP8_DELTA = Buffer.concat([Buffer.from([0x11, 0x02, 0x00]), Buffer.alloc(120, 0x33)]);

/** NAL units: parameter sets, an IDR slice and another one. */
const SPS = Buffer.from('42e01f8c6805005bb01e1108d4', 'hex');
export const H264_KEYFRAME = Buffer.concat([
  Buffer.from([0, 0, 0, 1, 0x67]),
  SPS,
  Buffer.from([0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 1, 0x65, 0x88, 0x84]),
  Buffer.alloc(400, 0x77),
]);
export const H264_DELTA = Buffer.concat([Buffer.from([0, 0, 0, 1, 0x41, 0x9a]), Buffer.alloc(200, 0x11)]);
