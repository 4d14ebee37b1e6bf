import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import type { Config } from '../config/schema.ts';
import type { ErrorCode } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import { sortByFirstByte } from './plain-http.ts';
import { clientKey } from './request-limit.ts';
import { UpgradableRequest } from './upgrade.ts';

/** A client that sends its request byte by byte has this long, headers first. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const HANDSHAKE_MS = 10_000;
/** Of a connection between two requests; without any traffic within one. */
const KEEP_ALIVE_MS = 30_000;
const SILENCE_MS = 60_000;
/** Requests under way when the server closes have this long to be answered. */
const CLOSE_MS = 1000;
/** Requests of a connection that wait for their answers. Browsers wait for each; a flood would block everybody else. */
const MAX_PIPELINED = 16;
/** Then a client opens another connection, and others get their turn. */
const MAX_REQUESTS = 1000;
const OPTIONS: http.ServerOptions = {
  IncomingMessage: UpgradableRequest,
  headersTimeout: HEADERS_MS,
  requestTimeout: REQUEST_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  connectionsCheckingInterval: 5000,
  maxHeaderSize: 16 * 1024,
};

export interface HttpServerOptions {
  config: Config;
  /** https with this one; http without. */
  certificate: Certificate | undefined;
  /** A connection was closed unheard. */
  refused: (code: ErrorCode) => void;
}

/** Node's HTTP or HTTPS server with bounds on time, headers and connections. */
export function createHttpServer(
  route: http.RequestListener,
  { config, certificate, refused }: HttpServerOptions,
): http.Server {
  let server: http.Server | https.Server;
  const handler = serializeRequests(route, refused);
  if (certificate === undefined) server = http.createServer(OPTIONS, handler);
  else {
    const options = { ...OPTIONS, ...certificate.pem, handshakeTimeout: HANDSHAKE_MS, minVersion: 'TLSv1.2' as const };
    const secure = https.createServer(options, handler);
    certificate.onChange((pem) => secure.setSecureContext(pem));
    sortByFirstByte(secure, HEADERS_MS, () => refused('BUSY'));
    server = secure;
  }
  server.setTimeout(SILENCE_MS);
  server.maxRequestsPerSocket = MAX_REQUESTS;
  // Emitted, too, for what is left in a piece whose connection was cut.
  server.on('dropRequest', (_request: http.IncomingMessage, socket: Socket) => {
    if (!socket.destroyed) refused('RATE_LIMITED');
    socket.destroy();
  });
  boundConnections(server, config, refused);
  // As far as anybody uses it, an https.Server is an http.Server.
  return server as http.Server;
}

/**
 * Requests of one connection one after another: begun at once, as Node does it, those whose answers wait for an earlier
 * one would never learn that the connection is gone, and keep their files open. A connection that sends on and on without
 * waiting for answers is cut.
 */
function serializeRequests(route: http.RequestListener, refused: HttpServerOptions['refused']): http.RequestListener {
  type Exchange = Parameters<http.RequestListener>;
  const waiting = new WeakMap<Socket, Exchange[]>();
  const run = (socket: Socket, ...[request, response]: Exchange) => {
    response.once('close', () => {
      const next = waiting.get(socket)?.shift();
      if (next === undefined) waiting.delete(socket);
      else if (!socket.destroyed) run(socket, ...next);
    });
    route(request, response);
  };
  return (request, response) => {
    const { socket } = request;
    // Node has parsed, and still delivers, what came in the same piece as the request that went too far.
    if (socket.destroyed) return;
    // Node forgets what came in the same piece behind a request for another protocol: the client is to send it again.
    if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
    const queue = waiting.get(socket);
    if (queue === undefined) {
      waiting.set(socket, []);
      run(socket, request, response);
    } else if (queue.length < MAX_PIPELINED) queue.push([request, response]);
    else {
      refused('RATE_LIMITED');
      socket.destroy();
    }
  };
}

/** Closes connections beyond `limits.connections` and `limits.connectionsPerAddress`, and at the end all. */
function boundConnections(
  server: http.Server | https.Server,
  { server: { trustProxy }, limits }: Config,
  refused: (code: ErrorCode) => void,
): void {
  const open = new Set<Socket>();
  const byAddress = new Map<string, number>();
  server.maxConnections = limits.connections;
  server.on('drop', () => refused('BUSY'));
  server.prependListener('connection', (socket: Socket) => {
    const address = clientKey({ ip: socket.remoteAddress });
    const count = (byAddress.get(address) ?? 0) + 1;
    // All of a proxy's connections come from its address.
    if (count > limits.connectionsPerAddress && trustProxy === false) {
      refused('RATE_LIMITED');
      socket.destroy();
      return;
    }
    open.add(socket);
    byAddress.set(address, count);
    socket.once('close', () => {
      open.delete(socket);
      const left = byAddress.get(address)! - 1;
      if (left > 0) byAddress.set(address, left);
      else byAddress.delete(address);
    });
  });
  // Connections that never sent anything would keep a server from closing until they time out.
  const close = server.close.bind(server);
  server.close = (done) => {
    const timer = setTimeout(() => {
      for (const socket of open) socket.destroy();
    }, CLOSE_MS);
    return close((error) => {
      clearTimeout(timer);
      done?.(error);
    });
  };
}
