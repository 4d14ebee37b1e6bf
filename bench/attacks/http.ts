import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Attack, Target } from './attack.ts';

const HANDSHAKE_BEGINS = Buffer.from([0x16, 3, 1]);

function socketTo(target: Target): Promise<Socket | undefined> {
  const { hostname, port } = new URL(target.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.on('error', () => resolve(undefined)).resume();
  });
}

export const HTTP: readonly Attack[] = [
  {
    name: 'TLS: handshakes that stop',
    https: true,
    run: async (target) => {
      const held = new Set<Socket>();
      while (!target.over) {
        await target.pace(HANDSHAKE_BEGINS.length + 120);
        const socket = await socketTo(target);
        if (!socket) {
          await sleep(100);
          continue;
        }
        held.add(socket);
        socket.on('close', () => held.delete(socket));
        socket.write(HANDSHAKE_BEGINS);
      }
      for (const socket of held) socket.destroy();
    },
  },
  {
    name: 'HTTP: pipelined requests',
    run: async (target) => {
      const piece = Buffer.from('GET /api/info HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(50));
      while (!target.over) {
        const socket = await socketTo(target);
        while (socket && !socket.destroyed && !target.over) {
          await target.pace(piece.length);
          socket.write(piece);
        }
        socket?.destroy();
        await sleep(20);
      }
    },
  },
  {
    name: '/ws: messages without an end',
    run: async (target) => {
      const message = JSON.stringify({ type: 'ping', id: 1 });
      while (!target.over) {
        const socket = new WebSocket(`${target.url.replace('http', 'ws')}/ws`);
        let open = false;
        socket.on('open', () => {
          open = true;
          socket.send(JSON.stringify({ type: 'hello', protocol: 1 }));
        });
        let closed = false;
        socket
          .on('error', () => {})
          .on('close', () => {
            closed = true;
          });
        while (!closed && !target.over) {
          await target.pace(message.length);
          if (open) socket.send(message);
        }
        socket.terminate();
        await sleep(50);
      }
    },
  },
];
