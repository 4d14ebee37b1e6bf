import type { FastifyInstance, FastifyRequest } from 'fastify';
import { exportState, type ServerState } from '../metrics/server-state.ts';
import { allowedSizes } from '../model/size.ts';
import type { House } from '../session/house.ts';
import { sessionReport } from '../session/session-report.ts';
import { clientKey } from './request-limit.ts';
import type { Gate } from './tokens.ts';

/** `/livez`, `/readyz`, `/metrics`, `/api/info` and `/api/sessions`. */
export function addHealth(app: FastifyInstance, house: House, gate: Gate): void {
  const guard = (wish: 'api' | 'metrics') => async (request: FastifyRequest) => {
    await gate.admit(clientKey(request), request.headers.authorization, { do: wish });
  };
  exportState(house.metrics.registry, () => serverState(house));
  app.get('/livez', (_request, reply) => reply.type('text/plain').send('live\n'));
  app.get('/readyz', async (_request, reply) => {
    const reasons = whyNotReady(house);
    reply.header('cache-control', 'no-store');
    return reply.code(reasons.length > 0 ? 503 : 200).send({ ready: reasons.length === 0, reasons });
  });
  app.get('/metrics', { onRequest: guard('metrics') }, async (_request, reply) =>
    reply.type(house.metrics.registry.contentType).send(await house.metrics.text()),
  );
  app.get('/api/info', { onRequest: guard('api') }, async () => ({
    version: house.version,
    device: house.device,
    models: house.pool.models.map(({ manifest }) => {
      const { name, title, unit, licence } = manifest;
      const { sizes, default: defaultSize } = allowedSizes(manifest);
      return { name, title, unit, sizes, defaultSize, licence };
    }),
    streams: house.registry.streams.length,
    limits: house.config.limits,
  }));
  app.get('/api/sessions', { onRequest: guard('api') }, async (_request, reply) => {
    reply.header('cache-control', 'no-store');
    return { sessions: house.registry.sessions.map(sessionReport) };
  });
}

/** What keeps a new session from being taken and served now; the model was warm before the server listened. */
function whyNotReady({ registry, pool, config, capacity }: House): string[] {
  const reasons: string[] = [];
  if (registry.draining) reasons.push('draining');
  if (pool.workers.some((worker) => !worker.alive)) reasons.push('the depth worker is restarting');
  if (registry.streams.length >= config.limits.streams) reasons.push('every stream is taken');
  if (!capacity.hasRoom()) reasons.push('the depth workers have no time left for another stream');
  return reasons;
}

function serverState(house: House): ServerState {
  const { registry, pool, config, capacity } = house;
  const alive = pool.workers.filter((worker) => worker.alive).length;
  return {
    ready: whyNotReady(house).length === 0,
    room: registry.streams.length < config.limits.streams && capacity.hasRoom(),
    streams: registry.streams.length,
    streamsLimit: config.limits.streams,
    workersAlive: alive,
    workersRestarting: pool.workers.length - alive,
    workersLimit: pool.workersLimit,
    utilisation: capacity.utilisation,
  };
}
