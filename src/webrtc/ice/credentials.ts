import { randomBytes } from 'node:crypto';

/** The credentials of one ICE session; a restart makes new ones. */
export interface Credentials {
  /** Of the session: how often ICE was restarted before it. */
  readonly generation: number;
  readonly localUfrag: string;
  readonly localPwd: string;
  readonly remoteUfrag: string;
  readonly remotePwd: string;
}

/** User fragments and passwords of an agent: of this session, and its own of the one before, for checks that are under way. */
export class SessionCredentials {
  localUfrag = '';
  localPwd = '';
  /** How often ICE was restarted. */
  generation = -1;
  /** Both sides'; undefined until the peer's are known. */
  current: Credentials | undefined;
  /** Ours of the session before. */
  #before: { ufrag: string; pwd: string } | undefined;
  /** The peer's present ones with ours of before. */
  #mixed: Credentials | undefined;

  constructor() {
    this.renew();
  }

  /** Begins a session, with secrets of 48 and 192 bits (RFC 8445 section 5.3 asks for 24 and 128). */
  renew(): void {
    this.#before = this.generation < 0 ? undefined : { ufrag: this.localUfrag, pwd: this.localPwd };
    this.generation++;
    this.localUfrag = randomBytes(6).toString('base64');
    this.localPwd = randomBytes(24).toString('base64');
    this.current = undefined;
    this.#mixed = undefined;
  }

  setRemote(remoteUfrag: string, remotePwd: string): void {
    const { generation, localUfrag, localPwd } = this;
    this.current = { generation, localUfrag, localPwd, remoteUfrag, remotePwd };
  }

  /** That a check has to have which names us so. */
  passwordOf(ufrag: string): string | undefined {
    if (ufrag === this.localUfrag) return this.localPwd;
    return ufrag === this.#before?.ufrag ? this.#before.pwd : undefined;
  }

  /**
   * A peer that restarts ICE may check from its new sockets before our answer has reached it: in its own new name and with our old one. libwebrtc
   * never takes a new name for such a pair, and answers no check of ours that has one.
   */
  halfRestarted(ufrag: string, theirs: string | undefined): Credentials | undefined {
    const [current, before] = [this.current, this.#before];
    if (!current || theirs !== current.remoteUfrag || before?.ufrag !== ufrag) return undefined;
    this.#mixed ??= { ...current, localUfrag: before.ufrag, localPwd: before.pwd };
    return this.#mixed;
  }
}
