import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, type SrtpSession } from './srtp.ts';

// The examples of RFC 7714 give session keys: here what is given is what is used. Other files of this process have the real module.
let srtp: typeof import('./srtp.ts');
beforeAll(async () => {
  vi.resetModules();
  vi.doMock('./srtp-keys.ts', async (original) => ({
    ...(await original<typeof import('./srtp-keys.ts')>()),
    SessionKeys: class {
      readonly cipher: Buffer;
      readonly salt: Buffer;
      readonly auth = Buffer.alloc(20);
      constructor(key: Buffer, salt: Buffer) {
        this.cipher = key;
        this.salt = salt;
      }
    },
  }));
  srtp = await import('./srtp.ts');
});
afterAll(() => {
  vi.doUnmock('./srtp-keys.ts');
  vi.resetModules();
});

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const SALT = hex('517569642070726f2071756f');
const RTP_HEADER = '8040f17b 8041f8d3 5501a0b2';
const RTP_PAYLOAD = '47616c6c696120657374206f6d6e697320646976697361 20696e207061727465732074726573';

function session(profile: number, bytes: number): SrtpSession {
  const key = Buffer.alloc(bytes).map((_, i) => i) as Buffer;
  return new srtp.SrtpSession({ profile, localKey: key, localSalt: SALT, remoteKey: key, remoteSalt: SALT });
}

describe('RFC 7714', () => {
  it.each([
    [
      'section 16.1.1: AEAD_AES_128_GCM',
      SRTP_AEAD_AES_128_GCM,
      16,
      'f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce',
    ],
    [
      'section 16.2.1: AEAD_AES_256_GCM',
      SRTP_AEAD_AES_256_GCM,
      32,
      '32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13',
    ],
  ])('%s', (_name, profile, bytes, sealed) => {
    const packet = hex(RTP_HEADER + RTP_PAYLOAD);
    const expected = hex(RTP_HEADER + sealed);
    expect(session(profile, bytes).protectRtp(packet, 12).toString('hex')).toBe(expected.toString('hex'));
    expect(session(profile, bytes).unprotectRtp(expected)?.payload.toString()).toBe(
      'Gallia est omnis divisa in partes tres',
    );
  });
});
