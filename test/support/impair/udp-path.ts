import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Impairment } from './impairment.ts';
import { Link } from './link.ts';

const BUFFER_BYTES = 1 << 20;
/** A peer has a handful of candidates; what comes from further addresses is ignored. */
const MAX_CLIENTS = 64;

export interface UdpPathOptions {
  /** Where packets of clients go. */
  target: { address: string; port: number };
  /** IPv4, of this machine, where clients find the path; 127.0.0.1 by default. */
  address?: string;
  up: Impairment;
  down: Impairment;
  seed: number;
  /** Sees every packet that is handed on. */
  observe?: (direction: 'up' | 'down', packet: Uint8Array) => void;
}

/** One client address as the server sees it: a socket of its own, as a NAT has a port. */
interface Mapping {
  client: { address: string; port: number };
  socket: Socket;
}

/**
 * A stretch of network before one UDP port: clients talk to `port`, and what survives reaches the target from a socket
 * for each client address, as through a NAT. `up` is towards the target.
 */
export class UdpPath {
  readonly up: Link;
  readonly down: Link;
  readonly #front: Socket;
  readonly #target: UdpPathOptions['target'];
  readonly #observe: UdpPathOptions['observe'];
  readonly #mappings = new Map<string, Mapping>();
  #lastPacketAt = performance.now();
  #closed = false;

  static async open(options: UdpPathOptions): Promise<UdpPath> {
    const front = await bind(options.address);
    return new UdpPath(front, options);
  }

  private constructor(front: Socket, { target, up, down, seed, observe }: UdpPathOptions) {
    this.#front = front;
    this.#target = target;
    this.#observe = observe;
    this.up = new Link(up, 2 * seed);
    this.down = new Link(down, 2 * seed + 1);
    front.on('message', (data, from) => this.#fromClient(data, from));
    front.on('error', () => {});
  }

  get port(): number {
    return this.#front.address().port;
  }

  /** Milliseconds since the last packet either way. */
  get idleFor(): number {
    return performance.now() - this.#lastPacketAt;
  }

  /** The target sees every client at another port from now on, as when a NAT forgets its mappings or the address changes. */
  rebind(): void {
    for (const { socket } of this.#mappings.values()) socket.close();
    this.#mappings.clear();
  }

  /** Sends what no client sent, as if one had: from the address that the target knows. */
  forge(packet: Uint8Array): void {
    for (const { socket } of this.#mappings.values()) socket.send(packet, this.#target.port, this.#target.address);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.up.close();
    this.down.close();
    this.rebind();
    this.#front.close();
  }

  #fromClient(data: Buffer, { address, port }: RemoteInfo): void {
    this.#lastPacketAt = performance.now();
    this.up.send(
      data.length,
      () => {
        if (this.#closed) return;
        this.#observe?.('up', data);
        this.#mappingOf({ address, port })?.socket.send(data, this.#target.port, this.#target.address);
      },
      data[0],
    );
  }

  #mappingOf(client: Mapping['client']): Mapping | undefined {
    const key = `${client.address} ${client.port}`;
    const known = this.#mappings.get(key);
    if (known) return known;
    if (this.#mappings.size >= MAX_CLIENTS) return undefined;
    const socket = createSocket('udp4');
    socket.on('error', () => {});
    // A packet sent before the port is there waits in the socket, as the first one of a new mapping does here.
    socket.bind(0, '127.0.0.1', () => enlarge(socket));
    socket.on('message', (data, from) => {
      if (from.port !== this.#target.port || from.address !== this.#target.address) return;
      this.#lastPacketAt = performance.now();
      this.down.send(
        data.length,
        () => {
          if (this.#closed) return;
          this.#observe?.('down', data);
          this.#front.send(data, client.port, client.address);
        },
        data[0],
      );
    });
    const mapping = { client, socket };
    this.#mappings.set(key, mapping);
    return mapping;
  }
}

async function bind(address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  enlarge(socket);
  return socket;
}

function enlarge(socket: Socket): void {
  try {
    socket.setRecvBufferSize(BUFFER_BYTES);
    socket.setSendBufferSize(BUFFER_BYTES);
  } catch {
    // Whatever the system grants will do.
  }
}
