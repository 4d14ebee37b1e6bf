import { Socket } from 'node:dgram';

/** RTP and RTCP by their first byte (RFC 7983). */
function isMedia(packet: unknown): boolean {
  return packet instanceof Uint8Array && packet.length > 0 && packet[0]! >= 128 && packet[0]! < 192;
}

/**
 * Makes this process lose a share of its media packets below RTP, in both directions, on every UDP socket.
 * @returns takes it back, and how many packets were lost each way
 */
export function injectLoss(share: number): { restore: () => void; lost: () => { received: number; sent: number } } {
  const { emit, send } = Socket.prototype;
  const lost = { received: 0, sent: 0 };
  Socket.prototype.emit = function (this: Socket, event: string | symbol, ...values: unknown[]): boolean {
    if (event === 'message' && isMedia(values[0]) && Math.random() < share) {
      lost.received++;
      return true;
    }
    return Reflect.apply(emit, this, [event, ...values]) as boolean;
  } as typeof emit;
  Socket.prototype.send = function (this: Socket, ...values: unknown[]): void {
    if (isMedia(values[0]) && Math.random() < share) lost.sent++;
    else Reflect.apply(send, this, values);
  } as typeof send;
  return {
    restore: () => {
      Socket.prototype.emit = emit;
      Socket.prototype.send = send;
    },
    lost: () => ({ ...lost }),
  };
}
