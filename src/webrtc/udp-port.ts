import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const RECEIVE_BUFFER_BYTES = 1 << 20;
/** Tried ports before a range counts as full. */
const MAX_PORT_TRIES = 512;

/** One bound UDP socket: it binds inside a port range without a race, survives socket errors, and never resolves names. */
export class UdpPort {
  readonly socketType: 'udp4' | 'udp6';
  /** Errors that the socket reported after binding. */
  errors = 0;
  closed = false;
  onPacket: (data: Buffer, from: RemoteInfo) => void = () => {};
  readonly #socket: Socket;

  /**
   * @param address a local address
   * @param range inclusive; any free port without it
   * @throws the system's error (EADDRINUSE where the range is full)
   */
  static async open(address: string, range?: readonly [number, number]): Promise<UdpPort> {
    if (!range) return UdpPort.#bind(address, 0);
    const count = range[1] - range[0] + 1;
    const start = Math.floor(Math.random() * count);
    for (let i = 0; ; i++) {
      try {
        return await UdpPort.#bind(address, range[0] + ((start + i) % count));
      } catch (error) {
        const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
        if (!inUse || i + 1 >= Math.min(count, MAX_PORT_TRIES)) throw error;
      }
    }
  }

  static #bind(address: string, port: number): Promise<UdpPort> {
    const type = isIPv6(address) ? 'udp6' : 'udp4';
    const socket = createSocket({
      type,
      ipv6Only: type === 'udp6',
      // Addresses are always numeric; the default would queue a microtask for each packet.
      lookup: (hostname, options, callback) => callback(null, hostname, options.family === 6 ? 6 : 4),
    });
    return new Promise((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      socket.bind({ address, port, exclusive: true }, () => {
        socket.removeAllListeners('error');
        resolve(new UdpPort(socket, type));
      });
    });
  }

  private constructor(socket: Socket, type: 'udp4' | 'udp6') {
    this.#socket = socket;
    this.socketType = type;
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch {
      // Whatever the system grants will do.
    }
    socket.on('error', () => {
      this.errors++;
    });
    socket.on('message', (data, from) => this.onPacket(data, from));
  }

  get address(): ReturnType<Socket['address']> {
    return this.#socket.address();
  }

  /** Fire and forget: what the network does not take is lost, as UDP may. */
  sendTo(data: Uint8Array, port: number, host: string): void {
    if (!this.closed) this.#socket.send(data, port, host);
  }

  readonly close = (): Promise<void> => {
    if (this.closed) return Promise.resolve();
    this.closed = true;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  };
}
