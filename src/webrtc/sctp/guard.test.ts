import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classes, Message, methods } from 'werift';
import { isAuthenticRequest, stunClass, transactionId } from '../ice/stun.ts';
import { isSaneSctp } from './guard.ts';

function request(username: string, password: string): Buffer {
  return new Message(methods.BINDING, classes.REQUEST)
    .setAttribute('USERNAME', username)
    .setAttribute('PRIORITY', 1)
    .addMessageIntegrity(Buffer.from(password))
    .addFingerprint().bytes;
}

const passwords = (ufrag: string) => (ufrag === 'ours' ? 'secret' : undefined);

describe('STUN', () => {
  it('knows the class and transaction of binding messages', () => {
    const message = new Message(methods.BINDING, classes.REQUEST);
    expect(stunClass(message.bytes)).toBe('request');
    expect(transactionId(message.bytes)).toBe(message.transactionIdHex);
    expect(stunClass(new Message(methods.BINDING, classes.RESPONSE).bytes)).toBe('response');
    expect(stunClass(new Message(methods.BINDING, classes.ERROR).bytes)).toBe('error');
    expect(stunClass(new Message(methods.ALLOCATE, classes.REQUEST).bytes)).toBeUndefined();
  });

  it('accepts a request only with our name and password', () => {
    expect(isAuthenticRequest(request('ours:theirs', 'secret'), passwords)).toBe(true);
    expect(isAuthenticRequest(request('ours:theirs', 'wrong'), passwords)).toBe(false);
    expect(isAuthenticRequest(request('other:theirs', 'secret'), passwords)).toBe(false);
    expect(isAuthenticRequest(request('__proto__:x', 'secret'), passwords)).toBe(false);
    expect(isAuthenticRequest(new Message(methods.BINDING, classes.REQUEST).bytes, passwords)).toBe(false);
  });

  it('accepts no request that was touched before its fingerprint', () => {
    const good = request('ours:theirs', 'secret');
    // Apart from the length, which the integrity check sets itself, and the fingerprint behind it.
    for (let at = 0; at < good.length - 8; at++) {
      if (at === 2 || at === 3) continue;
      const bad = Buffer.from(good);
      bad[at]! ^= 0x10;
      expect(isAuthenticRequest(bad, passwords), `byte ${at}`).toBe(false);
    }
  });

  it('needs the user name before the integrity', () => {
    const key = 'secret';
    const header = Buffer.concat([Buffer.from('000100182112a442', 'hex'), randomBytes(12)]);
    const tag = createHmac('sha1', key).update(header).digest();
    const packet = Buffer.concat([header, Buffer.from('00080014', 'hex'), tag]);
    expect(stunClass(packet)).toBe('request');
    expect(isAuthenticRequest(packet, () => key)).toBe(false);
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const packet = Buffer.concat([Buffer.from('000100002112a442', 'hex'), bytes]);
        stunClass(packet);
        stunClass(Buffer.from(bytes));
        expect(isAuthenticRequest(packet, () => 'secret')).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});

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
