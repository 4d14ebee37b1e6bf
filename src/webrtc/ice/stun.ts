import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { crc32 } from 'node:zlib';
import { bytesOfAddress, textOfAddress } from './address.ts';

// The part of STUN (RFC 8489) that ICE uses (RFC 8445 section 7): Binding, with short-term credentials.

export type StunClass = 'request' | 'indication' | 'response' | 'error';

/** A Binding message as it arrived. What stands behind its MESSAGE-INTEGRITY is not looked at: anybody may have put it there. */
export interface StunMessage {
  kind: StunClass;
  /** Transaction id, hex. */
  id: string;
  /** `receiver:sender` user fragments. */
  username: string | undefined;
  priority: number | undefined;
  /** USE-CANDIDATE. */
  nominates: boolean;
  /** Which role the sender claims, and its tie breaker. */
  role: { controlling: boolean; tieBreaker: bigint } | undefined;
  errorCode: number | undefined;
  /** XOR-MAPPED-ADDRESS. */
  mapped: { address: string; port: number } | undefined;
  /** Where MESSAGE-INTEGRITY stands in the packet; undefined without one. */
  integrityAt: number | undefined;
}

export interface StunFields {
  kind: StunClass;
  /** A new one by default. */
  id?: string;
  username?: string;
  priority?: number;
  nominates?: boolean;
  role?: { controlling: boolean; tieBreaker: bigint };
  errorCode?: number;
  mapped?: { address: string; port: number };
}

const HEADER_BYTES = 20;
const MAGIC_COOKIE = 0x2112a442;
const BINDING = 0x0001;
const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const ERROR_CODE = 0x0009;
const XOR_MAPPED_ADDRESS = 0x0020;
const PRIORITY = 0x0024;
const USE_CANDIDATE = 0x0025;
const FINGERPRINT = 0x8028;
const ICE_CONTROLLED = 0x8029;
const ICE_CONTROLLING = 0x802a;
const INTEGRITY_BYTES = 20;
const FINGERPRINT_XOR = 0x5354554e;
const CLASSES: readonly StunClass[] = ['request', 'indication', 'response', 'error'];
const REASONS: Record<number, string> = { 400: 'Bad Request', 401: 'Unauthenticated', 487: 'Role Conflict' };

/** Reads a well-formed Binding message; undefined for anything else. */
export function parseStun(packet: Buffer): StunMessage | undefined {
  if (packet.length < HEADER_BYTES || packet.readUInt32BE(4) !== MAGIC_COOKIE) return undefined;
  if (packet.readUInt16BE(2) !== packet.length - HEADER_BYTES || packet.length % 4 !== 0) return undefined;
  const type = packet.readUInt16BE(0);
  if ((type & 0xc000) !== 0 || (type & 0x3eef) !== BINDING) return undefined;
  const message: StunMessage = {
    kind: CLASSES[((type & 0x0100) >> 7) | ((type & 0x0010) >> 4)]!,
    id: packet.toString('hex', 8, HEADER_BYTES),
    username: undefined,
    priority: undefined,
    nominates: false,
    role: undefined,
    errorCode: undefined,
    mapped: undefined,
    integrityAt: undefined,
  };
  for (let at = HEADER_BYTES; at + 4 <= packet.length; ) {
    const attribute = packet.readUInt16BE(at);
    const start = at + 4;
    const end = start + packet.readUInt16BE(at + 2);
    if (end > packet.length) return undefined;
    if (attribute === MESSAGE_INTEGRITY) {
      if (end - start !== INTEGRITY_BYTES) return undefined;
      message.integrityAt = at;
      return message;
    }
    readAttribute(message, attribute, packet.subarray(start, end), packet);
    at = start + 4 * Math.ceil((end - start) / 4);
  }
  return message;
}

/** The first of each kind counts (RFC 8489 section 14); one of a wrong length does not. */
function readAttribute(message: StunMessage, attribute: number, value: Buffer, packet: Buffer): void {
  switch (attribute) {
    case USERNAME:
      message.username ??= value.toString('latin1');
      break;
    case PRIORITY:
      if (value.length === 4) message.priority ??= value.readUInt32BE(0);
      break;
    case USE_CANDIDATE:
      message.nominates = true;
      break;
    case ICE_CONTROLLED:
    case ICE_CONTROLLING:
      if (value.length === 8)
        message.role ??= { controlling: attribute === ICE_CONTROLLING, tieBreaker: value.readBigUInt64BE(0) };
      break;
    case ERROR_CODE:
      if (value.length >= 4) message.errorCode ??= (value[2]! & 7) * 100 + value[3]!;
      break;
    case XOR_MAPPED_ADDRESS:
      message.mapped ??= readXorAddress(value, packet);
      break;
  }
}

