import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { type Logger, pino } from 'pino';
import { type ReloadReport, reloadConfig } from '../config/reload.ts';
import type { Config, SettledConfig } from '../config/schema.ts';
import { measureSize } from '../depth/auto-size.ts';
import type { WorkerInferencer } from '../depth/inferencer.ts';
import { checkSize } from '../depth/network-size.ts';
import { InferencerPool } from '../depth/pool.ts';
import { DepthcastError } from '../errors.ts';
import { Metrics } from '../metrics/metrics.ts';
import { modelFolder } from '../model/store/folder.ts';
import { Admission } from '../session/admission.ts';
import { watchInference } from '../session/inference-metrics.ts';
import { Registry } from '../session/registry.ts';
import { publishScenes } from '../session/scenes.ts';
import type { ServerContext } from '../session/server-context.ts';
import { warmUpDtls } from '../webrtc/index.ts';
import { Certificate } from './certificate.ts';
import { addCors } from './cors.ts';
import { createGuards, type Guards } from './guards.ts';
import { addHealth } from './health.ts';
import { createHttpServer } from './http-server.ts';
import { pageUrls } from './lan.ts';
import { OwnNames } from './own-names.ts';
import { Refusals } from './refusals.ts';
import { addRequestLimit, clientAddress, clientKey } from './request-limit.ts';
import { type AdmittedSocket, addUpgrades } from './upgrade.ts';
import { addWhip } from './whip.ts';
import { WsSession } from './ws-session.ts';

/** Connections to /ws at once, for each stream that the server carries. */
const SOCKETS_PER_STREAM = 4;
const CLIENT_FILES = resolve(
  import.meta.dirname,
  import.meta.url.includes('/dist/') ? '../../client' : '../../dist/client',
);

