import { sign } from 'node:crypto';
import type { Identity } from '../../../src/webrtc/dtls/identity.ts';
import { type KeyShare, keyShare, P256, sha256, X25519 } from '../dtls/keys.ts';
import {
  ALERT,
  APPLICATION_DATA,
  encodeMessage,
  encodeRecord,
  HANDSHAKE,
  type Message,
  MessageReader,
  RECORD_HEADER_BYTES,
  u8,
  u16,
  vector,
} from '../dtls/wire.ts';
import type { Random } from '../random.ts';
import { Schedule, Traffic } from './keys.ts';

const AES_128_GCM = 0x1301;
const ECDSA_SHA256 = 0x0403;
const DTLS_12 = 0xfefd;
const DTLS_13 = 0xfefc;
const SRTP_GCM_128 = 7;
/** Of a HelloRetryRequest (RFC 8446 section 4.1.3). */
const RETRY = sha256(Buffer.from('HelloRetryRequest'));

export const TYPES = {
  HelloRequest: 0,
  ClientHello: 1,
  ServerHello: 2,
  NewSessionTicket: 4,
  EndOfEarlyData: 5,
  EncryptedExtensions: 8,
  Certificate: 11,
  ServerKeyExchange: 12,
  CertificateRequest: 13,
  ServerHelloDone: 14,
  CertificateVerify: 15,
  ClientKeyExchange: 16,
  Finished: 20,
  KeyUpdate: 24,
  MessageHash: 254,
} as const;
type MessageName = keyof typeof TYPES;
export type ItemName = MessageName | 'ApplicationData' | 'CloseNotify';

/** What the attacker does otherwise than the standard says, in the messages themselves. */
export interface Deviations {
  /** Shown instead of the one whose fingerprint was signalled, and who signs. */
  certificate?: Buffer;
  signWith?: Identity;
  emptyCertificate?: boolean;
  /** In Certificate, for what nobody asked. */
  context?: Buffer;
  scheme?: number;
  /** What CertificateVerify signs instead. */
  signs?: 'as the other role' | 'half the transcript' | 'as TLS 1.2' | 'nothing';
  suite?: number;
  version?: number;
  versions?: 'none' | 'of 1.2';
  noShare?: boolean;
  share?: Buffer;
  group?: number;
  retry?: boolean;
  compression?: number;
  noSrtp?: boolean;
  srtpProfile?: number;
  finished?: 'random' | 'zero' | 'short' | 'long' | 'empty' | 'other role' | 'half the transcript';
}

export interface Sent {
  contentType: number;
  epoch: 0 | 2 | 3;
  /** Sealed with keys that are not this side's. */
  keys?: 'random' | "the target's" | 'of the application';
  message?: Message;
  body: Buffer;
}

/** As it counts for the transcript: without numbers and fragments (RFC 9147 section 5.2). */
const counted = ({ type, body }: Message): Buffer => Buffer.concat([u8(type), vector(3, body)]);

/**
 * The other end of a DTLS 1.3 handshake that makes any message at any time, keeps the transcript as the target must see it, and has all
 * keys that its own secrets give it.
 */
export class Attacker {
  readonly #client: boolean;
  readonly #identity: Identity;
  readonly #source: Random;
  readonly #deviations: Deviations;
  readonly #reader = new MessageReader();
  readonly #held: Buffer[] = [];
  readonly #transcript: Buffer[] = [];
  readonly #numbers = { 0: 0, 2: 0, 3: 0 };
  readonly #random: Buffer;
  #ownShare: KeyShare;
  #theirShare: Buffer | undefined;
  #seq = 0;
  #schedule: Schedule | undefined;
  /** Lengths of the transcript behind ServerHello and behind the server's Finished. */
  #hellos: number | undefined;
  #serverFinished: number | undefined;
  readonly seen: string[] = [];
  /** The target's Finished was right. */
  finished = false;

  constructor(options: { client: boolean; identity: Identity; source: Random; deviations?: Deviations }) {
    this.#client = options.client;
    this.#identity = options.identity;
    this.#source = options.source;
    this.#deviations = options.deviations ?? {};
    this.#random = options.source.bytes(32);
    this.#ownShare = keyShare(options.source.chance(0.2) ? P256 : X25519);
  }

  /** SRTP keys in the order of RFC 5764, as the target would have them. */
  get exported(): Buffer {
    return this.#keys.exportSrtp(this.#upTo(this.#serverFinished), 56);
  }

  skipNumber(): void {
    this.#seq++;
  }

  // ---- towards the target

