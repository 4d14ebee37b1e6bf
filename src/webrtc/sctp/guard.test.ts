import { describe, expect, it } from 'vitest';
import { isSaneSctp } from './guard.ts';

/** An SCTP packet of these chunks; the checksum is not looked at here. */
function sctp(...chunks: [type: number, body: string][]): Buffer {
  const encoded = chunks.map(([type, hex]) => {
    const body = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const chunk = Buffer.alloc(4 * Math.ceil((4 + body.length) / 4));
    chunk[0] = type;
    chunk.writeUInt16BE(4 + body.length, 2);
    body.copy(chunk, 4);
    return chunk;
  });
  return Buffer.concat([Buffer.alloc(12), ...encoded]);
}

describe('the SCTP guard', () => {
  it('lets ordinary chunks through', () => {
    expect(isSaneSctp(sctp([0, '00000064 0001 0000 00000033 61']), 99)).toBe(true);
    expect(isSaneSctp(sctp([3, '00000064 00100000 0001 0000 0002 0003']), 99)).toBe(true);
    expect(isSaneSctp(sctp([1, '00000001 00100000 ffff ffff 00000001 c0000004']), undefined)).toBe(true);
    expect(isSaneSctp(sctp([10, 'aabbccdd']), undefined)).toBe(true);
    expect(isSaneSctp(sctp([192, '00000064 0001 0002']), 99)).toBe(true);
  });

  it.each([
    ['a chunk of length 0', Buffer.concat([Buffer.alloc(12), Buffer.from('00000000', 'hex')])],
    ['a chunk longer than the packet', Buffer.concat([Buffer.alloc(12), Buffer.from('000000ff', 'hex')])],
    ['nothing but a header', Buffer.alloc(12)],
    ['data far ahead', sctp([0, '00001000 0001 0000 00000033 61'])],
    ['data of a stream beyond all', sctp([0, '00000064 ffff 0000 00000033 61'])],
    ['data without data', sctp([0, '00000064 0001 0000 00000033'])],
    ['a parameter of length 0', sctp([1, '00000001 00100000 ffff ffff 00000001 c0000000'])],
    ['a re-configuration parameter of length 0', sctp([130, '000d0000'])],
    ['a heartbeat parameter longer than the chunk', sctp([4, '000100ff'])],
    ['a gap block over half the space', sctp([3, '00000064 00100000 0001 0000 0002 ffff'])],
    ['overlapping gap blocks', sctp([3, '00000064 00100000 0002 0000 0002 0004 0003 0005'])],
    ['fewer gap blocks than announced', sctp([3, '00000064 00100000 0005 0000 0002 0003'])],
    ['a FORWARD TSN far ahead', sctp([192, '00010000'])],
    ['an unknown chunk', sctp([77, '00000000'])],
  ])('keeps out %s', (_name, packet) => {
    expect(isSaneSctp(packet, 99)).toBe(false);
  });
});
