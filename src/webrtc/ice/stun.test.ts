import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classes, Message, methods, parseMessage } from 'werift';
import { isAuthentic, parseStun, type StunFields, writeStun } from './stun.ts';

const PASSWORD = 'secret'.repeat(5);

/** As an independent implementation writes it. */
function request(username: string, password: string): Buffer {
  return new Message(methods.BINDING, classes.REQUEST)
    .setAttribute('USERNAME', username)
    .setAttribute('PRIORITY', 1)
    .addMessageIntegrity(Buffer.from(password))
    .addFingerprint().bytes;
}

const authentic = (packet: Buffer, password = PASSWORD) => {
  const message = parseStun(packet);
  return message !== undefined && isAuthentic(packet, message, password);
};

describe('a STUN message that came', () => {
  it('is of a class and a transaction', () => {
    const message = new Message(methods.BINDING, classes.REQUEST);
    expect(parseStun(message.bytes)).toMatchObject({ kind: 'request', id: message.transactionIdHex });
    expect(parseStun(new Message(methods.BINDING, classes.RESPONSE).bytes)?.kind).toBe('response');
    expect(parseStun(new Message(methods.BINDING, classes.ERROR).bytes)?.kind).toBe('error');
    expect(parseStun(new Message(methods.BINDING, classes.INDICATION).bytes)?.kind).toBe('indication');
    expect(parseStun(new Message(methods.ALLOCATE, classes.REQUEST).bytes)).toBeUndefined();
  });

  it('is authentic with our password alone', () => {
    expect(authentic(request('ours:theirs', PASSWORD))).toBe(true);
    expect(authentic(request('ours:theirs', 'wrong'))).toBe(false);
    expect(authentic(new Message(methods.BINDING, classes.REQUEST).bytes)).toBe(false);
  });

  it('is not authentic where it was touched before its fingerprint', () => {
    const good = request('ours:theirs', PASSWORD);
    // Apart from the length, which the integrity check sets itself, and the fingerprint behind it.
    for (let at = 0; at < good.length - 8; at++) {
      if (at === 2 || at === 3) continue;
      const bad = Buffer.from(good);
      bad[at]! ^= 0x10;
      expect(authentic(bad), `byte ${at}`).toBe(false);
    }
  });

  it('says nothing behind its integrity', () => {
    const header = Buffer.concat([Buffer.from('000100002112a442', 'hex'), randomBytes(12)]);
    header.writeUInt16BE(24, 2);
    const tag = createHmac('sha1', PASSWORD).update(header).digest();
    const late = Buffer.concat([Buffer.from('00250000', 'hex'), Buffer.from('0006000461626364', 'hex')]);
    const packet = Buffer.concat([header, Buffer.from('00080014', 'hex'), tag, late]);
    packet.writeUInt16BE(packet.length - 20, 2);
    expect(authentic(packet)).toBe(true);
    expect(parseStun(packet)).toMatchObject({ nominates: false, username: undefined });
  });

  it('may be any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const packet = Buffer.concat([Buffer.from('000100002112a442', 'hex'), bytes]);
        packet.writeUInt16BE(Math.max(0, packet.length - 20), 2);
        expect(authentic(packet)).toBe(false);
        parseStun(Buffer.from(bytes));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a STUN message of ours', () => {
  const fields: StunFields = {
    kind: 'request',
    username: 'theirs:ours',
    priority: 1_845_501_695,
    nominates: true,
    role: { controlling: true, tieBreaker: 0x0123456789abcdefn },
  };

  it('is read by ourselves and by an independent implementation', () => {
    const packet = writeStun(fields, PASSWORD);
    const { kind, username, priority, nominates, role } = parseStun(packet)!;
    expect({ kind, username, priority, nominates, role }).toEqual(fields);
    expect(authentic(packet)).toBe(true);
    const other = parseMessage(packet, Buffer.from(PASSWORD))!;
    expect(other.getAttributeValue('USERNAME')).toBe('theirs:ours');
    expect(other.getAttributeValue('PRIORITY')).toBe(1_845_501_695);
    expect(other.getAttributeValue('ICE-CONTROLLING')).toBe(0x0123456789abcdefn);
    expect(other.attributesKeys).toContain('FINGERPRINT');
  });

  it.each([
    ['192.0.2.1', 4000],
    ['2001:db8::7', 65_535],
    ['::1', 1],
  ])('tells %s how it is seen', (address, port) => {
    const packet = writeStun({ kind: 'response', id: '00112233445566778899aabb', mapped: { address, port } }, PASSWORD);
    expect(parseStun(packet)).toMatchObject({ id: '00112233445566778899aabb', mapped: { address, port } });
    const theirs = parseMessage(packet, Buffer.from(PASSWORD))!.getAttributeValue('XOR-MAPPED-ADDRESS') as [
      string,
      number,
    ];
    expect(theirs[1]).toBe(port);
    if (!address.includes(':')) expect(theirs[0]).toBe(address);
  });

  it('names an error', () => {
    const packet = writeStun({ kind: 'error', id: '00112233445566778899aabb', errorCode: 487 }, PASSWORD);
    expect(parseStun(packet)).toMatchObject({ kind: 'error', errorCode: 487 });
    expect(parseMessage(packet)!.getAttributeValue('ERROR-CODE')[0]).toBe(487);
  });
});
