import fastifyCors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';

/**
 * Routes that pages of other sites may not call, and `*`, preflights of routes without an OPTIONS handler of their own;
 * everything else is the page and its files, which any origin may load.
 */
const GUARDED = /^(\*$|\/(whip|whep|session|ws|api)(\/|$))/;
/** RFC 9725 sections 4.2, 4.3 and 4.6. */
const METHODS = ['GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS'];
const ALLOWED_HEADERS = ['authorization', 'content-type', 'if-match'];
const EXPOSED_HEADERS = ['location', 'etag', 'link', 'accept-post', 'accept-patch', 'retry-after', 'www-authenticate'];
const PREFLIGHT_SECONDS = 600;

/**
 * The one origin policy of HTTP and `/ws`: pages of the server's own site and of `server.allowedOrigins` may use it,
 * those of others get FORBIDDEN_ORIGIN. Requests without an origin come from programs.
 */
export async function addCors(app: FastifyInstance, config: Config): Promise<void> {
  app.addHook('onRequest', async (request) => {
    // The matched route, as one address has many spellings: escaped, or absolute.
    const { url = '' } = request.routeOptions;
    if (GUARDED.test(url) && !originAllowed(request, config.server.allowedOrigins))
      throw new DepthcastError('FORBIDDEN_ORIGIN');
  });
  await app.register(fastifyCors, {
    delegator: (request, done) =>
      done(null, {
        origin: request.headers.origin !== undefined && originAllowed(request, config.server.allowedOrigins),
        methods: METHODS,
        allowedHeaders: ALLOWED_HEADERS,
        exposedHeaders: EXPOSED_HEADERS,
        maxAge: PREFLIGHT_SECONDS,
        // The endpoints' own OPTIONS handlers add Accept-Post and Accept-Patch.
        preflightContinue: true,
        strictPreflight: false,
      }),
  });
}

function originAllowed(request: FastifyRequest, allowed: readonly string[]): boolean {
  const { origin } = request.headers;
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  // With server.trustProxy, the host and scheme that the client saw.
  return origin === `${request.protocol}://${request.host}`;
}
