import { isAuthentic, parseStun, writeStun } from '../../../src/webrtc/ice/stun.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const PASSWORD = 'p'.repeat(24);
const ID = '00112233445566778899aabb';
const role = { controlling: true, tieBreaker: 1n };
const VALID = [
  writeStun({ kind: 'request', id: ID, username: 'ours:theirs', priority: 7, role, nominates: true }, PASSWORD),
  writeStun({ kind: 'response', id: ID, mapped: { address: '192.0.2.1', port: 4000 } }, PASSWORD),
  writeStun({ kind: 'response', id: ID, mapped: { address: '2001:db8::1', port: 4000 } }, PASSWORD),
  writeStun({ kind: 'error', id: ID, errorCode: 487 }, PASSWORD),
];
/** Integrity and fingerprint end each of them. */
const TRAILER_BYTES = 24 + 8;

export default defineTarget({
  name: 'stun',
  about: 'STUN messages: shape, attributes, authenticity',
  inputs: () => damagedBytes(VALID),
  read: (packet) => {
    const message = parseStun(packet);
    if (message === undefined) return false;
    const authentic = isAuthentic(packet, message, PASSWORD);
    // What the integrity covers cannot have been changed, its length field aside.
    const same = (valid: Buffer) => {
      const end = valid.length - TRAILER_BYTES;
      const covered = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 2), bytes.subarray(4, end)]);
      return message.integrityAt === end && covered(packet).equals(covered(valid));
    };
    if (authentic && !VALID.some(same)) throw new Error('a forged message was taken for authentic');
    return authentic;
  },
});
