import type { FastifyInstance, FastifyRequest } from 'fastify';
import { exportState, type ServerState } from '../metrics/server-state.ts';
import { allowedSizes } from '../model/size.ts';
import type { ServerContext } from '../session/server-context.ts';
import type { Authorizer } from './authorizer.ts';
import { clientKey } from './request-limit.ts';

type Context = Pick<
  ServerContext,
  'version' | 'device' | 'config' | 'metrics' | 'pool' | 'peers' | 'registry' | 'admission' | 'size'
>;

/** `/livez`, `/readyz`, `/metrics`, `/api/info` and `/api/sessions`. */
export function addHealth(app: FastifyInstance, context: Context, authorizer: Pick<Authorizer, 'admit'>): void {
  const guard = (action: 'api' | 'metrics') => async (request: FastifyRequest) => {
    await authorizer.admit(clientKey(request), request.headers.authorization, { do: action });
  };
  exportState(context.metrics.registry, () => serverState(context));
  app.get('/livez', (_request, reply) => reply.type('text/plain').send('live\n'));
  app.get('/readyz', async (_request, reply) => {
    const reasons = whyNotReady(context);
    reply.header('cache-control', 'no-store');
    return reply.code(reasons.length > 0 ? 503 : 200).send({ ready: reasons.length === 0, reasons });
  });
  app.get('/metrics', { onRequest: guard('metrics') }, async (_request, reply) =>
    reply.type(context.metrics.registry.contentType).send(await context.metrics.text()),
  );
  app.get('/api/info', { onRequest: guard('api') }, async () => ({
    version: context.version,
    device: context.device,
    engines: context.pool.workers.map(({ model, engine, refused }) => ({
      model: model.name,
      kind: engine?.kind,
      device: engine?.device,
      precision: engine?.precision,
      check: engine?.check,
      memory: engine?.memory,
      refused,
    })),
    models: context.pool.models.map(({ manifest }) => {
      const { name, title, unit, licence } = manifest;
      const { sizes, default: defaultSize } = allowedSizes(manifest);
      return { name, title, unit, sizes, defaultSize, licence };
    }),
    mediaWorkers: context.peers.workers,
    streams: context.registry.streams.length,
    size: { auto: context.size !== undefined, steps: context.size?.steps ?? 0 },
    limits: context.config.limits,
  }));
  app.get('/api/sessions', { onRequest: guard('api') }, async (_request, reply) => {
    reply.header('cache-control', 'no-store');
    return { sessions: context.registry.sessions.map((session) => session.report()) };
  });
}

/** What keeps a new session from being taken and served now; the model was warm before the server listened. */
function whyNotReady({ registry, pool, peers, config, admission }: Omit<Context, 'metrics'>): string[] {
  const reasons: string[] = [];
  if (registry.draining) reasons.push('draining');
  if (pool.workers.some((worker) => !worker.alive)) reasons.push('the depth worker is restarting');
  if (peers.workers.length > 0 && !peers.workers.some(({ alive }) => alive))
    reasons.push('the media workers are restarting');
  if (registry.placesTaken >= config.limits.streams) reasons.push('every stream is taken');
  if (!admission.hasWorkerTime()) reasons.push('the depth workers have no time left for another stream');
  return reasons;
}

function serverState(context: Context): ServerState {
  const { registry, pool, config, admission } = context;
  const alive = pool.workers.filter((worker) => worker.alive).length;
  return {
    ready: whyNotReady(context).length === 0,
    accepting: registry.placesTaken < config.limits.streams && admission.hasWorkerTime(),
    streams: registry.streams.length,
    streamsLimit: config.limits.streams,
    workersAlive: alive,
    workersRestarting: pool.workers.length - alive,
    workersLimit: pool.workersLimit,
    utilisation: admission.utilisation,
    mediaWorkers: context.peers.workers,
  };
}
