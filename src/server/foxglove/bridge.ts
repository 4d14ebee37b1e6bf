import { randomUUID } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import { DepthcastError, toDepthcastError } from '../../errors.ts';
import { opticalTransform, rosTime } from '../../ros/messages.ts';
import { schemaOf } from '../../ros/types.ts';
import type { ServerContext } from '../../session/server-context.ts';
import type { LiveStream } from '../../stream/live-stream.ts';
import type { Authorizer } from '../authorizer.ts';
import type { Certificate } from '../certificate.ts';
import { pageUrls } from '../lan.ts';
import { clientKey } from '../request-limit.ts';
import { type ClientHost, FoxgloveClient } from './client.ts';
import { type Channel, MAX_MESSAGE, type Parameter, SUBPROTOCOLS } from './messages.ts';
import { type FeedListener, openChannel, StreamFeed } from './stream-feed.ts';

const MEBIBYTE = 2 ** 20;
/** Of a handshake, from the connection on. */
const HANDSHAKE_MS = 10_000;
/** A client that does not answer for so long is gone. */
const ALIVE_MS = 30_000;
/** How often parameters are compared with what their watchers know. */
const WATCH_MS = 1000;
/** Connections that are still being set up, beside the clients. */
const SPARE_CONNECTIONS = 16;
const TF = 'tf2_msgs/msg/TFMessage';
/** Of RFC 6455: the server goes away; a policy was not kept. */
const GOING_AWAY = 1001;
const POLICY = 1008;

type Context = Pick<ServerContext, 'config' | 'registry' | 'log' | 'metrics' | 'version' | 'pool' | 'admission'>;

export interface BridgeOptions {
  authorizer: Pick<Authorizer, 'admit'>;
  /** wss with this one; ws without. */
  certificate: Certificate | undefined;
}

interface Admitted {
  address: string;
  authorization: string | undefined;
  /** ms since the Unix epoch. */
  expiresAt: number | undefined;
}

/** `bridge.foxglove`: live streams for Foxglove, over its WebSocket protocol, at a port of its own. */
export class FoxgloveBridge implements ClientHost, FeedListener {
  readonly queueBytes: number;
  readonly #context: Context;
  readonly #authorizer: BridgeOptions['authorizer'];
  readonly #log: Logger;
  readonly #server: http.Server | https.Server;
  readonly #sockets: WebSocketServer;
  readonly #feeds = new Map<LiveStream, StreamFeed>();
  readonly #clients = new Map<FoxgloveClient, Admitted>();
  readonly #session = randomUUID();
  readonly #tf = openChannel('/tf_static', TF);
  readonly #watch: NodeJS.Timeout;
  /** On their way in: they count. */
  #entering = 0;

