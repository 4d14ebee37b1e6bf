import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RtpHeader, SrtcpSession, SrtpSession as WeriftSession } from 'werift';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../rtp/packet.ts';
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, type SrtpKeys, SrtpSession } from './srtp.ts';
import { SessionKeys } from './srtp-keys.ts';

const PROFILES = [
  ['AES_CM_128_HMAC_SHA1_80', SRTP_AES128_CM_SHA1_80, 14],
  ['AEAD_AES_128_GCM', SRTP_AEAD_AES_128_GCM, 12],
] as const;

function keys(profile: number, saltBytes: number): SrtpKeys {
  return {
    profile,
    localKey: randomBytes(16),
    localSalt: randomBytes(saltBytes),
    remoteKey: randomBytes(16),
    remoteSalt: randomBytes(saltBytes),
  };
}

function mirror(k: SrtpKeys): SrtpKeys {
  return {
    profile: k.profile,
    localKey: k.remoteKey,
    localSalt: k.remoteSalt,
    remoteKey: k.localKey,
    remoteSalt: k.localSalt,
  };
}

function rtp(sequenceNumber: number, payload: Uint8Array = randomBytes(100), ssrc = 0x1234abcd): Buffer {
  const packet = Buffer.concat([Buffer.alloc(RTP_HEADER_BYTES), payload]);
  writeRtpHeader(packet, {
    payloadType: 96,
    marker: false,
    sequenceNumber: sequenceNumber & 0xffff,
    timestamp: 1000,
    ssrc,
    extended: false,
  });
  return packet;
}

/** A receiver report of our own SSRC and nothing else. */
const RTCP = Buffer.from('80c900011234abcd', 'hex');

describe('known answers', () => {
  it('derives session keys as RFC 3711 appendix B.3 does', () => {
    const keys = new SessionKeys(
      Buffer.from('E1F97A0D3E018BE0D64FA32C06DE4139', 'hex'),
      Buffer.from('0EC675AD498AFEEBB6960B3AABE6', 'hex'),
      0,
    );
    expect(keys.cipher.toString('hex')).toBe('c61e7a93744f39ee10734afe3ff7a087');
    expect(keys.salt.toString('hex')).toBe('30cbbc08863d8c85d49db34a9ae1');
    expect(keys.auth.toString('hex')).toBe('cebe321f6ff7716b6fd4ab49af256a156d38baa4');
  });

  it('encrypts with the key stream of those keys', () => {
    const master = Buffer.from('E1F97A0D3E018BE0D64FA32C06DE4139', 'hex');
    const salt = Buffer.from('0EC675AD498AFEEBB6960B3AABE6', 'hex');
    const session = new SrtpSession({
      profile: SRTP_AES128_CM_SHA1_80,
      localKey: master,
      localSalt: salt,
      remoteKey: master,
      remoteSalt: salt,
    });
    // Cipher key C61E7A93744F39EE10734AFE3FF7A087 and salt 30CBBC08863D8C85D49DB34A9AE1 give this key stream for
    // SSRC 0 and index 0, computed with OpenSSL from the appendix's own values.
    const packet = rtp(0, Buffer.alloc(16), 0);
    const { createCipheriv } = process.getBuiltinModule('node:crypto');
    const iv = Buffer.concat([Buffer.from('30CBBC08863D8C85D49DB34A9AE1', 'hex'), Buffer.alloc(2)]);
    const stream = createCipheriv('aes-128-ctr', Buffer.from('C61E7A93744F39EE10734AFE3FF7A087', 'hex'), iv).update(
      Buffer.alloc(16),
    );
    expect(session.protectRtp(packet, RTP_HEADER_BYTES).subarray(12, 28)).toEqual(stream);
  });
});

