import { sign } from 'node:crypto';
import type { Identity } from '../../../src/webrtc/dtls/identity.ts';
import type { Random } from '../random.ts';
import { type KeyShare, keyShare, open, P256, prf, SessionKeys, seal, sha256, X25519 } from './keys.ts';
import {
  ALERT,
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  encodeMessage,
  encodeRecord,
  HANDSHAKE,
  type Message,
  type MessageName,
  MessageReader,
  splitRecords,
  TYPES,
  u8,
  u16,
  vector,
} from './wire.ts';

export const ECDSA_SUITE = 0xc02b;
export const RSA_SUITE = 0xc02f;
const ECDSA_SHA256 = 0x0403;
const RSA_SHA256 = 0x0401;
const NAMED_CURVE = 3;
const SRTP_GCM_128 = 7;
const SRTP_CM_SHA1 = 1;

/** What the attacker does otherwise than the standard says, in the messages themselves. */
export interface Deviations {
  /** Shown instead of the one whose fingerprint was signalled. */
  certificate?: Buffer;
  /** Signs instead of the certificate's key. */
  signWith?: Identity;
  emptyCertificate?: boolean;
  /** ServerHello's choice, or all that the ClientHello offers. */
  suite?: number;
  signatureScheme?: number;
  curve?: number;
  /** Instead of a point. */
  share?: Buffer;
  version?: number;
  noExtendedMasterSecret?: boolean;
  noSrtp?: boolean;
  srtpProfile?: number;
  compression?: number;
  finished?: 'random' | 'zero' | 'short' | 'empty' | 'other role' | 'half the transcript' | 'own master';
  /** Of another handshake of this attacker: see {@link Attacker.body}. */
  foreign?: MessageName;
}

export type ItemName = MessageName | 'ChangeCipherSpec' | 'ApplicationData' | 'CloseNotify' | 'ClearData';

/** One message of a flight, ready to be sent any number of times. */
export interface Sent {
  contentType: number;
  epoch: number;
  /** Of a handshake message. */
  message?: Message;
  body: Buffer;
}

/**
 * The other end of a DTLS 1.2 handshake that does whatever it is told to: it makes any message at any time, keeps the transcript as the
 * target must see it, and has all keys that its own secrets give it.
 */
export class Attacker {
  readonly identity: Identity;
  readonly random = Buffer.alloc(32);
  readonly #client: boolean;
  readonly #source: Random;
  readonly #deviations: Deviations;
  readonly #rsa: boolean;
  readonly #reader = new MessageReader();
  readonly #records = new Set<string>();
  readonly #held: Buffer[] = [];
  readonly #transcript: Buffer[] = [];
  #ownShare: KeyShare;
  #seq = 0;
  readonly #numbers = [0, 0];
  #cookie: Buffer = Buffer.alloc(0);
  #theirRandom: Buffer = Buffer.alloc(32);
  #theirShare: Buffer | undefined;
  #chosenProfile = SRTP_GCM_128;
  #sessionHashLength: number | undefined;
  #keys: SessionKeys | undefined;
  /** Names of what the target has sent, each message once. */
  readonly seen: string[] = [];
  /** The target's Finished was right. */
  finished = false;

  constructor(options: { client: boolean; identity: Identity; rsa: boolean; source: Random; deviations?: Deviations }) {
    this.#client = options.client;
    this.identity = options.identity;
    this.#rsa = options.rsa;
    this.#source = options.source;
    this.#deviations = options.deviations ?? {};
    this.#chosenProfile = this.#deviations.srtpProfile ?? SRTP_GCM_128;
    options.source.bytes(32).copy(this.random);
    this.#ownShare = keyShare(options.source.chance(0.2) ? P256 : X25519);
  }