  /** Makes a message; it enters the transcript now. @param seq its number, the next by default */
  make(name: ItemName, options: { seq?: number; epoch?: 0 | 2 | 3; keys?: Sent['keys'] } = {}): Sent {
    const keys = options.keys && { keys: options.keys };
    if (name === 'ApplicationData')
      return { contentType: APPLICATION_DATA, epoch: options.epoch ?? 3, body: Buffer.from('early'), ...keys };
    if (name === 'CloseNotify') return { contentType: ALERT, epoch: options.epoch ?? 2, body: u8(1, 0), ...keys };
    const message = { type: TYPES[name], seq: options.seq ?? this.#seq++, body: this.#body(name) };
    this.#count(message, !this.#client);
    const hello = name === 'ClientHello' || name === 'ServerHello' || name === 'HelloRequest';
    const epoch = options.epoch ?? (hello ? 0 : 2);
    return { contentType: HANDSHAKE, epoch, message, body: encodeMessage(message), ...keys };
  }

  /** A record under the next number of its epoch. */
  record({ contentType, epoch, keys }: Sent, body: Buffer): Buffer {
    const number = this.#numbers[epoch]++;
    if (epoch === 0) return encodeRecord(contentType, epoch, number, body);
    return this.#traffic(epoch, keys).seal(epoch, number, contentType, body);
  }

  // ---- from the target

  receive(datagram: Buffer): void {
    for (let at = 0; at < datagram.length; ) {
      const unified = datagram[at]! >> 5 === 1;
      const end =
        at + (unified ? 5 + datagram.readUInt16BE(at + 3) : RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11));
      const record = datagram.subarray(at, end);
      if (unified) this.#held.push(record);
      else if (record[0] === HANDSHAKE) this.#read(record.subarray(RECORD_HEADER_BYTES));
      at = end;
    }
    if (this.#hellos === undefined) return;
    const theirs = this.#client ? 's' : 'c';
    for (const record of this.#held.splice(0)) {
      if ((record[0]! & 3) !== 2) continue;
      const opened = this.#keys.handshake(theirs, this.#upTo(this.#hellos)).open(record);
      if (opened?.type === HANDSHAKE) this.#read(opened.content);
    }
  }

  #read(body: Buffer): void {
    for (const message of this.#reader.read(body)) {
      const name = (Object.keys(TYPES) as MessageName[]).find((key) => TYPES[key] === message.type);
      this.seen.push(name ?? String(message.type));
      if (name === 'Finished')
        this.finished = message.body.equals(
          this.#verifyData(this.#client ? 's' : 'c', Buffer.concat(this.#transcript)),
        );
      if (name === 'ClientHello' || name === 'ServerHello') this.#readShare(message.body);
      this.#count(message, this.#client);
    }
  }

  /** Their key share: the first of a client's, the one of a server's. */
  #readShare(hello: Buffer): void {
    let at = 34;
    at += 1 + hello[at]!;
    if (!this.#client) {
      at += 1 + hello[at]!;
      at += 2 + hello.readUInt16BE(at);
      at += 1 + hello[at]!;
    } else at += 3;
    for (at += 2; at + 4 <= hello.length; at += 4 + hello.readUInt16BE(at + 2)) {
      if (hello.readUInt16BE(at) !== 51) continue;
      const entry = at + 4 + (this.#client ? 0 : 2);
      const group = hello.readUInt16BE(entry);
      if (group !== this.#ownShare.curve) this.#ownShare = keyShare(group);
      this.#theirShare = Buffer.from(hello.subarray(entry + 4, entry + 4 + hello.readUInt16BE(entry + 2)));
    }
  }

  // ---- transcript and keys

  #count(message: Message, ofServer: boolean): void {
    this.#transcript.push(counted(message));
    if (message.type === TYPES.ServerHello) this.#hellos ??= this.#transcript.length;
    if (message.type === TYPES.Finished && ofServer) this.#serverFinished ??= this.#transcript.length;
  }

  #upTo(length = this.#transcript.length): Buffer {
    return Buffer.concat(this.#transcript.slice(0, length));
  }

  /** Of zeros where there was no exchange, or no sound one: what a careless target might come to. */
  get #keys(): Schedule {
    if (this.#schedule) return this.#schedule;
    let shared: Buffer = Buffer.alloc(32);
    try {
      if (this.#theirShare && !this.#deviations.share) shared = this.#ownShare.shared(this.#theirShare);
    } catch {
      // As above.
    }
    this.#schedule = new Schedule(shared);
    return this.#schedule;
  }

  #traffic(epoch: 2 | 3, keys: Sent['keys']): Traffic {
    if (keys === 'random') return new Traffic(this.#source.bytes(32));
    const ours = this.#client ? 'c' : 's';
    const theirs = this.#client ? 's' : 'c';
    const side = keys === "the target's" ? theirs : ours;
    if (epoch === 3 || keys === 'of the application')
      return this.#keys.application(side, this.#upTo(this.#serverFinished));
    return this.#keys.handshake(side, this.#upTo(this.#hellos));
  }

  #verifyData(side: 'c' | 's', transcript: Buffer): Buffer {
    return this.#keys.handshake(side, this.#upTo(this.#hellos)).verifyData(transcript);
  }

