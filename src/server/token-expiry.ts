import { DepthcastError } from '../errors.ts';
import type { Grant } from './authorizer.ts';

export const TOKEN_EXPIRED = 'the token has expired';
/** The wall clock may jump: it is looked at this often at least. */
const CHECK_MS = 30_000;

/** The grant that lasts longer. */
export function longer(a: Grant, b: Grant): Grant {
  if (a.expiresAt === undefined || b.expiresAt === undefined) return { expiresAt: undefined };
  return a.expiresAt >= b.expiresAt ? a : b;
}

/** What a token is shown for: a session, or a source that a request added. */
export interface Expiring {
  close(reason: string, error: DepthcastError): unknown;
  once(event: 'closed', listener: () => void): unknown;
}

/** Ends a session when the last of the tokens expires that were shown for it; at once, if it has. */
export class TokenExpiry {
  readonly #session: Expiring;
  #grant: Grant;
  #timer: NodeJS.Timeout | undefined;
  #passed = false;

  constructor(session: Expiring, grant: Grant) {
    this.#session = session;
    this.#grant = grant;
    session.once('closed', () => clearTimeout(this.#timer));
    this.#check();
  }

  /** The session is ending for it: in a media worker that takes a moment. */
  get passed(): boolean {
    return this.#passed;
  }

  /** Another token with the right to this session was shown; one that expires sooner changes nothing. */
  renew(grant: Grant): void {
    this.#grant = longer(this.#grant, grant);
  }

  #check(): void {
    const { expiresAt } = this.#grant;
    if (expiresAt === undefined) return;
    const left = expiresAt - Date.now();
    if (left > 0) {
      this.#timer = setTimeout(() => this.#check(), Math.min(left, CHECK_MS));
      return;
    }
    this.#passed = true;
    const error = new DepthcastError('UNAUTHORIZED', { detail: TOKEN_EXPIRED });
    void this.#session.close('token expired', error);
  }
}
