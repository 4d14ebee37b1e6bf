import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import { WebSocketServer } from 'ws';
import { type ReloadReport, reloadConfig } from '../config/reload.ts';
import type { Config, SettledConfig } from '../config/schema.ts';
import { measureSize } from '../depth/auto-size.ts';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import { networkSize } from '../depth/network-size.ts';
import { InferencerPool } from '../depth/pool.ts';
import { DepthcastError, type ErrorCode } from '../errors.ts';
import { Metrics } from '../metrics/metrics.ts';
import { modelFolder } from '../model/store/folder.ts';
import type { House } from '../session/house.ts';
import { watchInference } from '../session/inference-metrics.ts';
import { Registry } from '../session/registry.ts';
import { publishScenes } from '../session/scenes.ts';
import { originAllowed } from './auth.ts';
import { addHealth } from './health.ts';
import { addWhip } from './whip.ts';
import { MAX_PAYLOAD } from './ws-reader.ts';
import { WsSession } from './ws-session.ts';

/** Connections to /ws at once, for each stream that the server carries. */
const SOCKETS_PER_STREAM = 4;
const CLIENT_FILES = resolve(
  import.meta.dirname,
  import.meta.url.includes('/dist/') ? '../../client' : '../../dist/client',
);

/** A running depthcast server. */
export interface DepthServer {
  readonly url: string;
  readonly port: number;
  readonly house: House;
  /** Takes over what may change while the server runs; requests, peers and streams that begin afterwards follow it. */
  reload(config: Config): ReloadReport;
  /** Takes no more sessions; settles when the last has ended, or after so many seconds. */
  drain(seconds: number): Promise<void>;
  /** Ends every session, then the server. */
  close(reason?: string): Promise<void>;
}

export interface ServerOptions {
  config: Config;
  version: string;
  log?: Logger;
}

/**
 * Loads the model, then listens.
 * @throws DepthcastError DEVICE_UNAVAILABLE, PORT_IN_USE, PORT_DENIED, MODEL_NOT_FOUND, BAD_MANIFEST, BAD_MODEL, BAD_SIZE
 */
export async function startServer(options: ServerOptions): Promise<DepthServer> {
  const { version, log = pino({ level: 'silent' }) } = options;
  const { model, device, threads, workers, size, cutThreshold, metric } = options.config.depth;
  const wanted = typeof size === 'number' ? size : undefined;
  if (device !== 'cpu')
    throw new DepthcastError('DEVICE_UNAVAILABLE', { detail: `${device}; this version runs networks on: cpu` });
  let house: House | undefined;
  const pool = new InferencerPool(model, {
    threads,
    workers,
    cutThreshold,
    size: wanted,
    library: { store: modelFolder(options.config.models.folder), metric: metric ?? undefined },
    onLoad: (inferencer) => house && watchInference(house, inferencer),
  });
  try {
    // A size that the default model does not have stops the start.
    networkSize(pool.models[0]!.manifest, 4, 3, wanted);
    const first = await pool.get();
    const config = await settle(options.config, first, log);
    const metrics = new Metrics({ version, model: first.model.name, device: first.device });
    metrics.setTargets(config.targets);
    house = { config, version, pool, metrics, log, registry: new Registry(config.limits), device: first.device };
    watchInference(house, first);
    await publishScenes(house);
    return await listen(house);
  } catch (thrown) {
    await pool.close();
    throw thrown;
  }
}

/** Turns `size: auto` into a size, by measuring. */
async function settle(config: Config, inferencer: WorkerInferencer, log: Logger): Promise<SettledConfig> {
  const { size, targetFps } = config.depth;
  if (size !== 'auto') return { ...config, depth: { ...config.depth, size } };
  const { size: chosen, milliseconds, holds } = await measureSize(inferencer, targetFps);
  const facts = { model: inferencer.model.name, size: chosen, milliseconds: Math.round(milliseconds), targetFps };
  if (holds) log.info(facts, 'network size measured');
  else log.warn(facts, 'even the smallest network size does not hold the target');
  return { ...config, depth: { ...config.depth, size: chosen } };
}

