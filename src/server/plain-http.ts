import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';

/** The first byte of a TLS handshake record (RFC 8446 section 5.1). */
const HANDSHAKE = 0x16;
const GRACE_MS = 1000;

/**
 * Lets an https server's port also hear plain http, to send it to https: somebody typed the address without the s.
 * @param patience milliseconds in which a connection must say its first byte, and one of plain http must be over, or of
 *   TLS have shaken hands
 */
export function sortByFirstByte(server: Server, patience: number): void {
  const plain = createServer(redirect);
  // Node ends its own side of a handshake that takes too long; the socket beneath, which was read from before, stays.
  const shaking = new Map<string, NodeJS.Timeout>();
  const settle = ({ remoteAddress, remotePort }: Socket) => {
    const key = `${remoteAddress} ${remotePort}`;
    clearTimeout(shaking.get(key));
    shaking.delete(key);
  };
  server.on('secureConnection', settle);
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
        const key = `${socket.remoteAddress} ${socket.remotePort}`;
        // Shortly after Node has reported it.
        shaking.set(
          key,
          setTimeout(() => socket.destroy(), patience + GRACE_MS),
        );
        socket.once('close', () => {
          clearTimeout(shaking.get(key));
          shaking.delete(key);
        });
        for (const listener of secure) listener.call(server, socket);
      } else {
        // The timer runs on: Node checks the time of requests only in a server that listens by itself.
        plain.emit('connection', socket);
      }
    });
  });
}

function redirect({ headers, url }: IncomingMessage, response: ServerResponse): void {
  response.shouldKeepAlive = false;
  if (headers.host !== undefined && /^[\w.:[\]-]{1,255}$/.test(headers.host) && url?.startsWith('/'))
    response.writeHead(308, { location: `https://${headers.host}${url}` }).end();
  else response.writeHead(400, { 'content-type': 'text/plain' }).end('This server speaks https.\n');
}
