// DTLS 1.2 on the wire (RFC 6347, RFC 5246), for an attacker: everything can be made, nothing is checked.

export const CHANGE_CIPHER_SPEC = 20;
export const ALERT = 21;
export const HANDSHAKE = 22;
export const APPLICATION_DATA = 23;
export const RECORD_HEADER_BYTES = 13;
export const MESSAGE_HEADER_BYTES = 12;

export const TYPES = {
  HelloRequest: 0,
  ClientHello: 1,
  ServerHello: 2,
  HelloVerifyRequest: 3,
  NewSessionTicket: 4,
  Certificate: 11,
  ServerKeyExchange: 12,
  CertificateRequest: 13,
  ServerHelloDone: 14,
  CertificateVerify: 15,
  ClientKeyExchange: 16,
  Finished: 20,
} as const;
export type MessageName = keyof typeof TYPES;

export interface Message {
  type: number;
  seq: number;
  body: Buffer;
}

export function u8(...values: number[]): Buffer {
  return Buffer.from(values);
}

export function u16(...values: number[]): Buffer {
  const out = Buffer.alloc(2 * values.length);
  values.forEach((value, i) => void out.writeUInt16BE(value & 0xffff, 2 * i));
  return out;
}

/** Bytes behind their length of 1, 2 or 3 bytes. */
export function vector(lengthBytes: 1 | 2 | 3, body: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(body.length, 0, lengthBytes);
  return Buffer.concat([length, body]);
}

/** A fragment of a message, the whole of it by default. */
export function encodeMessage({ type, seq, body }: Message, from = 0, to = body.length): Buffer {
  const header = Buffer.alloc(MESSAGE_HEADER_BYTES);
  header[0] = type;
  header.writeUIntBE(body.length, 1, 3);
  header.writeUInt16BE(seq, 4);
  header.writeUIntBE(from, 6, 3);
  header.writeUIntBE(to - from, 9, 3);
  return Buffer.concat([header, body.subarray(from, to)]);
}

export function encodeRecord(type: number, epoch: number, number: number, body: Buffer, version = 0xfefd): Buffer {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header[0] = type;
  header.writeUInt16BE(version, 1);
  header.writeUInt16BE(epoch, 3);
  header.writeUIntBE(number, 5, 6);
  header.writeUInt16BE(body.length, 11);
  return Buffer.concat([header, body]);
}

export function* splitRecords(datagram: Buffer): Generator<Buffer> {
  for (let at = 0; at + RECORD_HEADER_BYTES <= datagram.length; ) {
    const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11);
    yield datagram.subarray(at, end);
    at = end;
  }
}

/** Puts fragmented messages together, in order of their numbers, each once. */
export class MessageReader {
  readonly #parts = new Map<number, { type: number; body: Buffer; froms: Set<number>; have: number }>();
  #next = 0;

  read(body: Buffer): Message[] {
    for (let at = 0; at + MESSAGE_HEADER_BYTES <= body.length; ) {
      const length = body.readUIntBE(at + 1, 3);
      const seq = body.readUInt16BE(at + 4);
      const from = body.readUIntBE(at + 6, 3);
      const size = body.readUIntBE(at + 9, 3);
      let part = this.#parts.get(seq);
      if (!part) {
        part = { type: body[at]!, body: Buffer.alloc(length), froms: new Set(), have: 0 };
        this.#parts.set(seq, part);
      }
      body.copy(part.body, from, at + MESSAGE_HEADER_BYTES, at + MESSAGE_HEADER_BYTES + size);
      // The other side is honest: its fragments do not overlap.
      if (!part.froms.has(from)) part.have += size;
      part.froms.add(from);
      at += MESSAGE_HEADER_BYTES + size;
    }
    const out: Message[] = [];
    for (let part = this.#parts.get(this.#next); part && part.have >= part.body.length; ) {
      out.push({ type: part.type, seq: this.#next, body: part.body });
      part = this.#parts.get(++this.#next);
    }
    return out;
  }
}
