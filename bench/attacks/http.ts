import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { PROTOCOL_VERSION } from '../../src/protocol/versions.ts';
import type { Attack, Target } from './attack.ts';

const HANDSHAKE_BEGINS = Buffer.from([0x16, 3, 1]);

const HELD_SOCKETS = 500;
const LINE = 'X-Header: of no use to anybody\r\n';
/** What a terminal would obey, and what would look like a line of the log's. */
const ESCAPES = '\u001b[2J\u001b]0;title\u0007\r\n{"level":30,"msg":"forged line"}';
const HOSTILE_MESSAGES = [
  { type: ESCAPES },
  { type: 'hello', protocol: PROTOCOL_VERSION, [ESCAPES]: 1 },
  { type: 'hello', protocol: PROTOCOL_VERSION, client: ESCAPES },
  { type: 'hello', protocol: 99 },
];

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
        target.opened('TLS');
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
        if (socket) target.opened('HTTP');
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
          target.opened('/ws');
          socket.send(JSON.stringify({ type: 'hello', protocol: PROTOCOL_VERSION }));
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
  {
    name: 'HTTP: headers without an end',
    bytes: 30,
    run: async (target) => {
      const held = new Set<Socket>();
      while (!target.over) {
        if (held.size < HELD_SOCKETS) {
          const socket = await socketTo(target);
          if (!socket) await sleep(100);
          else {
            target.opened('HTTP');
            held.add(socket);
            socket.on('close', () => held.delete(socket));
            socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
          }
        }
        for (const socket of held) {
          await target.pace(LINE.length);
          socket.write(LINE);
        }
        if (held.size === 0) await sleep(20);
      }
      for (const socket of held) socket.destroy();
    },
  },
  {
    name: 'HTTP: offers of 60 KB without sense',
    run: async (target) => {
      const offer = `v=0\r\n${'m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\n'.repeat(1000)}`;
      while (!target.over) {
        await target.pace(offer.length);
        await target.post('whip/nonsense', offer).catch(() => sleep(20));
        target.opened('HTTP');
      }
    },
  },
  {
    name: '/ws: escape sequences in messages',
    bytes: 200,
    run: async (target) => {
      let n = 0;
      while (!target.over) {
        const message = JSON.stringify(HOSTILE_MESSAGES[n++ % HOSTILE_MESSAGES.length]);
        await target.pace(message.length + 200);
        const socket = new WebSocket(`${target.url.replace('http', 'ws')}/ws`);
        socket
          .on('error', () => {})
          .on('open', () => {
            target.opened('/ws');
            socket.send(message);
          });
        await Promise.race([new Promise((resolve) => socket.on('close', resolve)), sleep(500)]);
        socket.terminate();
      }
    },
  },
];