async function listen(house: House): Promise<DepthServer> {
  const { config, log } = house;
  const app = Fastify({
    logger: false,
    bodyLimit: config.server.bodyLimit,
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
  });
  addErrors(app, house);
  addCors(app, config);
  for (const type of ['application/sdp', 'application/trickle-ice-sdpfrag'])
    app.addContentTypeParser(type, { parseAs: 'string' }, (_request, body, done) => done(null, body));
  addWhip(app, house);
  addHealth(app, house);
  if (existsSync(CLIENT_FILES)) await app.register(fastifyStatic, { root: CLIENT_FILES });
  else app.get('/', (_request, reply) => reply.type('text/plain').send('The page is not built: run npm run build.\n'));
  const sockets = addWebSockets(app, house);

  try {
    await app.listen({ host: config.server.host, port: config.server.port });
  } catch (thrown) {
    throw listenError(thrown as NodeJS.ErrnoException, config);
  }
  const { port } = app.server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  return {
    house,
    port,
    url: `http://${config.server.host.includes(':') ? `[${config.server.host}]` : ['127.0.0.1', '0.0.0.0'].includes(config.server.host) ? 'localhost' : config.server.host}:${port}`,
    reload: (next) => {
      // The measured size stays: measuring again needs a machine at rest.
      if (next.depth.size === 'auto') next.depth.size = config.depth.size;
      const report = reloadConfig(config, next);
      log.level = config.log.level;
      house.metrics.setTargets(config.targets);
      if (report.needRestart.length > 0) log.warn(report, 'settings reloaded; some need a restart');
      else log.info(report, 'settings reloaded');
      return report;
    },
    drain: async (seconds) => {
      log.info({ seconds, sessions: house.registry.sessions.length }, 'draining');
      await house.registry.drain(seconds);
    },
    close: (reason = 'server shutting down') => {
      closing ??= (async () => {
        log.info({ reason }, 'closing');
        await Promise.all([...sockets].map((session) => session.close(reason, 1)));
        await house.registry.close(reason);
        await app.close();
        await house.pool.close();
      })();
      return closing;
    },
  };
}

function addErrors(app: FastifyInstance, { metrics, log }: House): void {
  const known: Record<string, ErrorCode> = {
    FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
    FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
    FST_ERR_CTP_EMPTY_JSON_BODY: 'BAD_REQUEST',
  };
  app.setErrorHandler((thrown: FastifyError | DepthcastError, _request, reply) => {
    let error = thrown as DepthcastError;
    if (!(thrown instanceof DepthcastError)) {
      const client = (thrown.statusCode ?? 500) < 500;
      error = new DepthcastError(
        known[thrown.code] ?? (client ? 'BAD_REQUEST' : 'INTERNAL'),
        client ? { detail: thrown.message } : {},
      );
      if (error.code === 'INTERNAL') log.error({ err: thrown }, 'request failed');
    }
    metrics.rejected.inc({ code: error.code });
    if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
    if (error.status === 401) reply.header('www-authenticate', 'Bearer');
    return reply.code(error.status).send({ code: error.code, message: error.message });
  });
  app.setNotFoundHandler((_request, reply) => {
    const error = new DepthcastError('NOT_FOUND');
    return reply.code(404).send({ code: error.code, message: error.message });
  });
}

function addCors(app: FastifyInstance, { server }: Config): void {
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    if (origin === undefined) return;
    const sameSite = origin.replace(/^https?:\/\//, '') === request.headers.host;
    if (!sameSite && !originAllowed(server.allowedOrigins, origin)) throw new DepthcastError('FORBIDDEN_ORIGIN');
    reply.headers({
      'access-control-allow-origin': origin,
      vary: 'origin',
      'access-control-expose-headers': 'location, etag, link, accept-post, accept-patch, retry-after',
    });
    if (request.method === 'OPTIONS')
      reply.headers({
        'access-control-allow-methods': 'POST, PATCH, DELETE, OPTIONS',
        'access-control-allow-headers': 'authorization, content-type, if-match',
        'access-control-max-age': '600',
      });
  });
}

function addWebSockets(app: FastifyInstance, house: House): Set<WsSession> {
  const { config } = house;
  const sessions = new Set<WsSession>();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD, perMessageDeflate: false });
  app.server.on('upgrade', (request, socket, head) => {
    // Destroyed once the answer is out: a client that keeps its side open must not keep ours.
    const refuse = (status: string) =>
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
    // A client that vanishes during the handshake must not become an unhandled error.
    socket.on('error', () => socket.destroy());
    const { origin, host } = request.headers;
    const sameSite = origin?.replace(/^https?:\/\//, '') === host;
    // Not parsed as a URL: targets such as // are none, and nothing may throw here.
    if (request.url?.split('?')[0] !== '/ws') return refuse('404 Not Found');
    if (!sameSite && !originAllowed(config.server.allowedOrigins, origin)) return refuse('403 Forbidden');
    if (sessions.size >= config.limits.streams * SOCKETS_PER_STREAM) return refuse('503 Service Unavailable');
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const session = new WsSession(ws, house);
      sessions.add(session);
      ws.on('close', () => sessions.delete(session));
    });
    return undefined;
  });
  return sessions;
}

function listenError(error: NodeJS.ErrnoException, { server }: Config): DepthcastError {
  const where = `${server.host}:${server.port}`;
  if (error.code === 'EADDRINUSE')
    return new DepthcastError('PORT_IN_USE', {
      detail: `${where}; stop the other program or choose another with --port`,
    });
  if (error.code === 'EACCES')
    return new DepthcastError('PORT_DENIED', { detail: `${where}; choose one above 1023 with --port` });
  return new DepthcastError('BAD_CONFIG', { detail: `cannot listen on ${where}: ${error.message}` });
}