  // ---- what messages are made of

  #body(name: MessageName): Buffer {
    switch (name) {
      case 'ClientHello':
        return this.#clientHello();
      case 'ServerHello':
        return this.#serverHello();
      case 'EncryptedExtensions':
        return extensions(this.#srtp());
      case 'CertificateRequest':
        return Buffer.concat([u8(0), extensions([[13, vector(2, u16(ECDSA_SHA256))]])]);
      case 'Certificate': {
        const { certificate = this.#identity.certificate, emptyCertificate, context = u8() } = this.#deviations;
        const entry = emptyCertificate ? u8() : Buffer.concat([vector(3, certificate), u16(0)]);
        return Buffer.concat([vector(1, context), vector(3, entry)]);
      }
      case 'CertificateVerify':
        return this.#certificateVerify();
      case 'Finished':
        return this.#finishedBody();
      case 'NewSessionTicket':
        return Buffer.concat([Buffer.alloc(8), vector(1, u8(1)), vector(2, Buffer.alloc(40, 9)), u16(0)]);
      case 'KeyUpdate':
        return u8(0);
      case 'MessageHash':
        return Buffer.alloc(32, 3);
      case 'ServerKeyExchange':
      case 'ClientKeyExchange':
        return vector(1, this.#ownShare.public);
      default:
        return Buffer.alloc(0);
    }
  }

  #clientHello(): Buffer {
    const { suite = AES_128_GCM, version = DTLS_12, compression = 0, versions, noShare } = this.#deviations;
    const { curve, share } = this.#share();
    const list: Extension[] = [[10, vector(2, u16(curve))], [13, vector(2, u16(ECDSA_SHA256))], ...this.#srtp()];
    if (versions !== 'none') list.push([43, vector(1, u16(versions === 'of 1.2' ? DTLS_12 : DTLS_13))]);
    if (!noShare) list.push([51, vector(2, Buffer.concat([u16(curve), vector(2, share)]))]);
    const head = [u16(version), this.#random, u8(0), u8(0), vector(2, u16(suite)), vector(1, u8(compression))];
    return Buffer.concat([...head, extensions(list)]);
  }

  #serverHello(): Buffer {
    const { suite = AES_128_GCM, version = DTLS_12, compression = 0, versions, noShare, retry } = this.#deviations;
    const { curve, share } = this.#share();
    const list: Extension[] = [];
    if (versions !== 'none') list.push([43, u16(versions === 'of 1.2' ? DTLS_12 : DTLS_13)]);
    if (!noShare) list.push([51, Buffer.concat([u16(curve), vector(2, share)])]);
    const random = retry ? RETRY : this.#random;
    return Buffer.concat([u16(version), random, u8(0), u16(suite), u8(compression), extensions(list)]);
  }

  #share(): { curve: number; share: Buffer } {
    const { group = this.#ownShare.curve, share = this.#ownShare.public } = this.#deviations;
    return { curve: group, share };
  }

  #srtp(): Extension[] {
    const { noSrtp, srtpProfile = SRTP_GCM_128 } = this.#deviations;
    return noSrtp ? [] : [[14, Buffer.concat([vector(2, u16(srtpProfile)), u8(0)])]];
  }

  #certificateVerify(): Buffer {
    const { signWith = this.#identity, scheme = ECDSA_SHA256, signs } = this.#deviations;
    const role = this.#client === (signs === 'as the other role') ? 'server' : 'client';
    const transcript = this.#upTo();
    const hash = sha256(signs === 'half the transcript' ? transcript.subarray(0, transcript.length >> 1) : transcript);
    const text = Buffer.from(`${' '.repeat(64)}TLS 1.3, ${role} CertificateVerify\0`);
    const content = signs === 'nothing' ? u8() : signs === 'as TLS 1.2' ? transcript : Buffer.concat([text, hash]);
    return Buffer.concat([u16(scheme), vector(2, sign('sha256', content, signWith.key))]);
  }

  #finishedBody(): Buffer {
    const [mine, other] = this.#client ? (['c', 's'] as const) : (['s', 'c'] as const);
    const transcript = this.#upTo();
    const right = this.#verifyData(mine, transcript);
    switch (this.#deviations.finished) {
      case 'random':
        return this.#source.bytes(32);
      case 'zero':
        return Buffer.alloc(32);
      case 'short':
        return right.subarray(0, 12);
      case 'long':
        return Buffer.concat([right, u8(0)]);
      case 'empty':
        return u8();
      case 'other role':
        return this.#verifyData(other, transcript);
      case 'half the transcript':
        return this.#verifyData(mine, transcript.subarray(0, transcript.length >> 1));
      default:
        return right;
    }
  }
}

type Extension = [type: number, body: Buffer];

const extensions = (list: readonly Extension[]): Buffer =>
  vector(2, Buffer.concat(list.map(([type, body]) => Buffer.concat([u16(type), vector(2, body)]))));
