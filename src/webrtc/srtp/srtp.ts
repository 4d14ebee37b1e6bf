import { type CipherGCMTypes, createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { rtpHeaderLength } from '../rtp/packet.ts';
import { SessionKeys, StreamIndex } from './srtp-keys.ts';

/** DTLS-SRTP protection profile numbers (RFC 5764, RFC 7714). */
export const SRTP_AES128_CM_SHA1_80 = 0x0001;
export const SRTP_AEAD_AES_128_GCM = 0x0007;
export const SRTP_AEAD_AES_256_GCM = 0x0008;

/** Of the master key and salt that a profile takes. */
export function srtpLengths(profile: number): { keyBytes: number; saltBytes: number } {
  return {
    keyBytes: profile === SRTP_AEAD_AES_256_GCM ? 32 : 16,
    saltBytes: profile === SRTP_AES128_CM_SHA1_80 ? 14 : 12,
  };
}

export interface SrtpKeys {
  profile: number;
  localKey: Buffer;
  localSalt: Buffer;
  remoteKey: Buffer;
  remoteSalt: Buffer;
}

const GCM_TAG_BYTES = 16;
const SHA1_TAG_BYTES = 10;
const INDEX_BYTES = 4;
const ENCRYPTED_FLAG = 0x80000000;
/**
 * A peer has one media and one repair stream, and new ones after a restart. No stream is ever forgotten, since its packets could be
 * played again then; one too many is refused.
 */
const MAX_STREAMS = 512;

/** Bytes that protection adds to an RTP packet at most. */
export const SRTP_OVERHEAD = GCM_TAG_BYTES;

export interface UnprotectedRtp {
  /** The packet as received, for its clear header. */
  header: Buffer;
  payload: Buffer;
}

/**
 * SRTP and SRTCP for one DTLS association: protects what we send, checks and opens what we receive.
 * `unprotect*` return undefined for forged, replayed or malformed packets; nothing throws on bad input.
 */
export class SrtpSession {
  /** Undefined for AES_CM_128_HMAC_SHA1_80. */
  readonly #gcm: 'aes-128-gcm' | 'aes-256-gcm' | undefined;
  readonly #out: SessionKeys;
  readonly #outControl: SessionKeys;
  readonly #in: SessionKeys;
  readonly #inControl: SessionKeys;
  readonly #streams = new Map<number, StreamIndex>();
  readonly #controls = new Map<number, StreamIndex>();
  /** Rollover counters of our own streams. */
  readonly #sent = new Map<number, { highest: number }>();
  #controlIndex = 0;
  readonly #iv = Buffer.alloc(16);
  readonly #rocBytes = Buffer.alloc(4);

  constructor(keys: SrtpKeys) {
    const cipher = { [SRTP_AEAD_AES_128_GCM]: 'aes-128-gcm', [SRTP_AEAD_AES_256_GCM]: 'aes-256-gcm' } as const;
    this.#gcm = cipher[keys.profile as keyof typeof cipher];
    this.#out = new SessionKeys(keys.localKey, keys.localSalt, 0);
    this.#outControl = new SessionKeys(keys.localKey, keys.localSalt, 3);
    this.#in = new SessionKeys(keys.remoteKey, keys.remoteSalt, 0);
    this.#inControl = new SessionKeys(keys.remoteKey, keys.remoteSalt, 3);
  }

  /** @param packet a whole RTP packet; its first `headerLength` bytes stay clear. */
  protectRtp(packet: Buffer, headerLength: number): Buffer {
    const ssrc = packet.readUInt32BE(8);
    const sequenceNumber = packet.readUInt16BE(2);
    const index = this.#sendIndex(ssrc, sequenceNumber);
    const roc = Math.floor(index / 0x10000);
    const payload = packet.subarray(headerLength);
    if (this.#gcm) {
      const cipher = createCipheriv(
        this.#gcm,
        this.#out.cipher,
        this.#gcmIv(this.#out.salt, ssrc, roc, sequenceNumber),
      );
      cipher.setAAD(packet.subarray(0, headerLength));
      const body = cipher.update(payload);
      cipher.final();
      const protectedPacket = Buffer.allocUnsafe(packet.length + GCM_TAG_BYTES);
      packet.copy(protectedPacket, 0, 0, headerLength);
      body.copy(protectedPacket, headerLength);
      cipher.getAuthTag().copy(protectedPacket, packet.length);
      return protectedPacket;
    }
    const body = createCipheriv(
      'aes-128-ctr',
      this.#out.cipher,
      this.#ctrIv(this.#out.salt, ssrc, roc, sequenceNumber),
    ).update(payload);
    const protectedPacket = Buffer.allocUnsafe(packet.length + SHA1_TAG_BYTES);
    packet.copy(protectedPacket, 0, 0, headerLength);
    body.copy(protectedPacket, headerLength);
    this.#rtpTag(this.#out, protectedPacket.subarray(0, packet.length), roc).copy(
      protectedPacket,
      packet.length,
      0,
      SHA1_TAG_BYTES,
    );
    return protectedPacket;
  }

  unprotectRtp(packet: Buffer): UnprotectedRtp | undefined {
    const headerLength = rtpHeaderLength(packet);
    const tagBytes = this.#gcm ? GCM_TAG_BYTES : SHA1_TAG_BYTES;
    if (headerLength === undefined || packet.length < headerLength + tagBytes) return undefined;
    const ssrc = packet.readUInt32BE(8);
    const sequenceNumber = packet.readUInt16BE(2);
    const stream = this.#streamOf(this.#streams, ssrc);
    for (const index of stream?.guesses(sequenceNumber) ?? []) {
      const payload = this.#openRtp(packet, headerLength, packet.length - tagBytes, index);
      if (!payload) continue;
      this.#noteAuthentic(this.#streams, ssrc, stream!, index);
      return { header: packet.subarray(0, headerLength), payload };
    }
    return undefined;
  }

  /** What is in a packet, if its index is this one. */
  #openRtp(packet: Buffer, headerLength: number, tagAt: number, index: number): Buffer | undefined {
    const ssrc = packet.readUInt32BE(8);
    const roc = Math.floor(index / 0x10000);
    const body = packet.subarray(headerLength, tagAt);
    const head = packet.subarray(0, headerLength);
    if (this.#gcm) {
      const iv = this.#gcmIv(this.#in.salt, ssrc, roc, index & 0xffff);
      return this.#openGcm(this.#gcm, this.#in.cipher, iv, head, body, packet.subarray(tagAt));
    }
    const expected = this.#rtpTag(this.#in, packet.subarray(0, tagAt), roc);
    if (!timingSafeEqual(expected.subarray(0, SHA1_TAG_BYTES), packet.subarray(tagAt))) return undefined;
    const iv = this.#ctrIv(this.#in.salt, ssrc, roc, index & 0xffff);
    return createDecipheriv('aes-128-ctr', this.#in.cipher, iv).update(body);
  }

  /** @param packet a compound RTCP packet. */
  protectRtcp(packet: Buffer): Buffer {
    const ssrc = packet.readUInt32BE(4);
    const index = this.#controlIndex;
    this.#controlIndex = (index + 1) & 0x7fffffff;
    const trailer = Buffer.allocUnsafe(INDEX_BYTES);
    trailer.writeUInt32BE((ENCRYPTED_FLAG | index) >>> 0);
    const head = packet.subarray(0, 8);
    if (this.#gcm) {
      const cipher = createCipheriv(
        this.#gcm,
        this.#outControl.cipher,
        this.#gcmIv(this.#outControl.salt, ssrc, index >>> 16, index & 0xffff),
      );
      cipher.setAAD(Buffer.concat([head, trailer]));
      const body = cipher.update(packet.subarray(8));
      cipher.final();
      return Buffer.concat([head, body, cipher.getAuthTag(), trailer]);
    }
    const iv = this.#ctrIv(this.#outControl.salt, ssrc, index >>> 16, index & 0xffff);
    const body = createCipheriv('aes-128-ctr', this.#outControl.cipher, iv).update(packet.subarray(8));
    const tag = createHmac('sha1', this.#outControl.auth).update(head).update(body).update(trailer).digest();
    return Buffer.concat([head, body, trailer, tag.subarray(0, SHA1_TAG_BYTES)]);
  }

  unprotectRtcp(packet: Buffer): Buffer | undefined {
    const tagBytes = this.#gcm ? GCM_TAG_BYTES : SHA1_TAG_BYTES;
    if (packet.length < 8 + tagBytes + INDEX_BYTES) return undefined;
    const ssrc = packet.readUInt32BE(4);
    const trailerAt = this.#gcm ? packet.length - INDEX_BYTES : packet.length - tagBytes - INDEX_BYTES;
    const word = packet.readUInt32BE(trailerAt);
    // Unencrypted SRTCP is legal but no WebRTC sender uses it.
    if (word < ENCRYPTED_FLAG) return undefined;
    const index = word & 0x7fffffff;
    const stream = this.#streamOf(this.#controls, ssrc);
    if (!stream?.isFresh(index)) return undefined;
    const head = packet.subarray(0, 8);
    const trailer = packet.subarray(trailerAt, trailerAt + INDEX_BYTES);
    let plain: Buffer;
    if (this.#gcm) {
      const tagAt = trailerAt - tagBytes;
      const iv = this.#gcmIv(this.#inControl.salt, ssrc, index >>> 16, index & 0xffff);
      const opened = this.#openGcm(
        this.#gcm,
        this.#inControl.cipher,
        iv,
        Buffer.concat([head, trailer]),
        packet.subarray(8, tagAt),
        packet.subarray(tagAt, trailerAt),
      );
      if (!opened) return undefined;
      plain = opened;
    } else {
      const tag = createHmac('sha1', this.#inControl.auth)
        .update(packet.subarray(0, trailerAt + INDEX_BYTES))
        .digest();
      if (!timingSafeEqual(tag.subarray(0, SHA1_TAG_BYTES), packet.subarray(packet.length - SHA1_TAG_BYTES)))
        return undefined;
      const iv = this.#ctrIv(this.#inControl.salt, ssrc, index >>> 16, index & 0xffff);
      plain = createDecipheriv('aes-128-ctr', this.#inControl.cipher, iv).update(packet.subarray(8, trailerAt));
    }
    this.#noteAuthentic(this.#controls, ssrc, stream, index);
    return Buffer.concat([head, plain]);
  }

  #openGcm(suite: CipherGCMTypes, key: Buffer, iv: Buffer, aad: Buffer, body: Buffer, tag: Buffer): Buffer | undefined {
    const decipher = createDecipheriv(suite, key, iv);
    decipher.setAAD(aad);
    decipher.setAuthTag(tag);
    const plain = decipher.update(body);
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plain;
  }

  #rtpTag(keys: SessionKeys, authenticated: Buffer, roc: number): Buffer {
    this.#rocBytes.writeUInt32BE(roc);
    return createHmac('sha1', keys.auth).update(authenticated).update(this.#rocBytes).digest();
  }

  /** RFC 7714 sections 8.1 and 9.1: RTCP's 31-bit index takes the place of ROC and sequence number. */
  #gcmIv(salt: Buffer, ssrc: number, high: number, low: number): Buffer {
    const iv = this.#iv.subarray(0, 12);
    salt.copy(iv, 0, 0, 12);
    this.#xorIndex(iv, 2, ssrc, high, low);
    return iv;
  }

  /** RFC 3711 section 4.1.1. */
  #ctrIv(salt: Buffer, ssrc: number, high: number, low: number): Buffer {
    const iv = this.#iv.fill(0);
    salt.copy(iv, 0, 0, 14);
    this.#xorIndex(iv, 4, ssrc, high, low);
    return iv;
  }

  #xorIndex(iv: Buffer, at: number, ssrc: number, high: number, low: number): void {
    iv.writeUInt32BE((iv.readUInt32BE(at) ^ ssrc) >>> 0, at);
    iv.writeUInt32BE((iv.readUInt32BE(at + 4) ^ high) >>> 0, at + 4);
    iv.writeUInt16BE(iv.readUInt16BE(at + 8) ^ low, at + 8);
  }

  #sendIndex(ssrc: number, sequenceNumber: number): number {
    const stream = this.#sent.get(ssrc);
    if (!stream) {
      this.#sent.set(ssrc, { highest: sequenceNumber });
      return sequenceNumber;
    }
    const index = stream.highest + (((sequenceNumber - stream.highest) << 16) >> 16);
    if (index > stream.highest) stream.highest = index;
    return index;
  }

  /** Where a stream stands, a new one at its beginning; undefined for one too many. */
  #streamOf(streams: Map<number, StreamIndex>, ssrc: number): StreamIndex | undefined {
    return streams.get(ssrc) ?? (streams.size < MAX_STREAMS ? new StreamIndex() : undefined);
  }

  /** A stream is remembered once a packet of it was authentic: forged ones take no place. */
  #noteAuthentic(streams: Map<number, StreamIndex>, ssrc: number, stream: StreamIndex, index: number): void {
    streams.set(ssrc, stream);
    stream.accept(index);
  }
}
