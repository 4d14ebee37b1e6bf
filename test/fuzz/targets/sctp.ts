import { isSaneSctp } from '../../../src/webrtc/sctp/guard.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const HEADER = '1388138812345678aabbccdd';
const hex = (chunks: string): Buffer => Buffer.from(HEADER + chunks, 'hex');
const VALID = [
  hex('0100001400000001000200000400040000000001'),
  hex(`0003001c00000002000000070000003312345678${'00'.repeat(8)}`),
  hex('0300001c000000090002000000020001000300050007000900000001'),
  hex('c0000010000000050001000200030004'),
  hex('82000014000d000c000000010000000200000003'),
  hex(`0a00000c01020304aabbccdd0003001c00000003000000070000003312345678${'00'.repeat(8)}`),
];

export default defineTarget({
  name: 'sctp',
  about: 'SCTP packets before the association sees them',
  inputs: () => damagedBytes(VALID),
  read: (packet) => {
    const sane = isSaneSctp(packet, 1);
    if (!sane) return false;
    // What the guard promises: walking the chunks by their lengths ends.
    for (let at = 12; at + 4 <= packet.length; ) {
      const length = packet.readUInt16BE(at + 2);
      if (length < 4) throw new Error('a chunk of no length passed');
      at += 4 * Math.ceil(length / 4);
    }
    return true;
  },
});