/** Whether the message's integrity is what only this password gives. */
export function isAuthentic(packet: Buffer, { integrityAt }: StunMessage, password: string): boolean {
  if (integrityAt === undefined) return false;
  const at = integrityAt + 4;
  return timingSafeEqual(integrityOf(packet, integrityAt, password), packet.subarray(at, at + INTEGRITY_BYTES));
}

/** @param password signs the message; without one it is as bare as a question to a STUN server */
export function writeStun(fields: StunFields, password?: string): Buffer {
  const { kind, id, username, priority, nominates, role, errorCode, mapped } = fields;
  const header = Buffer.alloc(HEADER_BYTES);
  const bits = CLASSES.indexOf(kind);
  header.writeUInt16BE(BINDING | ((bits & 2) << 7) | ((bits & 1) << 4), 0);
  header.writeUInt32BE(MAGIC_COOKIE, 4);
  if (id === undefined) randomBytes(12).copy(header, 8);
  else header.write(id, 8, 'hex');
  const parts: Buffer[] = [header];
  const add = (type: number, value: Buffer) => parts.push(attributeOf(type, value));
  if (errorCode !== undefined) add(ERROR_CODE, errorValue(errorCode));
  if (username !== undefined) add(USERNAME, Buffer.from(username, 'latin1'));
  if (priority !== undefined) add(PRIORITY, uint32(priority));
  if (role !== undefined) {
    const tieBreaker = Buffer.alloc(8);
    tieBreaker.writeBigUInt64BE(role.tieBreaker);
    add(role.controlling ? ICE_CONTROLLING : ICE_CONTROLLED, tieBreaker);
  }
  if (nominates) add(USE_CANDIDATE, Buffer.alloc(0));
  if (mapped !== undefined) add(XOR_MAPPED_ADDRESS, xorAddress(mapped, header));
  if (password !== undefined) {
    const covered = Buffer.concat(parts);
    add(MESSAGE_INTEGRITY, integrityOf(covered, covered.length, password));
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0) - HEADER_BYTES;
  header.writeUInt16BE(length + 8, 2);
  add(FINGERPRINT, uint32((crc32(Buffer.concat(parts)) ^ FINGERPRINT_XOR) >>> 0));
  return Buffer.concat(parts);
}

/** HMAC of what comes before; the length field must count up to and including the attribute (RFC 8489 section 14.5). */
function integrityOf(packet: Buffer, integrityAt: number, password: string): Buffer {
  const covered = Buffer.from(packet.subarray(0, integrityAt));
  covered.writeUInt16BE(integrityAt + 4 + INTEGRITY_BYTES - HEADER_BYTES, 2);
  return createHmac('sha1', password).update(covered).digest();
}

function attributeOf(type: number, value: Buffer): Buffer {
  const attribute = Buffer.alloc(4 + 4 * Math.ceil(value.length / 4));
  attribute.writeUInt16BE(type, 0);
  attribute.writeUInt16BE(value.length, 2);
  value.copy(attribute, 4);
  return attribute;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function errorValue(code: number): Buffer {
  return Buffer.concat([Buffer.from([0, 0, Math.floor(code / 100), code % 100]), Buffer.from(REASONS[code] ?? '')]);
}

/** RFC 8489 section 14.2: port and address under the cookie and the transaction id. */
function xorAddress({ address, port }: { address: string; port: number }, packet: Buffer): Buffer {
  const bytes = bytesOfAddress(address);
  const value = Buffer.alloc(4 + bytes.length);
  value[1] = isIPv4(address) ? 1 : 2;
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  for (let i = 0; i < bytes.length; i++) value[4 + i] = bytes[i]! ^ packet[4 + i]!;
  return value;
}

function readXorAddress(value: Buffer, packet: Buffer): { address: string; port: number } | undefined {
  if (value.length !== (value[1] === 1 ? 8 : 20) || (value[1] !== 1 && value[1] !== 2)) return undefined;
  const bytes = value.subarray(4).map((byte, i) => byte ^ packet[4 + i]!);
  return { address: textOfAddress(bytes), port: value.readUInt16BE(2) ^ (MAGIC_COOKIE >>> 16) };
}
