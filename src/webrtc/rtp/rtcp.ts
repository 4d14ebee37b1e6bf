/** RTCP as this server speaks it: RFC 3550 reports, RFC 4585 NACK and PLI, RFC 5104 FIR, draft-alvestrand-rmcat-remb. */
export type RtcpMessage =
  | { kind: 'sender-report'; ssrc: number; ntp: NtpTime; rtpTimestamp: number; reports: ReportBlock[] }
  | { kind: 'receiver-report'; ssrc: number; reports: ReportBlock[] }
  | { kind: 'bye'; ssrcs: number[] }
  | { kind: 'nack'; ssrc: number; sequenceNumbers: number[] }
  | { kind: 'keyframe-request'; ssrc: number; type: 'pli' | 'fir' }
  | { kind: 'remb'; bitrate: number; ssrcs: number[] };

export interface ReportBlock {
  ssrc: number;
  /** 0..255, in 1/256. */
  fractionLost: number;
  /** 24 bit signed. */
  packetsLost: number;
  /** Extended with the cycle count. */
  highestSequence: number;
  /** In timestamp units. */
  jitter: number;
  /** Middle 32 bits of the last sender report's NTP time, 0 where there was none. */
  lastSenderReport: number;
  /** Since then, in 1/65536 s. */
  delaySinceLast: number;
}

/** NTP time: seconds since 1900 and a 32-bit fraction. */
export interface NtpTime {
  seconds: number;
  fraction: number;
}

const SR = 200;
const RR = 201;
const SDES = 202;
const BYE = 203;
const RTPFB = 205;
const PSFB = 206;
const NACK_FORMAT = 1;
const PLI_FORMAT = 1;
const FIR_FORMAT = 4;
const REMB_FORMAT = 15;
const REPORT_BYTES = 24;
const NTP_UNIX_OFFSET_SECONDS = 2_208_988_800;
/** A NACK for more is a peer out of its mind. */
const MAX_NACKED = 1024;

/** @param unixMs milliseconds since the Unix epoch */
export function toNtp(unixMs: number): NtpTime {
  const seconds = Math.floor(unixMs / 1000);
  return {
    seconds: (seconds + NTP_UNIX_OFFSET_SECONDS) >>> 0,
    fraction: Math.floor(((unixMs - seconds * 1000) / 1000) * 0x1_0000_0000) >>> 0,
  };
}

/** Milliseconds since the Unix epoch. */
export function fromNtp({ seconds, fraction }: NtpTime): number {
  return (seconds - NTP_UNIX_OFFSET_SECONDS) * 1000 + (fraction / 0x1_0000_0000) * 1000;
}