  /** SRTP keys in the order of RFC 5764, as the target would have them. */
  get exported(): Buffer {
    return this.keys.exportSrtp(this.#chosenProfile === SRTP_CM_SHA1 ? 60 : 56);
  }

  get keys(): SessionKeys {
    this.#keys ??= this.#derive();
    return this.#keys;
  }

  /** Leaves a message number out. */
  skipNumber(): void {
    this.#seq++;
  }

  // ---- towards the target

  /** Makes a message; it enters the transcript now. @param seq its number, the next by default */
  make(name: ItemName, options: { seq?: number; epoch?: number; inTranscript?: boolean } = {}): Sent {
    const { inTranscript = true } = options;
    switch (name) {
      case 'ChangeCipherSpec':
        return { contentType: CHANGE_CIPHER_SPEC, epoch: options.epoch ?? 0, body: u8(1) };
      case 'ApplicationData':
        return { contentType: APPLICATION_DATA, epoch: options.epoch ?? 1, body: Buffer.from('early') };
      case 'ClearData':
        return { contentType: APPLICATION_DATA, epoch: 0, body: Buffer.from('clear') };
      case 'CloseNotify':
        return { contentType: ALERT, epoch: options.epoch ?? 1, body: u8(1, 0) };
      default: {
        const message = { type: TYPES[name], seq: options.seq ?? this.#seq++, body: this.body(name) };
        const encoded = encodeMessage(message);
        if (inTranscript) {
          this.#transcript.push(encoded);
          if (name === 'ClientKeyExchange') this.#sessionHashLength = this.#transcript.length;
        }
        const epoch = options.epoch ?? (name === 'Finished' ? 1 : 0);
        return { contentType: HANDSHAKE, epoch, message, body: encoded };
      }
    }
  }

  /**
   * A second key exchange under the number of the first, with another share of ours and the first one's signature: what somebody on the
   * path sends who saw the first. From now on ours is the second share; the transcript holds the first.
   */
  forge(first: Sent): Sent {
    const name = this.#client ? 'ClientKeyExchange' : 'ServerKeyExchange';
    const { message } = first;
    if (message?.type !== TYPES[name]) return first;
    this.#ownShare = keyShare(this.#ownShare.curve);
    const body = Buffer.from(message.body);
    this.#ownShare.public.copy(body, this.#client ? 1 : 4);
    return { ...first, message: { ...message, body }, body: encodeMessage({ ...message, body }) };
  }

  /** A record under the next number of its epoch; epoch 1 is sealed. */
  record({ contentType, epoch }: Sent, body: Buffer): Buffer {
    const number = this.#numbers[epoch]!++;
    if (epoch === 0) return encodeRecord(contentType, epoch, number, body);
    const side = this.#client ? this.keys.client : this.keys.server;
    return encodeRecord(contentType, epoch, number, seal(side, contentType, epoch, number, body));
  }

  body(name: MessageName): Buffer {
    if (this.#deviations.foreign === name) return this.#foreignBody(name);
    switch (name) {
      case 'HelloRequest':
      case 'ServerHelloDone':
        return Buffer.alloc(0);
      case 'HelloVerifyRequest':
        return Buffer.concat([u16(0xfeff), vector(1, Buffer.alloc(20, 7))]);
      case 'NewSessionTicket':
        return Buffer.concat([Buffer.alloc(4), vector(2, Buffer.alloc(40, 9))]);
      case 'ClientHello':
        return this.#clientHello();
      case 'ServerHello':
        return this.#serverHello();
      case 'Certificate': {
        const certificate = this.#deviations.certificate ?? this.identity.certificate;
        return vector(3, this.#deviations.emptyCertificate ? Buffer.alloc(0) : vector(3, certificate));
      }
      case 'ServerKeyExchange':
        return this.#serverKeyExchange();
      case 'CertificateRequest':
        return Buffer.concat([
          vector(1, u8(64, 1)),
          vector(2, u16(ECDSA_SHA256, RSA_SHA256)),
          vector(2, Buffer.alloc(0)),
        ]);
      case 'ClientKeyExchange':
        return vector(1, this.#deviations.share ?? this.#ownShare.public);
      case 'CertificateVerify':
        return this.#signed(Buffer.concat(this.#transcript));
      case 'Finished':
        return this.#finishedBody();
    }
  }

  // ---- from the target

  /** Takes a datagram of the target. A record number that was used before is a replay. */
  receive(datagram: Buffer): void {
    for (const record of splitRecords(datagram)) {
      const id = record.subarray(3, 11).toString('hex');
      if (this.#records.has(id)) continue;
      this.#records.add(id);
      if (record.readUInt16BE(3) === 0) this.#receiveClear(record);
      else this.#held.push(record);
    }
    for (const record of this.#held.splice(0)) this.#receiveSealed(record);
  }

  #receiveClear(record: Buffer): void {
    if (record[0] === CHANGE_CIPHER_SPEC) this.seen.push('ChangeCipherSpec');
    if (record[0] === ALERT) this.seen.push('Alert');
    if (record[0] !== HANDSHAKE) return;
    for (const message of this.#reader.read(record.subarray(13))) this.#take(message);
  }

  #receiveSealed(record: Buffer): void {
    // Before its key exchange has come there are no keys.
    if (this.#theirShare === undefined) {
      this.#held.push(record);
      return;
    }
    const side = this.#client ? this.keys.server : this.keys.client;
    const plain = open(side, record);
    if (!plain) return;
    if (record[0] !== HANDSHAKE) return;
    for (const message of this.#reader.read(plain)) this.#take(message);
  }

  #take(message: Message): void {
    const { type, body } = message;
    const name = (Object.keys(TYPES) as MessageName[]).find((key) => TYPES[key] === type) ?? String(type);
    this.seen.push(name);
    if (type === TYPES.Finished) {
      const label = this.#client ? 'server finished' : 'client finished';
      this.finished = body.equals(this.keys.verifyData(label, Buffer.concat(this.#transcript)));
    }
    if (type === TYPES.HelloVerifyRequest) {
      this.#cookie = body.subarray(3);
      return;
    }
    // Where there was a HelloVerifyRequest, what came before the second one counts for nothing.
    if (type === TYPES.ClientHello) this.#transcript.length = 0;
    this.#transcript.push(encodeMessage(message));
    if (type === TYPES.ClientHello || type === TYPES.ServerHello) this.#theirRandom = Buffer.from(body.subarray(2, 34));
    if (type === TYPES.ServerHello && body.includes(u16(14, 5, 2, SRTP_CM_SHA1))) this.#chosenProfile = SRTP_CM_SHA1;
    if (type === TYPES.ServerKeyExchange) {
      const curve = body.readUInt16BE(1);
      if (curve !== this.#ownShare.curve) this.#ownShare = keyShare(curve);
      this.#theirShare = body.subarray(4, 4 + body[3]!);
    }
    if (type === TYPES.ClientKeyExchange) {
      this.#theirShare = body.subarray(1);
      this.#sessionHashLength = this.#transcript.length;
    }
  }

  // ---- what messages are made of

  #clientHello(): Buffer {
    const { suite, version = 0xfefd, compression = 0 } = this.#deviations;
    const suites = suite === undefined ? [ECDSA_SUITE, RSA_SUITE] : [suite];
    return Buffer.concat([
      u16(version),
      this.random,
      u8(0),
      vector(1, this.#cookie),
      vector(2, u16(...suites)),
      vector(1, u8(compression)),
      this.#extensions([
        [10, vector(2, u16(this.#ownShare.curve))],
        [11, vector(1, u8(0))],
        [13, vector(2, u16(ECDSA_SHA256, RSA_SHA256))],
      ]),
    ]);
  }

  #serverHello(): Buffer {
    const { suite = this.#rsa ? RSA_SUITE : ECDSA_SUITE, version = 0xfefd, compression = 0 } = this.#deviations;
    return Buffer.concat([
      u16(version),
      this.random,
      u8(0),
      u16(suite),
      u8(compression),
      this.#extensions([[11, vector(1, u8(0))]]),
    ]);
  }

  #extensions(more: [type: number, body: Buffer][]): Buffer {
    const { noExtendedMasterSecret, noSrtp, srtpProfile = SRTP_GCM_128 } = this.#deviations;
    const all: [number, Buffer][] = [...more, [0xff01, u8(0)]];
    if (!noExtendedMasterSecret) all.push([23, Buffer.alloc(0)]);
    const profiles =
      this.#client && this.#deviations.srtpProfile === undefined ? [SRTP_GCM_128, SRTP_CM_SHA1] : [srtpProfile];
    if (!noSrtp) all.push([14, Buffer.concat([vector(2, u16(...profiles)), u8(0)])]);
    return vector(2, Buffer.concat(all.map(([type, body]) => Buffer.concat([u16(type), vector(2, body)]))));
  }

  #serverKeyExchange(): Buffer {
    const { curve = this.#ownShare.curve, share = this.#ownShare.public } = this.#deviations;
    const parameters = Buffer.concat([u8(NAMED_CURVE), u16(curve), vector(1, share)]);
    const [client, server] = this.#client ? [this.random, this.#theirRandom] : [this.#theirRandom, this.random];
    return Buffer.concat([parameters, this.#signed(Buffer.concat([client, server, parameters]))]);
  }

  #signed(data: Buffer): Buffer {
    const { signWith = this.identity, signatureScheme } = this.#deviations;
    const rsa = signWith.key.asymmetricKeyType === 'rsa';
    const scheme = signatureScheme ?? (rsa ? RSA_SHA256 : ECDSA_SHA256);
    const hash = { 2: 'sha1', 4: 'sha256', 5: 'sha384', 6: 'sha512' }[scheme >> 8] ?? 'md5';
    return Buffer.concat([u16(scheme), vector(2, sign(hash, data, signWith.key))]);
  }

  #finishedBody(): Buffer {
    const mine = this.#client ? 'client finished' : 'server finished';
    const other = this.#client ? 'server finished' : 'client finished';
    const transcript = Buffer.concat(this.#transcript);
    switch (this.#deviations.finished) {
      case 'random':
        return this.#source.bytes(12);
      case 'zero':
        return Buffer.alloc(12);
      case 'short':
        return this.keys.verifyData(mine, transcript).subarray(0, 4);
      case 'empty':
        return Buffer.alloc(0);
      case 'other role':
        return this.keys.verifyData(other, transcript);
      case 'half the transcript':
        return this.keys.verifyData(mine, transcript.subarray(0, transcript.length >> 1));
      case 'own master':
        return prf(this.#source.bytes(48), mine, sha256(transcript), 12);
      default:
        return this.keys.verifyData(mine, transcript);
    }
  }

  /** The body of another handshake of this attacker, with other randoms and another share, honest in itself. */
  #foreignBody(name: MessageName): Buffer {
    const { client, identity, rsa, source } = {
      client: this.#client,
      identity: this.identity,
      rsa: this.#rsa,
      source: this.#source,
    };
    const other = new Attacker({ client, identity, rsa, source });
    for (const message of client
      ? (['ClientHello', 'Certificate', 'ClientKeyExchange'] as const)
      : (['ServerHello', 'Certificate', 'ServerKeyExchange'] as const))
      other.make(message);
    return other.body(name);
  }

  #derive(): SessionKeys {
    const shared = this.#sharedSecret();
    const hash = sha256(Buffer.concat(this.#transcript.slice(0, this.#sessionHashLength)));
    const [client, server] = this.#client ? [this.random, this.#theirRandom] : [this.#theirRandom, this.random];
    const master = this.#deviations.noExtendedMasterSecret
      ? prf(shared, 'master secret', Buffer.concat([client, server]), 48)
      : prf(shared, 'extended master secret', hash, 48);
    return new SessionKeys(master, [client, server]);
  }

  /** Zeros where there was no exchange, or no sound one: what a careless target might come to. */
  #sharedSecret(): Buffer {
    if (!this.#theirShare || this.#deviations.share) return Buffer.alloc(32);
    try {
      return this.#ownShare.shared(this.#theirShare);
    } catch {
      return Buffer.alloc(32);
    }
  }
}
