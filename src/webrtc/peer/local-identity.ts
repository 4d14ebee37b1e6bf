import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { localIdentity } from '../dtls/identity.ts';
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
    const { fingerprint } = await localIdentity();
    return {
      sessionId: this.#sessionId,
      sessionVersion: this.#sessionVersion++,
      iceUfrag: ice.localUfrag,
      icePwd: ice.localPwd,
      candidates: ice.localCandidates(),
      fingerprint,
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