/** A running depthcast server. */
export interface DepthServer {
  /** For a browser on this machine. */
  readonly url: string;
  /** For browsers on its networks; none where it listens on loopback alone. */
  readonly networkUrls: readonly string[];
  readonly certificate: Certificate | undefined;
  readonly port: number;
  readonly context: ServerContext;
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
  const { model, device, threads, workers, size, cutThreshold, metric, precision } = options.config.depth;
  const wanted = typeof size === 'number' ? size : undefined;
  if (device !== 'cpu')
    throw new DepthcastError('DEVICE_UNAVAILABLE', { detail: `${device}; this version runs networks on: cpu` });
  let context: ServerContext | undefined;
  const pool = new InferencerPool(model, {
    threads,
    workers,
    cutThreshold,
    size: wanted,
    library: {
      store: modelFolder(options.config.models.folder),
      metric: metric ?? undefined,
      precision: precision ?? undefined,
    },
    onLoad: (inferencer) => context && watchInference(context, inferencer),
  });
  try {
    // A size that the default model does not have stops the start.
    if (wanted !== undefined) checkSize(pool.models[0]!.manifest, wanted);
    const first = await pool.get();
    const config = await settle(options.config, first, log);
    const metrics = new Metrics({ version, model: first.model.name, device: first.device });
    metrics.setTargets(config.targets);
    const registry = new Registry();
    const admission = new Admission({ registry, pool, config });
    context = { config, version, pool, metrics, log, registry, admission, device: first.device };
    watchInference(context, first);
    await Promise.all([publishScenes(context), warmUpDtls()]);
    return await listen(context);
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

function createApp({ config, metrics }: ServerContext, refusals: Refusals, certificate?: Certificate): FastifyInstance {
  const { bodyLimit, trustProxy } = config.server;
  try {
    return Fastify({
      logger: false,
      bodyLimit,
      trustProxy,
      frameworkErrors: refusals.answer,
      clientErrorHandler: refusals.answerSocket,
      serverFactory: (handler) =>
        createHttpServer(handler, { config, certificate, refused: (code) => metrics.rejected.inc({ code }) }),
    });
  } catch (thrown) {
    throw new DepthcastError('BAD_CONFIG', {
      detail: `server.trustProxy: ${(thrown as Error).message}`,
      cause: thrown,
    });
  }
}

async function listen(context: ServerContext): Promise<DepthServer> {
  const { config, log } = context;
  const refusals = new Refusals(context);
  const guards = createGuards(config);
  const certificate = await Certificate.open(config.tls, log);
  const app = createApp(context, refusals, certificate);
  refusals.install(app);
  // Clients send it with a DELETE, which has no body: no type is meant.
  app.addHook('onRequest', async ({ raw }) => {
    if (raw.headers['content-type']?.trim() === '') delete raw.headers['content-type'];
  });
  await addRequestLimit(app, config);
  await addCors(app, config, new OwnNames(config, certificate));
  for (const type of ['application/sdp', 'application/trickle-ice-sdpfrag'])
    app.addContentTypeParser(type, { parseAs: 'string' }, (_request, body, done) => done(null, body));
  addWhip(app, context, guards);
  addHealth(app, context, guards.authorizer);
  if (existsSync(CLIENT_FILES)) await app.register(fastifyStatic, { root: CLIENT_FILES });
  else app.get('/', (_request, reply) => reply.type('text/plain').send('The page is not built: run npm run build.\n'));
  const sockets = addWebSockets(app, context, guards);

  try {
    await app.listen({ host: config.server.host, port: config.server.port });
  } catch (thrown) {
    throw listenError(thrown as NodeJS.ErrnoException, config);
  }
  const { port } = app.server.address() as AddressInfo;
  const { local, network } = pageUrls(certificate ? 'https' : 'http', config.server.host, port);
  let closing: Promise<void> | undefined;
  return {
    context,
    port,
    url: local,
    networkUrls: network,
    certificate,
    reload: (next) => {
      // The measured size stays: measuring again needs a machine at rest.
      if (next.depth.size === 'auto') next.depth.size = config.depth.size;
      // Before anything changes: without its keys, a server that is to be protected by them would be open.
      const useKeys = guards.authorizer.prepare(next.jwt);
      const report = reloadConfig(config, next);
      useKeys();
      log.level = config.log.level;
      context.metrics.setTargets(config.targets);
      void certificate?.refresh();
      if (report.needRestart.length > 0) log.warn(report, 'settings reloaded; some need a restart');
      else log.info(report, 'settings reloaded');
      return report;
    },
    drain: async (seconds) => {
      log.info({ seconds, sessions: context.registry.sessions.length }, 'draining');
      await context.registry.drain(seconds);
    },
    close: (reason = 'server shutting down') => {
      closing ??= (async () => {
        log.info({ reason }, 'closing');
        await Promise.all([...sockets].map((session) => session.close(reason, 1)));
        await context.registry.close(reason);
        certificate?.close();
        await app.close();
        await context.pool.close();
      })();
      return closing;
    },
  };
}

/** Sessions of `/ws`, as they come and go. */
function addWebSockets(app: FastifyInstance, context: ServerContext, { places, authorizer }: Guards): Set<WsSession> {
  const { config } = context;
  const sessions = new Set<WsSession>();
  let admitted = 0;
  const enter = async (request: FastifyRequest): Promise<AdmittedSocket> => {
    const address = clientKey(request);
    const client = clientAddress(request);
    const bearer = /^Bearer /i.exec(request.headers.authorization ?? '')?.input;
    const admit = (authorization: string | undefined) => authorizer.admit(address, authorization, { do: 'duplex' });
    // A program may show its token at once; a browser cannot, and says it in hello.
    const grant = bearer === undefined ? undefined : await admit(bearer);
    // No await from here to the place: connections that come together do not pass the bound together.
    if (admitted >= config.limits.streams * SOCKETS_PER_STREAM) throw new DepthcastError('BUSY', { retryAfter: 5 });
    const place = places.take(address);
    admitted++;
    const end = () => {
      admitted--;
      place.leave();
    };
    return {
      open: (socket) => {
        const session = new WsSession(socket, context, {
          client,
          admit: async (token) => grant ?? admit(token === undefined ? undefined : `Bearer ${token}`),
          renew: (token) => admit(`Bearer ${token}`),
          settle: place.settle,
        });
        sessions.add(session);
        socket.on('close', () => {
          sessions.delete(session);
          end();
        });
      },
      cancel: end,
    };
  };
  addUpgrades(app, enter, (code) => context.metrics.rejected.inc({ code }));
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
