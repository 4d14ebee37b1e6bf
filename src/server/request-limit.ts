import fastifyRateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';

const MINUTE_MS = 60_000;
/** Addresses remembered; beyond, the oldest is forgotten. */
const MAX_ADDRESSES = 10_000;
/** An IPv6 customer has a /64 at least: its addresses count as one client. */
const IPV6_SUBNET = 64;
/** Probes must be answered whatever else comes from their address. */
const FREE = /^\/(livez|readyz)(\?|$)/;

/** What names a client in all limits: its IPv4 address, or its IPv6 network. */
export const clientKey = ({ ip }: { ip: string | undefined }): string =>
  // A socket that is gone has no address.
  ip === undefined ? '' : fastifyRateLimit.normalizeIP(ip, IPV6_SUBNET);

/**
 * Where a request came from. Undefined where it passed a proxy that `server.trustProxy` does not name: the connection is the
 * proxy's, and whoever is behind it is not as near as that.
 */
export function clientAddress({ ip, headers, socket }: FastifyRequest): string | undefined {
  const forwarded = headers['x-forwarded-for'] ?? headers['forwarded'] ?? headers['x-real-ip'] ?? headers['via'];
  return forwarded !== undefined && ip === socket.remoteAddress ? undefined : ip;
}

/** Refuses requests of an address beyond `limits.requestsPerMinute` with RATE_LIMITED, upgrades included. */
export async function addRequestLimit(app: FastifyInstance, { limits }: Config): Promise<void> {
  await app.register(fastifyRateLimit, { global: false, cache: MAX_ADDRESSES, keyGenerator: clientKey });
  const count = app.createRateLimit({ max: () => limits.requestsPerMinute, timeWindow: MINUTE_MS });
  app.addHook('onRequest', async (request) => {
    if (FREE.test(request.url)) return;
    const state = await count(request);
    if (!state.isAllowed && state.isExceeded)
      throw new DepthcastError('RATE_LIMITED', {
        detail: `${state.max} requests a minute`,
        retryAfter: state.ttlInSeconds,
      });
  });
}
