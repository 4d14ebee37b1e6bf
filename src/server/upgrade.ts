import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import { DepthcastError, type ErrorCode } from '../errors.ts';
import { MAX_PAYLOAD } from './ws-reader.ts';

/** Of one message; each byte on its own would cost hundreds of times its size. */
const MAX_FRAGMENTS = 64;

/** A connection that may be opened. */
export interface Admission {
  open(socket: WebSocket): void;
  /** The handshake failed: nothing was opened. */
  cancel(): void;
}

/**
 * Takes WebSocket connections at `/ws`. An upgrade request passes the same hooks as any other request, so that limits,
 * origins and errors are one policy, and a refused one is answered and counted as all are.
 * @param admit decides, before the handshake; it throws what the client is answered
 * @param refused a connection was closed without an answer
 */
export function addUpgrades(
  app: FastifyInstance,
  admit: (request: FastifyRequest) => Promise<Admission>,
  refused: (code: ErrorCode) => void,
): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_PAYLOAD,
    maxFragments: MAX_FRAGMENTS,
    perMessageDeflate: false,
  });
  const pending = new WeakMap<IncomingMessage, { socket: Duplex; head: Buffer }>();
  let broken = '';
  // Emitted before handleUpgrade returns; without a listener ws would answer by itself.
  sockets.on('wsClientError', (error) => {
    broken = error.message;
  });

  app.server.on('upgrade', (request, socket, head) => {
    // A client that vanishes during the handshake must not become an unhandled error.
    socket.on('error', () => socket.destroy());
    // Cut already, as one that floods: Node delivers what came in the same piece all the same.
    if (socket.destroyed) return;
    pending.set(request, { socket, head });
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    try {
      response.assignSocket(socket as Socket);
    } catch {
      // An earlier request of the connection still waits for its answer, which Node will not order before this one.
      refused('BAD_REQUEST');
      socket.destroy();
      return;
    }
    // Destroyed once the answer is out: a client that keeps its side open must not keep ours.
    response.on('finish', () => socket.end(() => socket.destroy()));
    app.routing(request, response);
  });

  const isWebSocket = ({ headers }: FastifyRequest) => headers.upgrade?.toLowerCase() === 'websocket';
  app.addHook('onRequest', async (request) => {
    // A WebSocket can do nothing with the page or any other answer.
    if (pending.has(request.raw) && isWebSocket(request) && request.routeOptions.url !== '/ws')
      throw new DepthcastError('NOT_FOUND');
  });
  app.get('/ws', async (request: FastifyRequest, reply: FastifyReply) => {
    const upgrade = pending.get(request.raw);
    if (upgrade === undefined || !isWebSocket(request)) {
      reply.header('upgrade', 'websocket');
      throw new DepthcastError('UPGRADE_REQUIRED');
    }
    const { open, cancel } = await admit(request);
    const socket = upgrade.socket as Socket;
    let opened = false;
    broken = '';
    reply.raw.detachSocket(socket);
    sockets.handleUpgrade(request.raw, socket, upgrade.head, (client) => {
      opened = true;
      open(client);
    });
    if (opened) return reply.hijack();
    cancel();
    reply.raw.assignSocket(socket);
    throw new DepthcastError('BAD_REQUEST', { detail: broken || undefined });
  });
}
