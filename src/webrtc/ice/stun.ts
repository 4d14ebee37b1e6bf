import { createHmac, timingSafeEqual } from 'node:crypto';

/** Just enough STUN (RFC 8489) to throw away what is not from our peer before an ICE agent sees it. */
export type StunClass = 'request' | 'indication' | 'response' | 'error';

const HEADER_BYTES = 20;
const MAGIC_COOKIE = 0x2112a442;
const BINDING = 0x0001;
const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const USE_CANDIDATE = 0x0025;
const INTEGRITY_BYTES = 20;
const CLASSES: readonly StunClass[] = ['request', 'indication', 'response', 'error'];

/** The class of a well-formed binding message, or undefined for anything else. */
export function stunClass(packet: Buffer): StunClass | undefined {
  if (packet.length < HEADER_BYTES || packet.readUInt32BE(4) !== MAGIC_COOKIE) return undefined;
  if (packet.readUInt16BE(2) !== packet.length - HEADER_BYTES || packet.length % 4 !== 0) return undefined;
  const type = packet.readUInt16BE(0);
  if ((type & 0xc000) !== 0 || (type & 0x3eef) !== BINDING) return undefined;
  return CLASSES[((type & 0x0100) >> 7) | ((type & 0x0010) >> 4)];
}

/** Hex, as werift keys its transactions. */
export function transactionId(packet: Buffer): string {
  return packet.toString('hex', 8, HEADER_BYTES);
}

/**
 * Whether a binding request carries a user name of ours and the integrity that only its password gives.
 * @param passwordOf our password for a local user fragment, or undefined where it is not ours
 */
export function isAuthenticRequest(packet: Buffer, passwordOf: (localUfrag: string) => string | undefined): boolean {
  let password: string | undefined;
  for (let at = HEADER_BYTES; at + 4 <= packet.length; ) {
    const type = packet.readUInt16BE(at);
    const length = packet.readUInt16BE(at + 2);
    const start = at + 4;
    if (start + length > packet.length) return false;
    if (type === USERNAME) {
      const name = packet.toString('latin1', start, start + length);
      password = passwordOf(name.slice(0, Math.max(0, name.indexOf(':'))));
    } else if (type === MESSAGE_INTEGRITY) {
      if (password === undefined || length !== INTEGRITY_BYTES) return false;
      // The length field must count up to and including this attribute.
      const covered = Buffer.from(packet.subarray(0, at));
      covered.writeUInt16BE(start + INTEGRITY_BYTES - HEADER_BYTES, 2);
      const expected = createHmac('sha1', password).update(covered).digest();
      return timingSafeEqual(expected, packet.subarray(start, start + INTEGRITY_BYTES));
    }
    at = start + 4 * Math.ceil(length / 4);
  }
  return false;
}

/** Whether an authentic request nominates its pair (RFC 8445 section 7.1.2); what follows the integrity does not count. */
export function isNomination(packet: Buffer): boolean {
  for (let at = HEADER_BYTES; at + 4 <= packet.length; ) {
    const type = packet.readUInt16BE(at);
    if (type === USE_CANDIDATE) return true;
    if (type === MESSAGE_INTEGRITY) return false;
    at += 4 + 4 * Math.ceil(packet.readUInt16BE(at + 2) / 4);
  }
  return false;
}