  private constructor(context: Context, { authorizer, certificate }: BridgeOptions) {
    this.#context = context;
    this.#authorizer = authorizer;
    this.#log = context.log;
    const { clients, queueMegabytes } = context.config.bridge.foxglove;
    this.queueBytes = queueMegabytes * MEBIBYTE;
    const options = { headersTimeout: HANDSHAKE_MS, requestTimeout: HANDSHAKE_MS, maxHeaderSize: 16 * 1024 };
    const answer: http.RequestListener = (_request, response) =>
      refuse(response, new DepthcastError('UPGRADE_REQUIRED', { detail: 'Foxglove connects here, by WebSocket' }));
    if (certificate) {
      const secure = https.createServer({ ...options, ...certificate.pem, minVersion: 'TLSv1.2' }, answer);
      certificate.onChange((pem) => secure.setSecureContext(pem));
      this.#server = secure;
    } else this.#server = http.createServer(options, answer);
    this.#server.maxConnections = clients + SPARE_CONNECTIONS;
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE,
      perMessageDeflate: false,
      handleProtocols: (offered) => SUBPROTOCOLS.find((known) => offered.has(known)) ?? false,
    });
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    for (const stream of context.registry.liveStreams) this.#publish(stream);
    context.registry.onStream((stream) => this.#publish(stream));
    this.#watch = setInterval(() => this.#tellChanges(), WATCH_MS).unref();
  }

  /**
   * Listens where `bridge.foxglove.port` says; undefined where it says nothing.
   * @throws DepthcastError PORT_IN_USE, PORT_DENIED, BAD_CONFIG
   */
  static async open(context: Context, options: BridgeOptions): Promise<FoxgloveBridge | undefined> {
    const { port, host } = context.config.bridge.foxglove;
    if (port === null) return undefined;
    const address = host ?? context.config.server.host;
    const bridge = new FoxgloveBridge(context, options);
    await new Promise<void>((resolve, reject) => {
      bridge.#server.once('error', (error: NodeJS.ErrnoException) => {
        clearInterval(bridge.#watch);
        const code =
          error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : error.code === 'EACCES' ? 'PORT_DENIED' : 'BAD_CONFIG';
        const detail = `bridge.foxglove ${address}:${port}: ${error.message}`;
        reject(new DepthcastError(code, { detail, cause: error }));
      });
      bridge.#server.listen(port, address, resolve);
    });
    // A connection that cannot be taken (EMFILE): clients try again.
    bridge.#server.removeAllListeners('error').on('error', () => {});
    bridge.#log.info({ url: bridge.url }, 'Foxglove bridge');
    return bridge;
  }

  /** For the app on this machine. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    const { host } = this.#context.config.bridge.foxglove;
    const secure = this.#server instanceof https.Server;
    return pageUrls(secure ? 'https' : 'http', host ?? this.#context.config.server.host, port).local.replace(
      /^http/,
      'ws',
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    for (const client of this.#clients.keys()) client.close(GOING_AWAY, 'server shutting down');
    const closed = new Promise((resolve) => this.#server.close(resolve));
    setTimeout(() => {
      for (const socket of this.#sockets.clients) socket.terminate();
      this.#server.closeAllConnections();
    }, 1000).unref();
    await closed;
  }

  wants(channelId: number): boolean {
    for (const client of this.#clients.keys()) if (client.wants(channelId)) return true;
    return false;
  }

  advertise(feed: StreamFeed, channels: Channel[]): void {
    for (const client of this.#clients.keys()) if (client.feeds.has(feed)) client.send({ op: 'advertise', channels });
  }

  frame(...[feed, nanoseconds, messages]: Parameters<FeedListener['frame']>): void {
    for (const client of this.#clients.keys()) if (client.feeds.has(feed)) client.frame(feed, nanoseconds, messages);
  }

  hasChannel(client: FoxgloveClient, channelId: number): boolean {
    return (
      channelId === this.#tf.id || [...client.feeds].some(({ channels }) => channels.some(({ id }) => id === channelId))
    );
  }

  subscribed(client: FoxgloveClient, channelId: number): void {
    if (channelId === this.#tf.id) this.#sendTransforms(client, [...client.feeds]);
  }

  parameters(client: FoxgloveClient): Parameter[] {
    return [...client.feeds].flatMap(({ parameters }) => parameters.all());
  }

  async setParameter(client: FoxgloveClient, parameter: Parameter): Promise<void> {
    const { name } = parameter;
    const feed = [...client.feeds].find(({ parameters }) => parameters.has(name));
    if (!feed) throw new DepthcastError('BAD_REQUEST', { detail: `there is no parameter ${name.slice(0, 128)}` });
    const { address, authorization } = this.#clients.get(client) ?? { address: '', authorization: undefined };
    await this.#authorizer.admit(address, authorization, { do: 'publish', stream: feed.stream.name });
    await feed.parameters.set(parameter);
    this.#log.info({ stream: feed.stream.name, parameter: name, value: parameter.value }, 'set from Foxglove');
    this.#tellChanges();
  }

  /** @throws DepthcastError */
  async #admit(request: http.IncomingMessage): Promise<Admitted> {
    const { allowedOrigins } = this.#context.config.server;
    const { origin } = request.headers;
    if (origin !== undefined && !allowedOrigins.includes('*') && !allowedOrigins.includes(origin))
      throw new DepthcastError('FORBIDDEN_ORIGIN', { detail: `${origin}: server.allowedOrigins does not list it` });
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
    if (!SUBPROTOCOLS.some((known) => offered.includes(known)))
      throw new DepthcastError('BAD_REQUEST', { detail: `the subprotocol ${SUBPROTOCOLS.join(' or ')} is expected` });
    // The app cannot send a header: it shows its token in the address.
    const token = new URL(request.url ?? '/', 'ws://localhost').searchParams.get('token');
    const authorization = request.headers.authorization ?? (token === null ? undefined : `Bearer ${token}`);
    const address = clientKey({ ip: request.socket.remoteAddress });
    try {
      const { expiresAt } = await this.#authorizer.admit(address, authorization, { do: 'view', stream: '' });
      return { address, authorization, expiresAt };
    } catch (thrown) {
      // A good token, though not for any stream.
      if ((thrown as DepthcastError).code !== 'FORBIDDEN') throw thrown;
      return { address, authorization, expiresAt: undefined };
    }
  }

  async #upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS);
    socket.once('close', () => clearTimeout(timer));
    const { clients } = this.#context.config.bridge.foxglove;
    const isFull = this.#clients.size + this.#entering >= clients;
    this.#entering++;
    try {
      if (isFull) throw new DepthcastError('BUSY', { detail: `${clients} clients (bridge.foxglove.clients)` });
      const admitted = await this.#admit(request);
      this.#sockets.handleUpgrade(request, socket as Socket, head, (opened) => {
        clearTimeout(timer);
        this.#welcome(opened, admitted);
      });
    } catch (thrown) {
      const error = toDepthcastError(thrown);
      this.#context.metrics.rejected.inc({ code: error.code });
      this.#log.info({ code: error.code }, `Foxglove refused: ${error.message}`);
      if (socket.destroyed) return;
      const response = new http.ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket as Socket);
      response.on('finish', () => socket.end(() => socket.destroy()));
      refuse(response, error);
    } finally {
      this.#entering--;
    }
  }

  #welcome(socket: WebSocket, admitted: Admitted): void {
    const client = new FoxgloveClient(socket, this);
    this.#clients.set(client, admitted);
    const alive = keepAlive(socket);
    const expiry = this.#endWithToken(client, admitted.expiresAt);
    socket.on('error', () => socket.terminate());
    socket.once('close', () => {
      clearInterval(alive);
      clearInterval(expiry);
      this.#clients.delete(client);
      this.#log.info({ clients: this.#clients.size, dropped: client.dropped }, 'Foxglove disconnected');
    });
    this.#log.info({ clients: this.#clients.size }, 'Foxglove connected');
    client.send({
      op: 'serverInfo',
      name: 'depthcast',
      capabilities: ['parameters', 'parametersSubscribe'],
      supportedEncodings: [],
      metadata: { version: this.#context.version },
      sessionId: this.#session,
    });
    client.send({ op: 'advertise', channels: [this.#tf] });
    for (const feed of this.#feeds.values()) void this.#show(client, feed);
  }

  #endWithToken(client: FoxgloveClient, expiresAt: number | undefined): NodeJS.Timeout | undefined {
    if (expiresAt === undefined || !this.#context.config.jwt.endsSessions) return undefined;
    return setInterval(() => {
      if (Date.now() >= expiresAt) client.close(POLICY, 'the token has expired');
    }, WATCH_MS);
  }

  #publish(stream: LiveStream): void {
    // The name of a two-way session is a secret.
    if (stream.unlisted) return;
    const feed = stream.add((listener) => new StreamFeed(stream, this.#context, this, listener));
    this.#feeds.set(stream, feed);
    for (const client of this.#clients.keys()) void this.#show(client, feed);
    stream.once('closed', () => {
      this.#feeds.delete(stream);
      const channelIds = feed.channels.map(({ id }) => id);
      for (const client of this.#clients.keys())
        if (client.feeds.has(feed)) {
          client.forget(feed);
          client.send({ op: 'unadvertise', channelIds });
        }
    });
  }

  /** Shows a stream to a client that may view it. */
  async #show(client: FoxgloveClient, feed: StreamFeed): Promise<void> {
    const admitted = this.#clients.get(client)!;
    try {
      const { address, authorization } = admitted;
      const stream = feed.stream.name;
      const { expiresAt } = await this.#authorizer.admit(address, authorization, { do: 'view', stream });
      admitted.expiresAt ??= expiresAt;
    } catch (thrown) {
      const { code, message } = toDepthcastError(thrown);
      if (code !== 'FORBIDDEN') client.complain(message);
      return;
    }
    if (feed.stream.closed || !this.#clients.has(client)) return;
    client.feeds.add(feed);
    client.send({ op: 'advertise', channels: feed.channels });
    this.#sendTransforms(client, [feed]);
  }

  #sendTransforms(client: FoxgloveClient, feeds: StreamFeed[]): void {
    const now = Date.now();
    const transforms = feeds.map(({ stream }) => opticalTransform(rosTime(now), stream.name));
    if (transforms.length > 0)
      client.data(this.#tf.id, BigInt(now) * 1_000_000n, schemaOf(TF).serialise({ transforms }));
  }

  #tellChanges(): void {
    for (const client of this.#clients.keys()) {
      if (client.watched.size === 0) continue;
      const changed = this.parameters(client).filter(({ name, value }) => {
        const known = client.watched.get(name);
        return known !== undefined && known !== JSON.stringify(value);
      });
      if (changed.length === 0) continue;
      for (const { name, value } of changed) client.watched.set(name, JSON.stringify(value));
      client.send({ op: 'parameterValues', parameters: changed });
    }
  }
}

function keepAlive(socket: WebSocket): NodeJS.Timeout {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  return setInterval(() => {
    if (!answered) socket.terminate();
    answered = false;
    socket.ping();
  }, ALIVE_MS);
}

function refuse(response: http.ServerResponse, { code, status, message, retryAfter }: DepthcastError): void {
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
  if (code === 'UPGRADE_REQUIRED') response.setHeader('upgrade', 'websocket');
  if (code === 'UNAUTHORIZED') response.setHeader('www-authenticate', 'Bearer');
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
    .end(JSON.stringify({ code, message }));
}
