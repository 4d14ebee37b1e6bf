import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { DepthcastError, toDepthcastError } from '../../errors.ts';
import type { ServerContext } from '../../session/server-context.ts';
import type { Authorizer } from '../authorizer.ts';
import type { Certificate } from '../certificate.ts';
import { pageUrls } from '../lan.ts';
import { clientKey } from '../request-limit.ts';
import { MAX_MESSAGE, SUBPROTOCOLS } from './messages.ts';

/** Of a handshake, from the connection on. */
const HANDSHAKE_MS = 10_000;
/** Connections that are still being set up, beside the clients. */
const SPARE_CONNECTIONS = 16;
/** Clients have this long to leave when the bridge closes. */
const CLOSE_MS = 1000;
const RETRY_PLACE = 30;

/** Who connected, and with what. */
export interface Admitted {
  /** What names it in limits. */
  address: string;
  authorization: string | undefined;
  /** Of its token, ms since the Unix epoch. */
  expiresAt: number | undefined;
}

export interface ListenerOptions {
  authorizer: Pick<Authorizer, 'admit' | 'identify'>;
  /** wss with this one; ws without. */
  certificate: Certificate | undefined;
  /** Clients that are connected. */
  clients(): number;
  opened(socket: WebSocket, admitted: Admitted): void;
}

/** The port of the bridge: who may connect, until the handshake is done. */
export class FoxgloveListener {
  readonly #context: Pick<ServerContext, 'config' | 'log' | 'metrics'>;
  readonly #options: ListenerOptions;
  readonly #server: http.Server | https.Server;
  readonly #sockets: WebSocketServer;
  /** On their way in: they count. */
  #entering = 0;

  constructor(context: Pick<ServerContext, 'config' | 'log' | 'metrics'>, options: ListenerOptions) {
    this.#context = context;
    this.#options = options;
    const { certificate } = options;
    const limits = { headersTimeout: HANDSHAKE_MS, requestTimeout: HANDSHAKE_MS, maxHeaderSize: 16 * 1024 };
    const answer: http.RequestListener = (_request, response) =>
      refuse(response, new DepthcastError('UPGRADE_REQUIRED', { detail: 'Foxglove connects here, by WebSocket' }));
    if (certificate) {
      const secure = https.createServer({ ...limits, ...certificate.pem, minVersion: 'TLSv1.2' }, answer);
      certificate.onChange((pem) => secure.setSecureContext(pem));
      this.#server = secure;
    } else this.#server = http.createServer(limits, answer);
    this.#server.maxConnections = context.config.bridge.foxglove.clients + SPARE_CONNECTIONS;
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE,
      perMessageDeflate: false,
      handleProtocols: (offered) => SUBPROTOCOLS.find((known) => offered.has(known)) ?? false,
    });
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
  }

  /** @throws DepthcastError PORT_IN_USE, PORT_DENIED, BAD_CONFIG */
  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const code =
          error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : error.code === 'EACCES' ? 'PORT_DENIED' : 'BAD_CONFIG';
        const detail = `bridge.foxglove ${this.#host}:${port}: ${error.message}`;
        reject(new DepthcastError(code, { detail, cause: error }));
      });
      this.#server.listen(port, this.#host, resolve);
    });
    // A connection that cannot be taken (EMFILE): clients try again.
    this.#server.removeAllListeners('error').on('error', () => {});
  }

  /** For the app on this machine. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    const scheme = this.#server instanceof https.Server ? 'https' : 'http';
    return pageUrls(scheme, this.#host, port).local.replace(/^http/, 'ws');
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const timer = setTimeout(() => {
      for (const socket of this.#sockets.clients) socket.terminate();
      this.#server.closeAllConnections();
    }, CLOSE_MS);
    await closed;
    clearTimeout(timer);
  }

  get #host(): string {
    const { bridge, server } = this.#context.config;
    return bridge.foxglove.host ?? server.host;
  }

  /** @throws DepthcastError FORBIDDEN_ORIGIN, BAD_REQUEST, UNAUTHORIZED, RATE_LIMITED, DOWNLOAD_FAILED */
  async #admit(request: http.IncomingMessage): Promise<Admitted> {
    const { allowedOrigins } = this.#context.config.server;
    const { origin } = request.headers;
    if (origin !== undefined && !allowedOrigins.includes('*') && !allowedOrigins.includes(origin))
      throw new DepthcastError('FORBIDDEN_ORIGIN', { detail: `${origin}: server.allowedOrigins does not list it` });
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
    if (!SUBPROTOCOLS.some((known) => offered.includes(known)))
      throw new DepthcastError('BAD_REQUEST', { detail: `the subprotocol ${SUBPROTOCOLS.join(' or ')} is expected` });
    // The app cannot send a header: it shows its token in the address.
    const token = new URLSearchParams(/\?.*$/.exec(request.url ?? '')?.[0]).get('token');
    const authorization = request.headers.authorization ?? (token === null ? undefined : `Bearer ${token}`);
    const address = clientKey({ ip: request.socket.remoteAddress });
    // A good token, though perhaps not for any stream that there is.
    const { expiresAt } = await this.#options.authorizer.identify(address, authorization, 'view');
    return { address, authorization, expiresAt };
  }

  async #upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS);
    socket.once('close', () => clearTimeout(timer));
    const { clients } = this.#context.config.bridge.foxglove;
    const isFull = this.#options.clients() + this.#entering >= clients;
    this.#entering++;
    try {
      if (isFull) {
        const detail = `${clients} clients (bridge.foxglove.clients)`;
        throw new DepthcastError('BUSY', { detail, retryAfter: RETRY_PLACE });
      }
      const admitted = await this.#admit(request);
      this.#sockets.handleUpgrade(request, socket as Socket, head, (opened) => {
        clearTimeout(timer);
        this.#options.opened(opened, admitted);
      });
    } catch (thrown) {
      const error = toDepthcastError(thrown);
      this.#context.metrics.rejected.inc({ code: error.code });
      this.#context.log.info({ code: error.code }, `Foxglove refused: ${error.message}`);
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
}

function refuse(response: http.ServerResponse, { code, status, message, retryAfter }: DepthcastError): void {
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
  if (code === 'UPGRADE_REQUIRED') response.setHeader('upgrade', 'websocket');
  if (code === 'UNAUTHORIZED') response.setHeader('www-authenticate', 'Bearer');
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify({ code, message }));
}
