import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { Config } from '../config/schema.ts';
import type { ErrorCode } from '../errors.ts';
import { clientKey } from './request-limit.ts';

/** A client that sends its request byte by byte has this long, headers first. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** Of a connection between two requests; without any traffic within one. */
const KEEP_ALIVE_MS = 30_000;
const SILENCE_MS = 60_000;
const HTTP: ServerOptions = {
  headersTimeout: HEADERS_MS,
  requestTimeout: REQUEST_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  connectionsCheckingInterval: 5000,
  maxHeaderSize: 16 * 1024,
};

export interface HttpServerOptions {
  config: Config;
  /** A connection was closed unheard. */
  refused: (code: ErrorCode) => void;
}

/** Node's HTTP server with bounds on time, headers and connections. */
export function createHttpServer(handler: RequestListener, { config, refused }: HttpServerOptions): Server {
  const server = createServer(HTTP, handler);
  server.setTimeout(SILENCE_MS);
  boundConnections(server, config, refused);
  return server;
}

/** Closes connections beyond `limits.connections` and `limits.connectionsPerAddress`. */
function boundConnections(
  server: Server,
  { server: { trustProxy }, limits }: Config,
  refused: (code: ErrorCode) => void,
) {
  server.maxConnections = limits.connections;
  server.on('drop', () => refused('BUSY'));
  // All of a proxy's connections come from its address.
  if (trustProxy !== false) return;
  const open = new Map<string, number>();
  server.prependListener('connection', (socket: Socket) => {
    const address = clientKey({ ip: socket.remoteAddress });
    const count = (open.get(address) ?? 0) + 1;
    if (count > limits.connectionsPerAddress) {
      refused('RATE_LIMITED');
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once('close', () => {
      const left = open.get(address)! - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
}
