import { randomBytes, randomInt, randomUUID, X509Certificate } from 'node:crypto';
import { localCertificate } from '../dtls/dtls-transport.ts';
import type { IceTransport } from '../ice/ice-transport.ts';
import type { buildAnswer } from '../sdp/answer.ts';

type LocalDescription = Parameters<typeof buildAnswer>[2];

/** What names us in the answers to one peer, the same in each of them. */
export class LocalIdentity {
  readonly ssrc = randomInt(1, 0xffffffff);
  readonly rtxSsrc = randomInt(1, 0xffffffff);
  readonly cname = randomBytes(12).toString('base64url');
  readonly #streamId = randomUUID();
  readonly #trackId = randomUUID();
  readonly #sessionId = String(randomInt(2 ** 47));
  #sessionVersion = 0;

  /** Our side of the next answer. */
  async describe(ice: IceTransport, maxMessageSize: number): Promise<LocalDescription> {
    const { certPem } = await localCertificate();
    return {
      sessionId: this.#sessionId,
      sessionVersion: this.#sessionVersion++,
      iceUfrag: ice.localUfrag,
      icePwd: ice.localPwd,
      candidates: ice.localCandidates(),
      fingerprint: new X509Certificate(certPem).fingerprint256,
      maxMessageSize,
      outgoing: {
        ssrc: this.ssrc,
        rtxSsrc: this.rtxSsrc,
        cname: this.cname,
        streamId: this.#streamId,
        trackId: this.#trackId,
      },
    };
  }
}
