import { randomBytes } from 'node:crypto';
import type { StunMessage } from './stun.ts';

/** Whether an agent controls, and what becomes of a conflict: its role changes once in a session. */
export class Role {
  controlling = false;
  readonly tieBreaker = randomBytes(8).readBigUInt64BE();
  readonly #switched: () => void;
  #hasSwitched = false;

  /** @param switched called when it has changed because of a conflict */
  constructor(switched: () => void) {
    this.#switched = switched;
  }

  /** A session begins, in the role that there was. */
  renew(): void {
    this.#hasSwitched = false;
  }

  /**
   * RFC 8445 section 7.3.1.1, of the role that a check of the peer's names. A peer that goes on in ours after we have changed ours once
   * is told so.
   * @returns whether it has to be told of a conflict
   */
  conflicts(theirs: StunMessage['role']): boolean {
    if (theirs === undefined || theirs.controlling !== this.controlling) return false;
    const keeps = this.tieBreaker >= theirs.tieBreaker === this.controlling;
    if (keeps || this.#hasSwitched) return true;
    this.#switch();
    return false;
  }

  /**
   * RFC 8445 section 7.2.5.1: the peer tells of a conflict, about a check that was sent as `controlling`.
   * @returns whether it is worth another check: our role is another now
   */
  resolves(controlling: boolean): boolean {
    if (controlling !== this.controlling) return true;
    if (this.#hasSwitched) return false;
    this.#switch();
    return true;
  }

  #switch(): void {
    this.#hasSwitched = true;
    this.controlling = !this.controlling;
    this.#switched();
  }
}
