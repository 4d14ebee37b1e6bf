// dimpl ends a handshake for records that anybody on the path can send: a clear-text record of noise, a warning alert. Only
// records that may be part of a handshake get to it while there is one.

export const RECORD_HEADER_BYTES = 13;
const MESSAGE_HEADER_BYTES = 12;
/** A certificate chain is a few kB; 16 KiB is TLS's own limit for a record. */
const MAX_MESSAGE_BYTES = 16_384;
const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
/** Of DTLS 1.3 (RFC 9147 section 7). */
const ACK = 26;
/** In the first byte of its header (RFC 9147 section 4): number of 16 bits, length, low bits of the epoch. */
const SHORT_NUMBER = 8;
const HAS_LENGTH = 4;
const EPOCH_BITS = 3;
const APPLICATION_EPOCH = 3;
const FATAL = 2;
const SERVER_HELLO = 2;
const HELLO_VERIFY_REQUEST = 3;
/** Messages that DTLS 1.2 and 1.3 send in clear text: Finished is not one of them. */
const MESSAGES: ReadonlySet<number> = new Set([1, 2, 3, 4, 11, 12, 13, 14, 15, 16]);

/** The records of a datagram that may be part of a handshake, one by one. */
export function* handshakeRecords(datagram: Buffer): Generator<Buffer> {
  for (let at = 0; at < datagram.length; ) {
    if (isUnified(datagram.subarray(at))) {
      const end = at + unifiedLength(datagram.subarray(at));
      yield datagram.subarray(at, end);
      at = end;
      continue;
    }
    if (at + RECORD_HEADER_BYTES > datagram.length || datagram[at + 1] !== 0xfe) return;
    const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11);
    if (end > datagram.length) return;
    const record = datagram.subarray(at, end);
    if (isPlausible(record)) yield record;
    at = end;
  }
}

/** Whether a record is DTLS 1.2's ChangeCipherSpec. */
export function isChangeCipherSpec(record: Buffer): boolean {
  return record[0] === CHANGE_CIPHER_SPEC;
}

/** Whether a record holds handshake messages in clear text. */
export function isClearHandshake(record: Buffer): boolean {
  return record[0] === HANDSHAKE && record.readUInt16BE(3) === 0;
}

/** The number of a DTLS 1.2 record in its epoch (48 bit). */
export function recordNumber(record: Buffer): number {
  return record.readUIntBE(5, 6);
}

/** Whether a record is encrypted under the keys that the handshake is about to agree on (DTLS 1.2, epoch 1). */
export function isProtected(record: Buffer): boolean {
  return !isUnified(record) && record.readUInt16BE(3) === 1;
}

/** Whether a server may begin with this record. */
export function isFirstAnswer(record: Buffer): boolean {
  const message = record[RECORD_HEADER_BYTES];
  return (
    record[0] === ALERT || (record[0] === HANDSHAKE && (message === SERVER_HELLO || message === HELLO_VERIFY_REQUEST))
  );
}

/** A header of DTLS 1.3 (RFC 9147 section 4). */
function isUnified(record: Buffer): boolean {
  return record[0]! >> 5 === 1;
}

/** Of a record of DTLS 1.3 with its header: the rest of the datagram where it does not say. */
function unifiedLength(datagram: Buffer): number {
  const first = datagram[0]!;
  const lengthAt = first & SHORT_NUMBER ? 3 : 2;
  if ((first & HAS_LENGTH) === 0 || datagram.length < lengthAt + 2) return datagram.length;
  return Math.min(datagram.length, lengthAt + 2 + datagram.readUInt16BE(lengthAt));
}

/** Whether a record is of DTLS 1.3's first epoch of application data, whose keys the client's Finished opens. */
export function isApplicationEpoch(record: Buffer): boolean {
  return isUnified(record) && (record[0]! & EPOCH_BITS) === APPLICATION_EPOCH;
}

function isPlausible(record: Buffer): boolean {
  const body = record.subarray(RECORD_HEADER_BYTES);
  if (body.length === 0) return false;
  const type = record[0]!;
  const epoch = record.readUInt16BE(3);
  if (epoch !== 0) return epoch === 1 && type >= CHANGE_CIPHER_SPEC && type <= APPLICATION_DATA;
  if (type === HANDSHAKE) return areMessages(body);
  if (type === ALERT) return body.length === 2 && body[0] === FATAL;
  if (type === CHANGE_CIPHER_SPEC) return body.length === 1 && body[0] === 1;
  return type === ACK;
}

/** Whole fragments, each inside its message, of messages of a sensible size. */
function areMessages(body: Buffer): boolean {
  for (let at = 0; at < body.length; ) {
    if (at + MESSAGE_HEADER_BYTES > body.length || !MESSAGES.has(body[at]!)) return false;
    const length = body.readUIntBE(at + 1, 3);
    const fragment = body.readUIntBE(at + 9, 3);
    if (length > MAX_MESSAGE_BYTES || body.readUIntBE(at + 6, 3) + fragment > length) return false;
    at += MESSAGE_HEADER_BYTES + fragment;
    if (at > body.length) return false;
  }
  return true;
}
