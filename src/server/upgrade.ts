import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { DepthcastError, type ErrorCode } from '../errors.ts';
import { MAX_PAYLOAD } from './ws-reader.ts';

/** Of one message; each byte on its own would cost hundreds of times its size. */
const MAX_FRAGMENTS = 64;
const HANDSHAKE_MS = 10_000;
// @types/ws does not know closeTimeout.
const OPTIONS: ServerOptions & { closeTimeout: number } = {
  noServer: true,
  maxPayload: MAX_PAYLOAD,
  maxFragments: MAX_FRAGMENTS,
  perMessageDeflate: false,
  // A client that does not close its side holds its place until ours is cut.
  closeTimeout: 2000,
};

/** A connection that may be opened. */
export interface AdmittedSocket {
  open(socket: WebSocket): void;
  /** The handshake failed: nothing was opened. */
  cancel(): void;
}

/**
 * A request of a server that upgrades to WebSocket and nothing else. Who asks for another protocol is answered as if they
 * had not (RFC 9110 section 7.8): curl asks for HTTP/2. Node 20 has no option for this, and takes all that ask off HTTP,
 * or none; whether one asks is this property, which its parser sets.
 */
export class UpgradableRequest extends IncomingMessage {
  declare private asked: boolean | null;

  get upgrade(): boolean {
    const webSocket = this.headers.upgrade?.toLowerCase() === 'websocket';
    return this.asked === true && (webSocket || this.method === 'CONNECT');
  }

  set upgrade(asked: boolean | null) {
    this.asked = asked;
  }
}

/**
 * Takes WebSocket connections at `/ws`. An upgrade request passes the same hooks as any other request, so that limits,
 * origins and errors are one policy, and a refused one is answered and counted as all are.
 * @param admit decides, before the handshake; it throws what the client is answered
 * @param refused a connection was closed without an answer
 * @param patience milliseconds from an upgrade request to the end of its handshake, or of its refusal
 */
export function addUpgrades(
  app: FastifyInstance,
  admit: (request: FastifyRequest) => Promise<AdmittedSocket>,
  refused: (code: ErrorCode) => void,
  patience = HANDSHAKE_MS,
): void {
  const sockets = new WebSocketServer(OPTIONS);
  const pending = new WeakMap<IncomingMessage, { socket: Duplex; head: Buffer; timer: NodeJS.Timeout }>();
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
    // Node no longer watches over this socket.
    const timer = setTimeout(() => socket.destroy(), patience);
    socket.once('close', () => clearTimeout(timer));
    pending.set(request, { socket, head, timer });
    // Destroyed once the answer is out: a client that keeps its side open must not keep ours.
    response.on('finish', () => socket.end(() => socket.destroy()));
    app.routing(request, response);
  });

  app.addHook('onRequest', async (request) => {
    // A WebSocket can do nothing with the page or any other answer.
    if (pending.has(request.raw) && request.routeOptions.url !== '/ws') throw new DepthcastError('NOT_FOUND');
  });
  app.get('/ws', async (request: FastifyRequest, reply: FastifyReply) => {
    const upgrade = pending.get(request.raw);
    if (upgrade === undefined) {
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
      clearTimeout(upgrade.timer);
      open(client);
    });
    if (opened) return reply.hijack();
    cancel();
    reply.raw.assignSocket(socket);
    throw new DepthcastError('BAD_REQUEST', { detail: broken || undefined });
  });
}
