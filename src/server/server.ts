import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import Fastify, { type FastifyInstance } from 'fastify';
import { type Logger, pino } from 'pino';
import { type ReloadReport, reloadConfig } from '../config/reload.ts';
import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import type { ServerContext } from '../session/server-context.ts';
import { AgentPort } from './agent-port.ts';
import { boot } from './boot.ts';
import { Certificate } from './certificate.ts';
import { addCors } from './cors.ts';
import { FoxgloveBridge } from './foxglove/bridge.ts';
import { createGuards } from './guards.ts';
import { addHealth } from './health.ts';
import { createHttpServer } from './http-server.ts';
import { pageUrls } from './lan.ts';
import { addOpenApi } from './openapi/document.ts';
import { addOutputs } from './outputs-api.ts';
import { OwnNames } from './own-names.ts';
import { addPushedOutputs } from './pushed-outputs-api.ts';
import { addRecording } from './recording-api.ts';
import { Refusals } from './refusals.ts';
import { addRequestLimit } from './request-limit.ts';
import { addSources } from './sources-api.ts';
import { addStream } from './stream-api.ts';
import { addStreams } from './streams-api.ts';
import { addStudioPages } from './studio-pages.ts';
import { addWhip } from './whip.ts';
import { addWebSockets } from './ws-admission.ts';

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
  /** Where Foxglove connects; undefined without `bridge.foxglove.port`. */
  readonly foxgloveUrl: string | undefined;
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
export async function startServer({
  config,
  version,
  log = pino({ level: 'silent' }),
}: ServerOptions): Promise<DepthServer> {
  // Before the model is loaded, which may take a while.
  await checkPort(config);
  const context = await boot({ config, version, log });
  try {
    return await listen(context);
  } catch (thrown) {
    await context.registry.close('start failed');
    await context.peers.close('start failed');
    await context.pool.close();
    throw thrown;
  }
}

function createApp(
  { config, metrics }: Pick<ServerContext, 'config' | 'metrics'>,
  refusals: Refusals,
  certificate?: Certificate,
): FastifyInstance {
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
  addOpenApi(app, context.version);
  addWhip(app, context, guards);
  addHealth(app, context, guards.authorizer);
  addStream(app, context, guards.authorizer);
  addRecording(app, context, guards.authorizer);
  addSources(app, context, guards.authorizer);
  addStreams(app, context, guards.authorizer, () => {
    const { port } = app.server.address() as AddressInfo;
    return {
      network: pageUrls(certificate ? 'https' : 'http', config.server.host, port).network,
      sha256: certificate?.generated ? certificate.fingerprint : null,
    };
  });
  addPushedOutputs(app, context, guards.authorizer);
  addOutputs(app, context, guards.authorizer);
  if (existsSync(CLIENT_FILES)) {
    await app.register(fastifyStatic, { root: CLIENT_FILES, extensions: ['html'] });
    addStudioPages(app);
  } else
    app.get('/', (_request, reply) => reply.type('text/plain').send('The page is not built: run npm run build.\n'));
  const sockets = addWebSockets(app, context, guards);

  try {
    await app.listen({ host: config.server.host, port: config.server.port });
  } catch (thrown) {
    throw listenError(thrown as NodeJS.ErrnoException, config);
  }
  let agentPort: AgentPort | undefined;
  let foxglove: FoxgloveBridge | undefined;
  try {
    agentPort = await AgentPort.open(context);
    foxglove = await FoxgloveBridge.open(context, { authorizer: guards.authorizer, certificate });
  } catch (thrown) {
    await agentPort?.close();
    await app.close();
    throw thrown;
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
    foxgloveUrl: foxglove?.url,
    reload: (next) => {
      // The measured size stays: measuring again needs a machine at rest.
      if (next.depth.size === 'auto') next.depth.size = config.depth.size;
      // Before anything changes: without its keys, a server that is to be protected by them would be open.
      const useKeys = guards.authorizer.prepare(next.jwt);
      const report = reloadConfig(config, next);
      useKeys();
      log.level = config.log.level;
      context.metrics.setTargets(config.targets);
      context.peers.configure(context.config);
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
        agentPort?.announceEnd();
        await Promise.all([...sockets].map((session) => session.close(reason, 1)));
        context.size?.close();
        await context.recordings.close();
        context.outputs.close();
        await context.mattes.close();
        await context.registry.close(reason);
        await context.peers.close(reason);
        await foxglove?.close();
        certificate?.close();
        await app.close();
        await agentPort?.close();
        await context.pool.close();
      })();
      return closing;
    },
  };
}

/** @throws DepthcastError PORT_IN_USE, PORT_DENIED, BAD_CONFIG */
async function checkPort(config: Config): Promise<void> {
  const { port, host } = config.server;
  if (port === 0) return;
  const probe = createServer();
  try {
    await once(probe.listen(port, host), 'listening');
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, config);
  }
  await new Promise((resolve) => probe.close(resolve));
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
