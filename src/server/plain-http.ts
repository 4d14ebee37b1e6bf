import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';

/** The first byte of a TLS handshake record (RFC 8446 section 5.1). */
const HANDSHAKE = 0x16;
const GRACE_MS = 1000;
/** Handshakes of TLS under way: each holds some 50 KB. */
const MAX_HANDSHAKES = 256;
/** Honest ones take a tenth of it. Beyond it, a handshake gives way to a newer one. */
const HANDSHAKE_DUE_MS = 1000;
/** Of one address; beyond them its own oldest gives way at once where there is no place left, so that nobody can have all. */
const MAX_HANDSHAKES_OF_ONE = 64;

/**
 * Lets an https server's port also hear plain http, to send it to https: somebody typed the address without the s.
 * @param patience milliseconds in which a connection must say its first byte, and one of plain http must be over, or of
 *   TLS have shaken hands
 * @param refused hears of each connection that was closed because too many others shake hands
 */
export function sortByFirstByte(server: Server, patience: number, refused: () => void): void {
  const plain = createServer(redirect);
  const handshakes = new Handshakes(patience);
  server.on('secureConnection', (socket) => handshakes.settle(socket));
  const secure = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), patience);
    const ignore = () => {};
    socket.once('close', () => clearTimeout(timer)).on('error', ignore);
    socket.once('readable', () => {
      const first = socket.read() as Buffer | null;
      if (first === null) return;
      socket.off('error', ignore);
      socket.unshift(first);
      if (first[0] === HANDSHAKE) {
        clearTimeout(timer);
        if (handshakes.full) {
          refused();
          if (!handshakes.giveWay()) {
            socket.on('error', ignore).destroy();
            return;
          }
        }
        handshakes.add(socket);
        for (const listener of secure) listener.call(server, socket);
      } else {
        // The timer runs on: Node checks the time of requests only in a server that listens by itself.
        plain.emit('connection', socket);
      }
    });
  });
}

/** Handshakes under way, the oldest first. Node ends its own side of one that takes too long; the socket beneath, which was read from before, stays. */
class Handshakes {
  readonly #all = new Map<string, { socket: Socket; since: number; timer: NodeJS.Timeout }>();
  readonly #patience: number;

  constructor(patience: number) {
    this.#patience = patience;
  }

  get full(): boolean {
    return this.#all.size >= MAX_HANDSHAKES;
  }

  add(socket: Socket): void {
    // Shortly after Node has reported it.
    const timer = setTimeout(() => socket.destroy(), this.#patience + GRACE_MS);
    const key = keyOf(socket);
    this.#all.set(key, { socket, since: performance.now(), timer });
    socket.once('close', () => this.#forget(key));
  }

  /** By its address and port: what Node tells of is another object. */
  settle(socket: Socket): void {
    this.#forget(keyOf(socket));
  }

  /** Ends the oldest if it is overdue, or the oldest of an address that has too many. */
  giveWay(): boolean {
    const [oldest] = this.#all;
    if (oldest === undefined) return false;
    if (performance.now() - oldest[1].since >= HANDSHAKE_DUE_MS) return this.#end(...oldest);
    const counts = new Map<string | undefined, number>();
    for (const { socket } of this.#all.values())
      counts.set(socket.remoteAddress, (counts.get(socket.remoteAddress) ?? 0) + 1);
    for (const [key, handshake] of this.#all)
      if (counts.get(handshake.socket.remoteAddress)! > MAX_HANDSHAKES_OF_ONE) return this.#end(key, handshake);
    return false;
  }

  #end(key: string, { socket }: { socket: Socket }): true {
    this.#forget(key);
    socket.destroy();
    return true;
  }

  #forget(key: string): void {
    clearTimeout(this.#all.get(key)?.timer);
    this.#all.delete(key);
  }
}

const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

function redirect({ headers, url }: IncomingMessage, response: ServerResponse): void {
  response.shouldKeepAlive = false;
  if (headers.host !== undefined && /^[\w.:[\]-]{1,255}$/.test(headers.host) && url?.startsWith('/'))
    response.writeHead(308, { location: `https://${headers.host}${url}` }).end();
  else response.writeHead(400, { 'content-type': 'text/plain' }).end('This server speaks https.\n');
}
