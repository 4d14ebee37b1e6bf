import type { Reliability } from './association.ts';

/** What opens a data channel (RFC 8832 section 5.1). */
export interface ChannelOpen extends Reliability {
  label: string;
  protocol: string;
}

/** Payload protocol identifiers (RFC 8831 section 8). */
export const PPID = { control: 50, text: 51, binary: 53, emptyText: 56, emptyBinary: 57 } as const;

const OPEN = 3;
const ACK = 2;
const HEADER_BYTES = 12;
const UNORDERED = 0x80;
const BY_RETRANSMITS = 1;
const BY_LIFETIME = 2;
/** A label longer than this names nothing of ours. */
const MAX_LABEL_BYTES = 1024;

export const ACKNOWLEDGEMENT = Buffer.from([ACK]);

export const isOpen = (message: Uint8Array): boolean => message[0] === OPEN;

/** @returns undefined for anything but a well-formed DATA_CHANNEL_OPEN */
export function parseOpen(message: Buffer): ChannelOpen | undefined {
  if (message.length < HEADER_BYTES || message[0] !== OPEN) return undefined;
  const type = message[1]!;
  const value = message.readUInt32BE(4);
  const labelEnd = HEADER_BYTES + message.readUInt16BE(8);
  const protocolEnd = labelEnd + message.readUInt16BE(10);
  if (protocolEnd !== message.length || message.length > HEADER_BYTES + MAX_LABEL_BYTES) return undefined;
  const kind = type & ~UNORDERED;
  if (kind > BY_LIFETIME) return undefined;
  return {
    label: message.toString('utf8', HEADER_BYTES, labelEnd),
    protocol: message.toString('utf8', labelEnd, protocolEnd),
    ordered: (type & UNORDERED) === 0,
    maxRetransmits: kind === BY_RETRANSMITS ? value : undefined,
    maxLifetime: kind === BY_LIFETIME ? value : undefined,
  };
}

export function encodeOpen({ label, protocol, ordered, maxRetransmits, maxLifetime }: ChannelOpen): Buffer {
  const [name, rest] = [Buffer.from(label), Buffer.from(protocol)];
  const message = Buffer.alloc(HEADER_BYTES);
  message[0] = OPEN;
  const kind = maxRetransmits !== undefined ? BY_RETRANSMITS : maxLifetime !== undefined ? BY_LIFETIME : 0;
  message[1] = kind | (ordered ? 0 : UNORDERED);
  message.writeUInt32BE(maxRetransmits ?? maxLifetime ?? 0, 4);
  message.writeUInt16BE(name.length, 8);
  message.writeUInt16BE(rest.length, 10);
  return Buffer.concat([message, name, rest]);
}