/** The middle 32 bits, as report blocks carry them; the unit is 1/65536 s. */
export function compactNtp({ seconds, fraction }: NtpTime): number {
  return (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0;
}

/** Every message of a compound packet that we understand; stops at the first malformed one. */
export function parseRtcp(packet: Buffer): RtcpMessage[] {
  const messages: RtcpMessage[] = [];
  let at = 0;
  while (at + 4 <= packet.length) {
    if (packet[at]! >> 6 !== 2) break;
    const count = packet[at]! & 0x1f;
    const type = packet[at + 1]!;
    const end = at + 4 + 4 * packet.readUInt16BE(at + 2);
    if (end > packet.length) break;
    parseOne(type, count, packet.subarray(at + 4, end), messages);
    at = end;
  }
  return messages;
}

function parseOne(type: number, count: number, body: Buffer, into: RtcpMessage[]): void {
  switch (type) {
    case SR:
      if (body.length < 24) return;
      into.push({
        kind: 'sender-report',
        ssrc: body.readUInt32BE(0),
        ntp: { seconds: body.readUInt32BE(4), fraction: body.readUInt32BE(8) },
        rtpTimestamp: body.readUInt32BE(12),
        reports: parseReports(body, 24, count),
      });
      return;
    case RR:
      if (body.length < 4) return;
      into.push({ kind: 'receiver-report', ssrc: body.readUInt32BE(0), reports: parseReports(body, 4, count) });
      return;
    case BYE: {
      const ssrcs: number[] = [];
      for (let i = 0; i < count && 4 * i + 4 <= body.length; i++) ssrcs.push(body.readUInt32BE(4 * i));
      into.push({ kind: 'bye', ssrcs });
      return;
    }
    case RTPFB:
      if (count === NACK_FORMAT && body.length >= 12) into.push(parseNack(body));
      return;
    case PSFB:
      parsePayloadFeedback(count, body, into);
      return;
  }
}

function parseReports(body: Buffer, start: number, count: number): ReportBlock[] {
  const reports: ReportBlock[] = [];
  for (let i = 0, at = start; i < count && at + REPORT_BYTES <= body.length; i++, at += REPORT_BYTES) {
    reports.push({
      ssrc: body.readUInt32BE(at),
      fractionLost: body[at + 4]!,
      packetsLost: body.readIntBE(at + 5, 3),
      highestSequence: body.readUInt32BE(at + 8),
      jitter: body.readUInt32BE(at + 12),
      lastSenderReport: body.readUInt32BE(at + 16),
      delaySinceLast: body.readUInt32BE(at + 20),
    });
  }
  return reports;
}

function parseNack(body: Buffer): RtcpMessage {
  const sequenceNumbers: number[] = [];
  for (let at = 8; at + 4 <= body.length && sequenceNumbers.length < MAX_NACKED; at += 4) {
    const first = body.readUInt16BE(at);
    sequenceNumbers.push(first);
    const following = body.readUInt16BE(at + 2);
    for (let bit = 0; bit < 16; bit++) if (following & (1 << bit)) sequenceNumbers.push((first + bit + 1) & 0xffff);
  }
  return { kind: 'nack', ssrc: body.readUInt32BE(4), sequenceNumbers };
}

function parsePayloadFeedback(format: number, body: Buffer, into: RtcpMessage[]): void {
  if (body.length < 8) return;
  if (format === PLI_FORMAT) {
    into.push({ kind: 'keyframe-request', type: 'pli', ssrc: body.readUInt32BE(4) });
  } else if (format === FIR_FORMAT) {
    for (let at = 8; at + 8 <= body.length; at += 8) {
      into.push({ kind: 'keyframe-request', type: 'fir', ssrc: body.readUInt32BE(at) });
    }
  } else if (format === REMB_FORMAT && body.length >= 16 && body.toString('latin1', 8, 12) === 'REMB') {
    const exponent = body[13]! >> 2;
    const mantissa = ((body[13]! & 3) << 16) | body.readUInt16BE(14);
    const ssrcs: number[] = [];
    for (let i = 0; i < body[12]! && 20 + 4 * i <= body.length; i++) ssrcs.push(body.readUInt32BE(16 + 4 * i));
    into.push({ kind: 'remb', bitrate: mantissa * 2 ** exponent, ssrcs });
  }
}

function packet(type: number, count: number, body: Buffer): Buffer {
  const header = Buffer.allocUnsafe(4);
  header[0] = 0x80 | count;
  header[1] = type;
  header.writeUInt16BE(body.length / 4, 2);
  return Buffer.concat([header, body]);
}

function writeReport(target: Buffer, at: number, report: ReportBlock): void {
  target.writeUInt32BE(report.ssrc, at);
  target[at + 4] = report.fractionLost;
  target.writeIntBE(Math.max(-0x800000, Math.min(0x7fffff, report.packetsLost)), at + 5, 3);
  target.writeUInt32BE(report.highestSequence >>> 0, at + 8);
  target.writeUInt32BE(report.jitter >>> 0, at + 12);
  target.writeUInt32BE(report.lastSenderReport, at + 16);
  target.writeUInt32BE(report.delaySinceLast >>> 0, at + 20);
}

export function receiverReport(ssrc: number, reports: readonly ReportBlock[]): Buffer {
  const body = Buffer.alloc(4 + REPORT_BYTES * reports.length);
  body.writeUInt32BE(ssrc, 0);
  for (const [i, report] of reports.entries()) writeReport(body, 4 + REPORT_BYTES * i, report);
  return packet(RR, reports.length, body);
}

/** @param octets payload bytes sent so far, without headers and padding (RFC 3550 section 6.4.1) */
export function senderReport(
  sender: { ssrc: number; ntp: NtpTime; rtpTimestamp: number; packets: number; octets: number },
  reports: readonly ReportBlock[],
): Buffer {
  const body = Buffer.alloc(24 + REPORT_BYTES * reports.length);
  body.writeUInt32BE(sender.ssrc, 0);
  body.writeUInt32BE(sender.ntp.seconds, 4);
  body.writeUInt32BE(sender.ntp.fraction, 8);
  body.writeUInt32BE(sender.rtpTimestamp >>> 0, 12);
  body.writeUInt32BE(sender.packets >>> 0, 16);
  body.writeUInt32BE(sender.octets >>> 0, 20);
  for (const [i, report] of reports.entries()) writeReport(body, 24 + REPORT_BYTES * i, report);
  return packet(SR, reports.length, body);
}

/** Source description with nothing but the canonical name, which every compound packet must carry. */
export function sourceDescription(ssrc: number, cname: string): Buffer {
  const name = Buffer.from(cname, 'utf8').subarray(0, 255);
  // An item list ends with at least one zero octet and fills a whole word.
  const body = Buffer.alloc(4 * Math.ceil((4 + 2 + name.length + 1) / 4));
  body.writeUInt32BE(ssrc, 0);
  body[4] = 1;
  body[5] = name.length;
  name.copy(body, 6);
  return packet(SDES, 1, body);
}

export function bye(ssrc: number): Buffer {
  const body = Buffer.allocUnsafe(4);
  body.writeUInt32BE(ssrc, 0);
  return packet(BYE, 1, body);
}

/** @param sequenceNumbers in circular order, each once */
export function nack(senderSsrc: number, mediaSsrc: number, sequenceNumbers: readonly number[]): Buffer {
  const items: [first: number, following: number][] = [];
  for (const sequenceNumber of sequenceNumbers) {
    const last = items.at(-1);
    const offset = last ? (sequenceNumber - last[0]) & 0xffff : 0;
    if (last && offset >= 1 && offset <= 16) last[1] |= 1 << (offset - 1);
    else items.push([sequenceNumber, 0]);
  }
  const body = Buffer.allocUnsafe(8 + 4 * items.length);
  body.writeUInt32BE(senderSsrc, 0);
  body.writeUInt32BE(mediaSsrc, 4);
  items.forEach(([first, following], i) => {
    body.writeUInt16BE(first, 8 + 4 * i);
    body.writeUInt16BE(following, 10 + 4 * i);
  });
  return packet(RTPFB, NACK_FORMAT, body);
}

export function pictureLossIndication(senderSsrc: number, mediaSsrc: number): Buffer {
  const body = Buffer.allocUnsafe(8);
  body.writeUInt32BE(senderSsrc, 0);
  body.writeUInt32BE(mediaSsrc, 4);
  return packet(PSFB, PLI_FORMAT, body);
}

/** @param bitrate bits per second, rounded down to the 18-bit mantissa */
export function receiverEstimatedMaximumBitrate(senderSsrc: number, mediaSsrc: number, bitrate: number): Buffer {
  let exponent = 0;
  let mantissa = Math.floor(bitrate);
  while (mantissa > 0x3ffff) {
    mantissa = Math.floor(mantissa / 2);
    exponent++;
  }
  const body = Buffer.alloc(20);
  body.writeUInt32BE(senderSsrc, 0);
  body.write('REMB', 8, 'latin1');
  body[12] = 1;
  body[13] = (exponent << 2) | (mantissa >> 16);
  body.writeUInt16BE(mantissa & 0xffff, 14);
  body.writeUInt32BE(mediaSsrc, 16);
  return packet(PSFB, REMB_FORMAT, body);
}
