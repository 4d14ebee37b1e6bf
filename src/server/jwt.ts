import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose';
import { type Rights, rightsSchema } from '../config/rights.ts';
import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import { RemoteKeySet } from './key-set.ts';

/** What a valid token says. */
export interface TokenClaims {
  rights: Rights;
  /** Milliseconds since the Unix epoch. */
  expiresAt: number;
}

type SigningAlgorithm = 'HS256' | 'RS256' | 'ES256' | 'EdDSA';
const ASYMMETRIC: readonly SigningAlgorithm[] = ['RS256', 'ES256', 'EdDSA'];

/** A key, or several by their ids, and the algorithms that they may be used with. */
interface KeySource {
  algorithms: readonly SigningAlgorithm[];
  find: JWTVerifyGetKey;
}

const NOT_THIS_KEY = [errors.JWSSignatureVerificationFailed, errors.JWKSNoMatchingKey];

/** Checks JSON Web Tokens (RFC 7519) with the configured keys. Each key goes with its own algorithms, `none` with none. */
export class JwtVerifier {
  readonly #settings: Config['jwt'];
  /** In the order in which they are tried: what is at hand before what must be fetched. */
  readonly #sources: KeySource[] = [];
  readonly #remote: RemoteKeySet | undefined;

  /**
   * @param before the verifier that this one replaces: keys that were fetched for it are kept in case they cannot be again
   * @throws DepthcastError BAD_CONFIG where a key cannot be read
   */
  constructor(settings: Config['jwt'], before?: JwtVerifier) {
    this.#settings = settings;
    const { secret, publicKey, jwks, jwksUrl } = settings;
    if (secret !== null) this.#add('HS256', createSecretKey(Buffer.from(secret)));
    if (publicKey !== null) {
      const key = read('jwt.publicKey', publicKey, (text) => createPublicKey(text));
      this.#add(algorithmOf(key), key);
    }
    if (jwks !== null) {
      const find = read('jwt.jwks', jwks, (text) => createLocalJWKSet(JSON.parse(text) as JSONWebKeySet));
      this.#sources.push({ algorithms: ASYMMETRIC, find });
    }
    if (jwksUrl !== null) {
      const known = before === undefined ? undefined : before.#remote;
      this.#remote = known?.url === jwksUrl ? known : new RemoteKeySet(jwksUrl);
      this.#remote.expire();
      this.#sources.push({ algorithms: ASYMMETRIC, find: this.#remote.find });
    }
  }

  /** Whether any key is configured. */
  static configured({ secret, publicKey, jwks, jwksUrl }: Config['jwt']): boolean {
    return [secret, publicKey, jwks, jwksUrl].some((key) => key !== null);
  }

  /** @throws DepthcastError UNAUTHORIZED; DOWNLOAD_FAILED where the keys of `jwt.jwksUrl` cannot be had */
  async verify(token: string): Promise<TokenClaims> {
    const { clockTolerance } = this.#settings;
    try {
      const { payload } = await this.#open(token);
      const rights = rightsSchema.safeParse(payload['depthcast'] ?? {});
      if (!rights.success) throw new DepthcastError('UNAUTHORIZED', { detail: 'the claim "depthcast" is malformed' });
      return { rights: rights.data, expiresAt: (payload.exp! + clockTolerance) * 1000 };
    } catch (thrown) {
      throw refusal(thrown);
    }
  }

  #add(algorithm: SigningAlgorithm, key: KeyObject): void {
    this.#sources.push({ algorithms: [algorithm], find: async () => key });
  }

  /** With the key that fits: while keys are changed, several of one kind may be in use. */
  async #open(token: string): Promise<JWTVerifyResult> {
    const { issuer, audience, clockTolerance } = this.#settings;
    let refused: unknown;
    for (const { algorithms, find } of this.#sources)
      try {
        return await jwtVerify(token, find, {
          algorithms: [...algorithms],
          requiredClaims: ['exp'],
          clockTolerance,
          ...(issuer === null ? {} : { issuer }),
          ...(audience === null ? {} : { audience }),
        });
      } catch (thrown) {
        const otherKind = thrown instanceof errors.JOSEAlgNotAllowed;
        if (!otherKind && !NOT_THIS_KEY.some((kind) => thrown instanceof kind)) throw thrown;
        if (!otherKind || refused === undefined) refused = thrown;
      }
    throw refused;
  }
}

function refusal(thrown: unknown): DepthcastError {
  if (thrown instanceof DepthcastError) return thrown;
  if (thrown instanceof errors.JWTExpired)
    return new DepthcastError('UNAUTHORIZED', { detail: 'the token has expired' });
  if (thrown instanceof errors.JWTClaimValidationFailed)
    return new DepthcastError('UNAUTHORIZED', { detail: `the token's claim "${thrown.claim}" does not fit` });
  if (thrown instanceof errors.JOSEAlgNotAllowed)
    return new DepthcastError('UNAUTHORIZED', { detail: "the token's algorithm is not accepted" });
  return new DepthcastError('UNAUTHORIZED', { cause: thrown });
}

function read<T>(setting: string, file: string, use: (text: string) => T): T {
  try {
    return use(readFileSync(file, 'utf8'));
  } catch (thrown) {
    throw new DepthcastError('BAD_CONFIG', { detail: `${setting}: ${(thrown as Error).message}`, cause: thrown });
  }
}

function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): SigningAlgorithm {
  if (type === 'rsa') return 'RS256';
  if (type === 'ed25519') return 'EdDSA';
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ES256';
  throw new DepthcastError('BAD_CONFIG', { detail: `jwt.publicKey: a key of type ${type} cannot be used` });
}
