import fastifyCors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import { hostOf, type OwnNames } from './own-names.ts';

/**
 * Routes that pages of other sites may not call, and `*`, preflights of routes without an OPTIONS handler of their own;
 * everything else is the page and its files, which any origin may load.
 */
const GUARDED = /^(\*$|\/(whip|whep|session|ws|api)(\/|$))/;
/** RFC 9725 sections 4.2, 4.3 and 4.6. */
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const ALLOWED_HEADERS = ['authorization', 'content-type', 'if-match'];
const EXPOSED_HEADERS = ['location', 'etag', 'link', 'accept-post', 'accept-patch', 'retry-after', 'www-authenticate'];
const PREFLIGHT_SECONDS = 600;

/** What pages must not read through a host name that resolves to this server, see {@link expectOwnName}. */
const READABLE = /^\/(api|metrics)(\/|$)/;
/** A probe may speak HTTP/1.0, which has no Host header. */
const PROBE = /^\/(livez|readyz)$/;

/**
 * The one origin policy of HTTP and `/ws`: pages of the server's own site and of `server.allowedOrigins` may use it,
 * those of others get FORBIDDEN_ORIGIN. Requests without an origin come from programs. Which site is the server's own is
 * never believed of a request.
 */
export async function addCors(app: FastifyInstance, config: Config, names: OwnNames): Promise<void> {
  const { server } = config;
  app.addHook('onRequest', async (request) => {
    expectOneHost(request);
    // The matched route, as one address has many spellings: escaped, or absolute.
    const { url = '' } = request.routeOptions;
    if (GUARDED.test(url) && !originAllowed(request, server.allowedOrigins, names))
      throw new DepthcastError('FORBIDDEN_ORIGIN', { detail: originAdvice(request, names) });
    if (READABLE.test(url) && !server.allowedOrigins.includes('*')) expectOwnName(request, names);
  });
  await app.register(fastifyCors, {
    delegator: (request, done) =>
      done(null, {
        origin: request.headers.origin !== undefined && originAllowed(request, server.allowedOrigins, names),
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

/** RFC 9112 section 3.2. Node takes the first of several; a proxy before it may have taken another. */
function expectOneHost({ raw, routeOptions }: FastifyRequest): void {
  let count = 0;
  for (let i = 0; i < raw.rawHeaders.length; i += 2) if (raw.rawHeaders[i]!.toLowerCase() === 'host') count++;
  if (count === 0 && raw.httpVersion === '1.0' && PROBE.test(routeOptions.url ?? '')) return;
  if (count !== 1 || hostOf(raw.headers.host!) === undefined)
    throw new DepthcastError('BAD_REQUEST', { detail: `exactly one valid Host header is expected, ${count} came` });
}

function isOwn(request: FastifyRequest, names: OwnNames): boolean {
  if (isToldByProxy(request)) return true;
  const host = hostOf(request.hostname);
  return host !== undefined && names.has(host, request.socket.localAddress);
}

/** A proxy of `server.trustProxy` knows which sites it serves. Fastify takes the header from nobody else. */
function isToldByProxy({ host, headers, ips = [] }: FastifyRequest): boolean {
  const told = [headers['x-forwarded-host'] ?? []].flat().join(',').split(',').at(-1)?.trim();
  return told !== '' && told === host && (host !== headers.host || ips.length > 1);
}

function originAllowed(request: FastifyRequest, allowed: readonly string[], names: OwnNames): boolean {
  const { origin } = request.headers;
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  // With server.trustProxy, the host and scheme that the client saw.
  return origin === `${request.protocol}://${request.host}` && isOwn(request, names);
}

function originAdvice(request: FastifyRequest, names: OwnNames): string {
  const { origin } = request.headers;
  if (origin === `${request.protocol}://${request.host}` && !isOwn(request, names))
    return `${origin}: if ${request.hostname} is this server, list it in server.names`;
  return `${origin}: server.allowedOrigins does not list it`;
}

/**
 * Browsers tell no origin when a page reads from what they take for its own site: a site whose name was made to lead to this
 * server's address (DNS rebinding) is found out by that name. Whatever else a page sends comes with its origin.
 */
function expectOwnName(request: FastifyRequest, names: OwnNames): void {
  const { method, headers, hostname } = request;
  if (headers.origin !== undefined || headers.upgrade !== undefined || !['GET', 'HEAD'].includes(method)) return;
  if (!isOwn(request, names))
    throw new DepthcastError('UNKNOWN_HOST', { detail: `${hostname}: list it in server.names if it is this server` });
}
