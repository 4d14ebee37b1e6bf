// What werift's SCTP must never see: it loops forever on a chunk or parameter of length 0, does as many steps as a SACK's
// gap blocks claim, and keeps whatever is sent ahead of the cumulative sequence number.

const HEADER_BYTES = 12;
const DATA = 0;
const INIT = 1;
const INIT_ACK = 2;
const SACK = 3;
const COOKIE_ACK = 11;
const RE_CONFIG = 130;
const FORWARD_TSN = 192;
const WITH_PARAMETERS: ReadonlySet<number> = new Set([4, 5, 6, 9, RE_CONFIG]);
/** INIT and INIT ACK have 16 fixed bytes before their parameters. */
const INIT_FIXED_BYTES = 16;
const MAX_GAP_BLOCKS = 512;
const MAX_GAP_SPAN = 8192;
/** Chunks ahead of the cumulative sequence number; the receive window of 1 MiB is 900 full ones. */
const MAX_AHEAD = 2048;
export const MAX_STREAMS = 1024;

/** @param cumulativeTsn the last sequence number before which nothing is missing, or undefined before the handshake */
export function isSaneSctp(packet: Buffer, cumulativeTsn: number | undefined): boolean {
  let at = HEADER_BYTES;
  if (packet.length < HEADER_BYTES + 4) return false;
  while (at + 4 <= packet.length) {
    const length = packet.readUInt16BE(at + 2);
    const end = at + length;
    if (length < 4 || end > packet.length) return false;
    if (!isSaneChunk(packet[at]!, packet.subarray(at + 4, end), cumulativeTsn)) return false;
    at += 4 * Math.ceil(length / 4);
  }
  return true;
}

function isSaneChunk(type: number, body: Buffer, cumulativeTsn: number | undefined): boolean {
  const isAhead = (tsn: number) => cumulativeTsn !== undefined && ((tsn - cumulativeTsn) | 0) > MAX_AHEAD;
  switch (type) {
    case DATA:
      return body.length > 12 && !isAhead(body.readUInt32BE(0)) && body.readUInt16BE(4) < MAX_STREAMS;
    case INIT:
    case INIT_ACK:
      return body.length >= INIT_FIXED_BYTES && hasSaneParameters(body.subarray(INIT_FIXED_BYTES));
    case SACK:
      return isSaneSack(body);
    case FORWARD_TSN:
      return body.length >= 4 && !isAhead(body.readUInt32BE(0));
    default:
      return WITH_PARAMETERS.has(type) ? hasSaneParameters(body) : type >= 7 && type <= COOKIE_ACK + 3;
  }
}

function hasSaneParameters(parameters: Buffer): boolean {
  for (let at = 0; at + 4 <= parameters.length; ) {
    const length = parameters.readUInt16BE(at + 2);
    if (length < 4 || at + length > parameters.length) return false;
    at += 4 * Math.ceil(length / 4);
  }
  return true;
}

function isSaneSack(body: Buffer): boolean {
  if (body.length < 12) return false;
  const gaps = body.readUInt16BE(8);
  const duplicates = body.readUInt16BE(10);
  if (gaps > MAX_GAP_BLOCKS || body.length < 12 + 4 * (gaps + duplicates)) return false;
  let previousEnd = 0;
  for (let i = 0; i < gaps; i++) {
    const start = body.readUInt16BE(12 + 4 * i);
    const end = body.readUInt16BE(14 + 4 * i);
    if (start <= previousEnd || end < start || end > MAX_GAP_SPAN) return false;
    previousEnd = end;
  }
  return true;
}