describe.each(PROFILES)('SRTP with %s', (_name, profile, saltBytes) => {
  const pair = () => {
    const k = keys(profile, saltBytes);
    return { ours: new SrtpSession(k), theirs: new SrtpSession(mirror(k)), k };
  };
  const werift = (k: SrtpKeys) => ({
    keys: {
      localMasterKey: k.remoteKey,
      localMasterSalt: k.remoteSalt,
      remoteMasterKey: k.localKey,
      remoteMasterSalt: k.localSalt,
    },
    profile: k.profile as 1 | 7,
  });

  it('opens what it protects, in both directions', () => {
    const { ours, theirs } = pair();
    const payload = randomBytes(1100);
    expect(theirs.unprotectRtp(ours.protectRtp(rtp(7, payload), 12))?.payload).toEqual(payload);
    expect(ours.unprotectRtp(theirs.protectRtp(rtp(9, payload), 12))?.payload).toEqual(payload);
    expect(theirs.unprotectRtcp(ours.protectRtcp(RTCP))).toEqual(RTCP);
  });

  it('agrees with an independent implementation', () => {
    const { ours, k } = pair();
    const other = new WeriftSession(werift(k));
    const otherControl = new SrtcpSession(werift(k));
    const payload = randomBytes(333);
    for (const sequenceNumber of [65_530, 65_535, 0, 5]) {
      expect(other.decrypt(ours.protectRtp(rtp(sequenceNumber, payload), 12)).subarray(12)).toEqual(payload);
      const header = new RtpHeader({ sequenceNumber, timestamp: 1000, ssrc: 77, payloadType: 96, marker: true });
      expect(ours.unprotectRtp(other.encrypt(payload, header))?.payload).toEqual(payload);
    }
    for (let i = 0; i < 3; i++) {
      expect(otherControl.decrypt(ours.protectRtcp(RTCP))).toEqual(RTCP);
      expect(ours.unprotectRtcp(otherControl.encrypt(RTCP))).toEqual(RTCP);
    }
  });

  it('rejects anything that was touched', () => {
    const { ours, theirs } = pair();
    const good = ours.protectRtp(rtp(1), 12);
    const control = ours.protectRtcp(RTCP);
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at]! ^= 0x04;
      expect(theirs.unprotectRtp(bad), `byte ${at}`).toBeUndefined();
    }
    for (let at = 0; at < control.length; at++) {
      const bad = Buffer.from(control);
      bad[at]! ^= 0x04;
      expect(theirs.unprotectRtcp(bad), `byte ${at}`).toBeUndefined();
    }
    for (let length = 0; length < good.length; length++)
      expect(theirs.unprotectRtp(good.subarray(0, length))).toBeUndefined();
    for (let length = 0; length < control.length; length++)
      expect(theirs.unprotectRtcp(control.subarray(0, length))).toBeUndefined();
    expect(theirs.unprotectRtp(good)).toBeDefined();
    expect(theirs.unprotectRtcp(control)).toBeDefined();
  });

  it('takes a packet once', () => {
    const { ours, theirs } = pair();
    const packets = [10, 11, 12, 13].map((n) => ours.protectRtp(rtp(n), 12));
    for (const n of [0, 3, 1, 2]) expect(theirs.unprotectRtp(packets[n]!)).toBeDefined();
    for (const packet of packets) expect(theirs.unprotectRtp(packet)).toBeUndefined();
    const control = ours.protectRtcp(RTCP);
    expect(theirs.unprotectRtcp(control)).toBeDefined();
    expect(theirs.unprotectRtcp(control)).toBeUndefined();
  });

  it('follows the rollover through loss and reordering', () => {
    const { ours, theirs } = pair();
    const sent = new Map<number, Buffer>();
    for (let n = 64_000; n < 67_000; n++) sent.set(n, ours.protectRtp(rtp(n), 12));
    // 1000 in a row are lost just where the number wraps, and the first ones after it come in the wrong order.
    for (let n = 64_000; n < 65_000; n++) expect(theirs.unprotectRtp(sent.get(n)!)).toBeDefined();
    for (const n of [66_001, 66_000, 65_537, 65_534, 66_002])
      expect(theirs.unprotectRtp(sent.get(n)!), `${n}`).toBeDefined();
  });

  it.each([
    [32_768, 0],
    [65_000, 1000],
    [65_535, 1],
    [40_000, 30_000],
    [65_530, 6],
  ])('joins a stream that began at %i, of which the first %i packets were lost', (first, lost) => {
    const { ours, theirs } = pair();
    const packets = Array.from({ length: lost + 200 }, (_, n) => ours.protectRtp(rtp(first + n), 12));
    for (const packet of packets.slice(lost)) expect(theirs.unprotectRtp(packet)).toBeDefined();
    for (const packet of packets.slice(lost)) expect(theirs.unprotectRtp(packet)).toBeUndefined();
  });

  it('takes those that were overtaken at the first rollover', () => {
    const { ours, theirs } = pair();
    const sent = Array.from({ length: 12 }, (_, n) => ours.protectRtp(rtp(65_530 + n), 12));
    for (const n of [8, 3, 5, 7, 0, 11, 6, 1]) expect(theirs.unprotectRtp(sent[n]!), `${n}`).toBeDefined();
  });

  it('goes through many rollovers, and takes nothing again of any', () => {
    const { ours, theirs } = pair();
    const kept: Buffer[] = [];
    for (let n = 40_000; n < 40_000 + 5 * 65_536; n += 331) {
      const packet = ours.protectRtp(rtp(n), 12);
      if (n % 7 === 0) kept.push(packet);
      expect(theirs.unprotectRtp(packet), `${n}`).toBeDefined();
    }
    for (const packet of kept) expect(theirs.unprotectRtp(packet)).toBeUndefined();
  });

  it('forgets no stream whose packets could be played again, however many there are', () => {
    const { ours, theirs } = pair();
    const count = 2000;
    const first = Array.from({ length: count }, (_, n) => ours.protectRtp(rtp(7, randomBytes(9), n + 1), 12));
    const taken = first.filter((packet) => theirs.unprotectRtp(packet) !== undefined);
    expect(taken.length).toBeGreaterThanOrEqual(100);
    expect(taken.length).toBeLessThan(count);
    for (const packet of first) if (taken.includes(packet)) expect(theirs.unprotectRtp(packet)).toBeUndefined();
    // The first of them goes on.
    expect(theirs.unprotectRtp(ours.protectRtp(rtp(8, randomBytes(9), 1), 12))).toBeDefined();
    const reports = Array.from({ length: count }, (_, n) => {
      const report = Buffer.from(RTCP);
      report.writeUInt32BE(n + 1, 4);
      return ours.protectRtcp(report);
    });
    const opened = reports.filter((report) => theirs.unprotectRtcp(report) !== undefined);
    expect(opened.length).toBeGreaterThanOrEqual(100);
    for (const report of opened) expect(theirs.unprotectRtcp(report)).toBeUndefined();
  });

  it('keeps no place for streams that are forged', () => {
    const { ours, theirs } = pair();
    for (let ssrc = 1; ssrc <= 3000; ssrc++) {
      const forged = Buffer.concat([rtp(7, randomBytes(60), ssrc)]);
      expect(theirs.unprotectRtp(forged)).toBeUndefined();
    }
    expect(theirs.unprotectRtp(ours.protectRtp(rtp(7), 12))).toBeDefined();
  });

  it('keeps streams apart and bounded', () => {
    const { ours, theirs } = pair();
    for (let ssrc = 1; ssrc <= 100; ssrc++) {
      expect(theirs.unprotectRtp(ours.protectRtp(rtp(60_000, randomBytes(9), ssrc), 12))).toBeDefined();
      expect(theirs.unprotectRtp(ours.protectRtp(rtp(1, randomBytes(9), ssrc), 12))).toBeDefined();
    }
  });
});
