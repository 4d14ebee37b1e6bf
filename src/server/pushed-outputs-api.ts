import type { FastifyInstance, FastifyRequest } from 'fastify';
import { pushedOutputSchema } from '../config/pushed-output.ts';
import { DepthcastError } from '../errors.ts';
import type { PushedOutputs } from '../session/pushed-outputs.ts';
import type { ServerContext } from '../session/server-context.ts';
import type { Authorizer } from './authorizer.ts';
import { readInput } from './read-input.ts';
import { clientKey } from './request-limit.ts';
import { isAmong, SRT_QUERY } from './sources-api.ts';
import { TOKEN_EXPIRED, TokenExpiry } from './token-expiry.ts';

type NamedRequest = FastifyRequest<{ Params: { name: string } }>;
interface Context {
  config: Pick<ServerContext['config'], 'outputs' | 'jwt'>;
  outputs: PushedOutputs;
}

/**
 * `/api/outputs`: what the server sends. To see and remove one takes the right to publish its stream, to add one also that to
 * view it, since it sends everybody's pictures of that name; to list them, that of the API.
 */
export function addPushedOutputs(app: FastifyInstance, context: Context, authorizer: Pick<Authorizer, 'admit'>): void {
  const { config, outputs } = context;
  const admit = (request: FastifyRequest, stream: string, action: 'view' | 'publish' = 'publish') =>
    authorizer.admit(clientKey(request), request.headers.authorization, { do: action, stream });
  /** Who may not see any stream's outputs does not learn which there are. */
  const find = async (request: NamedRequest) => {
    const found = outputs.list().find(({ name }) => name === request.params.name);
    await admit(request, found?.stream ?? '');
    return outputs.get(request.params.name);
  };
  app.get('/api/outputs', async (request, reply) => {
    await authorizer.admit(clientKey(request), request.headers.authorization, { do: 'api' });
    reply.header('cache-control', 'no-store');
    return { outputs: outputs.list() };
  });
  app.get('/api/outputs/:name', async (request: NamedRequest, reply) => {
    reply.header('cache-control', 'no-store');
    return find(request);
  });
  app.post('/api/outputs', async (request, reply) => {
    // Rights first: who has none learns nothing of what would be accepted.
    const stream = (request.body as { stream?: unknown } | null | undefined)?.stream;
    const named = typeof stream === 'string' ? stream : '';
    const grant = await admit(request, named);
    await admit(request, named, 'view');
    const settings = readInput(pushedOutputSchema, request.body, 'body');
    checkTarget(settings.url, config.outputs.apiHosts);
    const report = outputs.add(settings, 'api');
    if (config.jwt.endsSessions) {
      const expiry = new TokenExpiry(outputs.endOf(report.name), grant);
      if (expiry.passed) throw new DepthcastError('UNAUTHORIZED', { detail: TOKEN_EXPIRED });
    }
    return reply.code(201).header('location', `/api/outputs/${report.name}`).send(report);
  });
  app.delete('/api/outputs/:name', async (request: NamedRequest, reply) => {
    await find(request);
    outputs.remove(request.params.name);
    return reply.code(204).send();
  });
}

/** Whether a request may name this address: the server would connect to it from where it stands. @throws DepthcastError OUTPUT_NOT_ALLOWED */
function checkTarget(url: string, hosts: readonly string[]): void {
  const refuse = (detail: string) => new DepthcastError('OUTPUT_NOT_ALLOWED', { detail });
  const { protocol, hostname, searchParams } = new URL(url);
  if (!isAmong(hostname, hosts)) throw refuse(`${hostname} is not among outputs.apiHosts`);
  if (protocol !== 'srt:') return;
  const strange = [...searchParams.keys()].find((key) => !SRT_QUERY.has(key));
  if (strange !== undefined) throw refuse(`${strange} cannot be asked for; of SRT: ${[...SRT_QUERY].join(', ')}`);
}
