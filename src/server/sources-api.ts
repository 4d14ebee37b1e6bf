import { isIP } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { kindOf, pulledSourceSchema } from '../config/pulled-source.ts';
import { matches } from '../config/rights.ts';
import { DepthcastError } from '../errors.ts';
import type { PulledSources } from '../session/pulled-sources.ts';
import type { ServerContext } from '../session/server-context.ts';
import type { Authorizer, Grant } from './authorizer.ts';
import { readInput } from './read-input.ts';
import { clientKey } from './request-limit.ts';
import { TOKEN_EXPIRED, TokenExpiry } from './token-expiry.ts';

/** What an SRT address of the API may ask for: nothing that opens a port here. */
export const SRT_QUERY = new Set(['streamid', 'passphrase', 'pbkeylen', 'latency']);

type NamedRequest = FastifyRequest<{ Params: { name: string } }>;
interface Context {
  config: Pick<ServerContext['config'], 'sources' | 'jwt'>;
  sources: PulledSources;
}

/** `/api/sources`: what the server pulls. To add and remove takes the right to publish the stream; to list them, that of the API. */
export function addSources(app: FastifyInstance, context: Context, authorizer: Pick<Authorizer, 'admit'>): void {
  const { config, sources } = context;
  const expiries = new Map<string, TokenExpiry>();
  const admit = (request: FastifyRequest, stream: string) =>
    authorizer.admit(clientKey(request), request.headers.authorization, { do: 'publish', stream });
  const endWithToken = (name: string, grant: Grant) => {
    const end = sources.endOf(name);
    const expiry = new TokenExpiry(end, grant);
    if (end.closed) throw new DepthcastError('UNAUTHORIZED', { detail: TOKEN_EXPIRED });
    expiries.set(name, expiry);
    end.once('closed', () => expiries.delete(name));
  };
  app.get('/api/sources', async (request, reply) => {
    await authorizer.admit(clientKey(request), request.headers.authorization, { do: 'api' });
    reply.header('cache-control', 'no-store');
    return { sources: sources.list() };
  });
  app.get('/api/sources/:name', async (request: NamedRequest, reply) => {
    await admit(request, request.params.name);
    reply.header('cache-control', 'no-store');
    return sources.get(request.params.name);
  });
  app.post('/api/sources', async (request, reply) => {
    // Rights first: who has none learns nothing of what would be accepted.
    const name = (request.body as { name?: unknown } | null | undefined)?.name;
    const grant = await admit(request, typeof name === 'string' ? name : '');
    const settings = readInput(pulledSourceSchema, request.body, 'body');
    checkAddress(settings.url, config.sources.apiHosts);
    const report = await sources.add(settings, 'api');
    if (config.jwt.endsSessions) endWithToken(report.name, grant);
    return reply.code(201).header('location', `/api/sources/${report.name}`).send(report);
  });
  // A newer token keeps a source from ending with the one that it was asked for with.
  app.patch('/api/sources/:name', async (request: NamedRequest, reply) => {
    const grant = await admit(request, request.params.name);
    const report = sources.get(request.params.name);
    expiries.get(report.name)?.renew(grant);
    reply.header('cache-control', 'no-store');
    return report;
  });
  app.delete('/api/sources/:name', async (request: NamedRequest, reply) => {
    await admit(request, request.params.name);
    sources.remove(request.params.name);
    return reply.code(204).send();
  });
}

/**
 * Whether a request may name this address: the server would connect to it from where it stands.
 * @param hosts names, in which `*` stands for any characters, and addresses
 * @throws DepthcastError SOURCE_NOT_ALLOWED
 */
export function checkAddress(url: string, hosts: readonly string[]): void {
  const refuse = (detail: string) => new DepthcastError('SOURCE_NOT_ALLOWED', { detail });
  const kind = kindOf(url);
  if (kind === 'file' || kind === 'v4l2')
    throw refuse('files and devices are named in the settings alone (sources.pull)');
  const { hostname, searchParams } = new URL(url);
  if (!isAmong(hostname, hosts)) throw refuse(`${hostname} is not among sources.apiHosts`);
  if (kind !== 'srt') return;
  const strange = [...searchParams.keys()].find((key) => !SRT_QUERY.has(key));
  if (strange !== undefined) throw refuse(`${strange} cannot be asked for; of SRT: ${[...SRT_QUERY].join(', ')}`);
}

/** Whether a host is one of those; `*` stands for any characters of a name. */
export function isAmong(hostname: string, hosts: readonly string[]): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, '');
  // A pattern is one of names: with "10.*" nobody means the name 10.evil.example, nor an address by what it looks like.
  const fits = (pattern: string) =>
    pattern.includes('*') && pattern !== '*' && isIP(host) ? false : matches(pattern.toLowerCase(), host);
  return hosts.some(fits);
}
