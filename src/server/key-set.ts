import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { DepthcastError } from '../errors.ts';

const FETCH_MS = 5000;
/** From one fetch to the next, whoever asks and whatever the first one brought. */
const COOLDOWN_MS = 30_000;
/** Keys older than this are fetched again before they are used: one that was withdrawn ends. */
const MAX_AGE_MS = 600_000;

/** A JSON Web Key Set at an address, fetched when it is needed. Keys that were fetched outlast an outage of their server. */
export class RemoteKeySet {
  readonly url: string;
  /** Never fetches by itself once it has keys: it would forget them in an outage, and forget that it failed. */
  readonly #set: ReturnType<typeof createRemoteJWKSet>;
  #fetch: Promise<void> = Promise.resolve();
  /** performance.now() of the last fetch, and of the last one that brought keys. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #fetchedAt = Number.NEGATIVE_INFINITY;

  constructor(url: string) {
    this.url = url;
    const never = Number.POSITIVE_INFINITY;
    const options = { timeoutDuration: FETCH_MS, cooldownDuration: never, cacheMaxAge: never };
    this.#set = createRemoteJWKSet(new URL(url), options);
  }

  /** The key of a token. Throws DepthcastError DOWNLOAD_FAILED where it is not known and cannot be asked for. */
  readonly find: JWTVerifyGetKey = async (header, input) => {
    if (this.#set.jwks() === undefined) await this.#refresh();
    else if (performance.now() - this.#fetchedAt >= MAX_AGE_MS) await this.#refresh().catch(() => {});
    try {
      return await this.#set(header, input);
    } catch (thrown) {
      if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown;
      await this.#refresh();
      return this.#set(header, input);
    }
  };

  /** The keys are fetched again before they are next used, if their server can be reached. */
  expire(): void {
    this.#fetchedAt = Number.NEGATIVE_INFINITY;
  }

  /** Fetches the keys, or within the cool-down gives what the last fetch gave. */
  #refresh(): Promise<void> {
    const now = performance.now();
    if (now - this.#askedAt >= COOLDOWN_MS) {
      this.#askedAt = now;
      this.#fetch = this.#set.reload().then(
        () => {
          this.#fetchedAt = now;
        },
        (cause) => {
          throw new DepthcastError('DOWNLOAD_FAILED', { detail: 'the keys of jwt.jwksUrl', retryAfter: 10, cause });
        },
      );
    }
    return this.#fetch;
  }
}
