import { DepthcastError } from '../errors.ts';
import type { Session } from '../session/session.ts';
import type { Grant } from './tokens.ts';

/** The wall clock may jump: it is looked at this often at least. */
const CHECK_MS = 30_000;

/** Ends a session when the token expires that opened it. */
export function endWithToken(session: Session, { expiresAt }: Grant): void {
  if (expiresAt === undefined) return;
  let timer: NodeJS.Timeout;
  const check = () => {
    const left = expiresAt - Date.now();
    if (left > 0) timer = setTimeout(check, Math.min(left, CHECK_MS));
    else void session.close('token expired', new DepthcastError('UNAUTHORIZED', { detail: 'the token has expired' }));
  };
  check();
  session.once('closed', () => clearTimeout(timer));
}
