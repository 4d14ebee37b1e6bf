import { describe, expect, it, vi } from 'vitest';
import { SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SrtpSession } from './srtp.ts';

// RFC 7714's examples give session keys, which a session derives from master keys: here both are the same. The
// derivation has its own test.
vi.mock('./srtp-keys.ts', async (original) => ({
  ...(await original<typeof import('./srtp-keys.ts')>()),
  SessionKeys: class {
    readonly cipher: Buffer;
    readonly salt: Buffer;
    constructor(key: Buffer, salt: Buffer) {
      this.cipher = key;
      this.salt = salt;
    }
  },
}));

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

const SALT = hex('51756964 2070726f 2071756f');
const KEY_128 = hex('00010203 04050607 08090a0b 0c0d0e0f');
const KEY_256 = Buffer.concat([KEY_128, hex('10111213 14151617 18191a1b 1c1d1e1f')]);

/** Section 16: "Gallia est omnis divisa in partes tres", sequence number f17b, rollover counter 0. */
const RTP = hex(`
  8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573`);
/** Section 17: a sender report, index 5d4. */
const RTCP = hex(`
  81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef`);
const RTCP_INDEX = 0x5d4;

const EXAMPLES = [
  {
    name: 'AEAD_AES_128_GCM (sections 16.1 and 17.1)',
    profile: SRTP_AEAD_AES_128_GCM,
    key: KEY_128,
    rtp: hex(`
      8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833
      899d7f27 beb16a91 52cf765e e4390cce`),
    rtcp: hex(`
      81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded
      0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`),
  },
  {
    name: 'AEAD_AES_256_GCM (sections 16.2 and 17.3)',
    profile: SRTP_AEAD_AES_256_GCM,
    key: KEY_256,
    rtp: hex(`
      8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b
      7aa3db36 dfffd6b0 f9bb7878 d7a76c13`),
    rtcp: hex(`
      81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047
      6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4`),
  },
];

describe.each(EXAMPLES)('RFC 7714 $name', ({ profile, key, rtp, rtcp }) => {
  const session = () => new SrtpSession({ profile, localKey: key, localSalt: SALT, remoteKey: key, remoteSalt: SALT });

  it('protects and opens the RTP packet', () => {
    expect(session().protectRtp(RTP, 12)).toEqual(rtp);
    expect(session().unprotectRtp(rtp)?.payload).toEqual(RTP.subarray(12));
  });

  it('protects and opens the RTCP packet', () => {
    const ours = session();
    for (let index = 0; index < RTCP_INDEX; index++) ours.protectRtcp(RTCP);
    expect(ours.protectRtcp(RTCP)).toEqual(rtcp);
    expect(session().unprotectRtcp(rtcp)).toEqual(RTCP);
  });
});
