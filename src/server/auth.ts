import { createHash, timingSafeEqual } from 'node:crypto';
import { DepthcastError } from '../errors.ts';

/**
 * Whether a request may pass. With no tokens configured everybody may.
 * @param authorization value of the Authorization header, or `Bearer TOKEN` made of a ws hello's token
 * @throws DepthcastError UNAUTHORIZED
 */
export function checkBearer(tokens: readonly string[], authorization: string | undefined): void {
  if (tokens.length === 0) return;
  const given = digest(/^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '');
  // Digests are of equal length, and every token is compared: timing tells nothing about any of them.
  let known = false;
  for (const token of tokens) known = timingSafeEqual(given, digest(token)) || known;
  if (!known) throw new DepthcastError('UNAUTHORIZED');
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
