import type { Socket } from 'node:dgram';
import { RtcClient } from './rtc-client.ts';

/** Candidates that stand for these sockets of this machine, as lines of an offer. */
export const candidatesOf = (sockets: readonly Socket[]): string[] =>
  sockets.map((socket, i) => `a=candidate:${i} 1 udp ${2_130_706_431 - i} 127.0.0.1 ${socket.address().port} typ host`);

/** A viewer's offer that names these candidates instead of its own, and a password that is known. */
export async function offerOf(candidates: readonly string[], password: string): Promise<string> {
  const client = await RtcClient.create({ direction: 'recvonly' });
  const lines = client.offerSdp
    .replaceAll(/a=ice-pwd:.*/g, `a=ice-pwd:${password}`)
    .split('\r\n')
    .filter((line) => !line.startsWith('a=candidate'));
  await client.close();
  const at = lines.findIndex((line) => line.startsWith('a=mid:0'));
  return [...lines.slice(0, at), ...candidates, ...lines.slice(at)].join('\r\n');
}
