import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { SignJWT } from 'jose';
import { loadConfig } from '../../../src/config/load.ts';
import { Authorizer } from '../../../src/server/authorizer.ts';
import { damagedText } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const SECRET = 'a secret of more than thirty-two characters';
const STATIC = 'static-token';
const claims = { publish: ['cam*'], view: ['*'], duplex: true };
const key = createSecretKey(Buffer.from(SECRET));
const sign = (payload: Record<string, unknown>): Promise<string> =>
  new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1y').sign(key);
const GOOD = [await sign(claims), await sign({ ...claims, publish: [] })];
const VALID = [`Bearer ${STATIC}`, ...GOOD.map((token) => `Bearer ${token}`), 'Basic dXNlcjpwYXNz'];

const authorizer = new Authorizer(
  loadConfig({
    overrides: {
      'server.tokens': [STATIC, { token: 'view-only-token', view: ['*'] }],
      'jwt.secret': SECRET,
      'limits.authFailuresPerMinute': 100_000,
    },
  }),
);
let address = 0;

export default defineTarget({
  name: 'authorization',
  about: 'Authorization headers: static tokens and JSON Web Tokens',
  inputs: () => fc.tuple(damagedText(VALID), damagedText(['cam1', 'room', 'a.b~c-d'])),
  read: async ([header, stream]) => {
    // One guess each: the limit on failures is not what is tried here.
    await authorizer.admit(`192.0.2.${address++}`, header, { do: 'publish', stream });
    const token = /^Bearer +(\S+)$/i.exec(header)?.[1] ?? '';
    if (token !== STATIC && !GOOD.some((good) => good.startsWith(token.slice(0, good.lastIndexOf('.')))))
      throw new Error(`a forged token was let in: ${header.slice(0, 200)}`);
  },
});
