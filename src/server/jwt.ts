import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { type Rights, rightsSchema } from '../config/rights.ts';
import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';

/** What a valid token says. */
export interface Passport {
  rights: Rights;
  /** Milliseconds since the Unix epoch. */
  expiresAt: number;
}

type Algorithm = 'HS256' | 'RS256' | 'ES256' | 'EdDSA';
const ASYMMETRIC: readonly Algorithm[] = ['RS256', 'ES256', 'EdDSA'];
/** Of a fetch of `jwt.jwksUrl`; after one for an unknown key, the next waits. */
const FETCH_MS = 5000;
const COOLDOWN_MS = 30_000;

/** Checks JSON Web Tokens (RFC 7519) with the configured keys. Each key goes with its own algorithms, `none` with none. */
export class JwtVerifier {
  readonly #settings: Config['jwt'];
  readonly #keys = new Map<Algorithm, KeyObject>();
  readonly #sets: JWTVerifyGetKey[] = [];
  readonly #algorithms: Algorithm[];

  /** @throws DepthcastError BAD_CONFIG where a key cannot be read */
  constructor(settings: Config['jwt']) {
    this.#settings = settings;
    const { secret, publicKey, jwks, jwksUrl } = settings;
    if (secret !== null) this.#keys.set('HS256', createSecretKey(Buffer.from(secret)));
    if (publicKey !== null) {
      const key = read('jwt.publicKey', publicKey, (text) => createPublicKey(text));
      this.#keys.set(algorithmOf(key), key);
    }
    if (jwks !== null)
      this.#sets.push(read('jwt.jwks', jwks, (text) => createLocalJWKSet(JSON.parse(text) as JSONWebKeySet)));
    if (jwksUrl !== null)
      this.#sets.push(
        createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: FETCH_MS, cooldownDuration: COOLDOWN_MS }),
      );
    this.#algorithms = [...new Set([...this.#keys.keys(), ...(this.#sets.length > 0 ? ASYMMETRIC : [])])];
  }

  /** Whether any key is configured. */
  static configured({ secret, publicKey, jwks, jwksUrl }: Config['jwt']): boolean {
    return [secret, publicKey, jwks, jwksUrl].some((key) => key !== null);
  }

  /** @throws DepthcastError UNAUTHORIZED; DOWNLOAD_FAILED where the keys of `jwt.jwksUrl` cannot be had */
  async verify(token: string): Promise<Passport> {
    const { issuer, audience, clockTolerance } = this.#settings;
    try {
      const { payload } = await jwtVerify(token, this.#find, {
        algorithms: this.#algorithms,
        requiredClaims: ['exp'],
        clockTolerance,
        ...(issuer === null ? {} : { issuer }),
        ...(audience === null ? {} : { audience }),
      });
      const rights = rightsSchema.safeParse(payload['depthcast'] ?? {});
      if (!rights.success) throw new DepthcastError('UNAUTHORIZED', { detail: 'the claim "depthcast" is malformed' });
      return { rights: rights.data, expiresAt: (payload.exp! + clockTolerance) * 1000 };
    } catch (thrown) {
      throw refusal(thrown);
    }
  }

  readonly #find: JWTVerifyGetKey = async (header, input) => {
    const key = this.#keys.get(header.alg as Algorithm);
    if (key !== undefined) return key;
    for (const [i, set] of this.#sets.entries())
      try {
        return await set(header, input);
      } catch (thrown) {
        // Another set may have it.
        if (i + 1 < this.#sets.length && thrown instanceof errors.JWKSNoMatchingKey) continue;
        throw thrown;
      }
    throw new errors.JWKSNoMatchingKey();
  };
}

function refusal(thrown: unknown): DepthcastError {
  if (thrown instanceof DepthcastError) return thrown;
  if (thrown instanceof errors.JWTExpired)
    return new DepthcastError('UNAUTHORIZED', { detail: 'the token has expired' });
  if (thrown instanceof errors.JWTClaimValidationFailed)
    return new DepthcastError('UNAUTHORIZED', { detail: `the token's claim "${thrown.claim}" does not fit` });
  if (thrown instanceof errors.JOSEAlgNotAllowed)
    return new DepthcastError('UNAUTHORIZED', { detail: "the token's algorithm is not accepted" });
  if (
    thrown instanceof errors.JOSEError &&
    !(thrown instanceof errors.JWKSTimeout) &&
    thrown.code !== 'ERR_JOSE_GENERIC'
  )
    return new DepthcastError('UNAUTHORIZED');
  return new DepthcastError('DOWNLOAD_FAILED', { detail: 'the keys of jwt.jwksUrl', retryAfter: 10, cause: thrown });
}

function read<T>(setting: string, file: string, use: (text: string) => T): T {
  try {
    return use(readFileSync(file, 'utf8'));
  } catch (thrown) {
    throw new DepthcastError('BAD_CONFIG', { detail: `${setting}: ${(thrown as Error).message}`, cause: thrown });
  }
}

function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): Algorithm {
  if (type === 'rsa') return 'RS256';
  if (type === 'ed25519') return 'EdDSA';
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ES256';
  throw new DepthcastError('BAD_CONFIG', { detail: `jwt.publicKey: a key of type ${type} cannot be used` });
}
