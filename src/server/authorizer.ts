import { createHash, timingSafeEqual } from 'node:crypto';
import { ALL_RIGHTS, matches, type Rights } from '../config/rights.ts';
import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import { FailureLimit } from './failure-limit.ts';
import { JwtVerifier } from './jwt.ts';

/** What somebody wants to do. */
export type Action =
  | { do: 'publish' | 'view'; stream: string }
  /** A two-way session. */
  | { do: 'duplex' }
  | { do: 'api' | 'metrics' };

/** That it is granted, and until when; milliseconds since the Unix epoch. */
export interface Grant {
  expiresAt: number | undefined;
}

/** Which part of `server.protect` a action falls under. */
const AREA = { publish: 'publish', duplex: 'publish', view: 'view', api: 'api', metrics: 'metrics' } as const;

/** Decides who may do what: static tokens and JSON Web Tokens. With neither configured everybody may do everything. */
export class Authorizer {
  readonly #config: Config;
  readonly #failures: FailureLimit;
  #static: { of: Config['server']['tokens']; digests: { digest: Buffer; rights: Rights }[] } | undefined;
  #jwt: JwtVerifier | undefined;

  /** @throws DepthcastError BAD_CONFIG */
  constructor(config: Config) {
    this.#config = config;
    this.#failures = new FailureLimit(() => config.limits.authFailuresPerMinute);
    this.prepare(config.jwt)();
  }

  /**
   * Reads the keys of JSON Web Tokens that settings name.
   * @returns puts them in force, in place of the present ones
   * @throws DepthcastError BAD_CONFIG where they cannot be read
   */
  prepare(settings: Config['jwt']): () => void {
    const verifier = JwtVerifier.configured(settings) ? new JwtVerifier({ ...settings }, this.#jwt) : undefined;
    return () => {
      this.#jwt = verifier;
    };
  }

  /**
   * @param address who asks, for the limit on failures
   * @param authorization value of the Authorization header, or `Bearer TOKEN` made of a ws hello's token
   * @throws DepthcastError UNAUTHORIZED, FORBIDDEN, RATE_LIMITED, DOWNLOAD_FAILED
   */
  async admit(address: string, authorization: string | undefined, action: Action): Promise<Grant> {
    if (!this.#guards(action.do)) return { expiresAt: undefined };
    const { expiresAt, ...rights } = await this.#rights(address, authorization);
    if (!allows(rights, action)) throw new DepthcastError('FORBIDDEN', { detail: describe(action) });
    return { expiresAt };
  }

  /**
   * That a token is a good one, where such actions need one, whatever it allows.
   * @throws DepthcastError UNAUTHORIZED, RATE_LIMITED, DOWNLOAD_FAILED
   */
  async identify(address: string, authorization: string | undefined, action: Action['do']): Promise<Grant> {
    if (!this.#guards(action)) return { expiresAt: undefined };
    const { expiresAt } = await this.#rights(address, authorization);
    return { expiresAt };
  }

  /** Of a token, and until when they hold. */
  async #rights(address: string, authorization: string | undefined): Promise<Rights & Grant> {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    // Who shows no token does not guess one.
    if (token === undefined) throw new DepthcastError('UNAUTHORIZED');
    this.#failures.check(address);
    try {
      const { rights, expiresAt } = await this.#read(token);
      return { ...rights, expiresAt };
    } catch (thrown) {
      if ((thrown as DepthcastError).code === 'UNAUTHORIZED') this.#failures.note(address);
      throw thrown;
    }
  }

  /**
   * Which streams somebody may see in a list: those that may be viewed, or all where only the API is protected, for whoever may use it.
   * @throws DepthcastError UNAUTHORIZED, FORBIDDEN, RATE_LIMITED, DOWNLOAD_FAILED
   */
  async viewable(address: string, authorization: string | undefined): Promise<(stream: string) => boolean> {
    const view = (stream: string) => ({ do: 'view', stream }) as const;
    if (!this.#guards('view')) {
      await this.admit(address, authorization, { do: 'api' });
      return () => true;
    }
    const rights = await this.#rights(address, authorization);
    return (stream) => allows(rights, view(stream));
  }

  #guards(action: Action['do']): boolean {
    const { tokens, protect } = this.#config.server;
    return (tokens.length > 0 || this.#jwt !== undefined) && protect.includes(AREA[action]);
  }

  async #read(token: string): Promise<{ rights: Rights; expiresAt?: number }> {
    const given = digest(token);
    // Digests are of equal length, and every token is compared: timing tells nothing about any of them.
    let rights: Rights | undefined;
    for (const known of this.#digests()) if (timingSafeEqual(given, known.digest)) rights = known.rights;
    if (rights !== undefined) return { rights };
    if (this.#jwt === undefined) throw new DepthcastError('UNAUTHORIZED');
    return this.#jwt.verify(token);
  }

  /** Of `server.tokens`, which may change while the server runs. */
  #digests(): { digest: Buffer; rights: Rights }[] {
    const { tokens } = this.#config.server;
    if (this.#static?.of !== tokens)
      this.#static = {
        of: tokens,
        digests: tokens.map((entry) =>
          typeof entry === 'string'
            ? { digest: digest(entry), rights: ALL_RIGHTS }
            : { digest: digest(entry.token), rights: entry },
        ),
      };
    return this.#static.digests;
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function allows(rights: Rights, action: Action): boolean {
  switch (action.do) {
    case 'publish':
    case 'view':
      return rights[action.do].some((pattern) => matches(pattern, action.stream));
    case 'duplex':
      return rights.duplex || rights.publish.includes('*');
    default:
      return rights[action.do];
  }
}

function describe(action: Action): string {
  return 'stream' in action ? `${action.do} ${action.stream}` : action.do === 'duplex' ? 'two-way sessions' : action.do;
}
