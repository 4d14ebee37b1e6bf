import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Attack } from './attack.ts';
import { DTLS } from './dtls.ts';
import { HTTP } from './http.ts';
import { ICE } from './ice.ts';
import { MEDIA } from './media.ts';
import { SCTP } from './sctp.ts';

/** What an attacker's own process costs the machine: it sends as much, to itself. */
export const IDLE: Attack = {
  name: 'none',
  run: async (target) => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const packet = Buffer.alloc(target.bytes);
    const { port } = socket.address();
    await target.flood(
      () => packet,
      () => socket.send(packet, port, '127.0.0.1'),
      () => true,
    );
    socket.close();
  },
};

/** Every kind of attack that is known to have hurt, or that could. */
export const ATTACKS: readonly Attack[] = [...ICE, ...DTLS, ...SCTP, ...MEDIA, ...HTTP];
