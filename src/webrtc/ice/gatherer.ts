import { isIPv6 } from 'node:net';
import { type Connection, type StunProtocol, serverReflexiveCandidate } from 'werift';
import { DepthcastError } from '../../errors.ts';
import { type AgentInternals, hostAddresses, openHostSocket } from './host-candidates.ts';
import { Relay } from './relay.ts';
import { askServers, resolveServer, type ServerAddress } from './server-queries.ts';
import type { UdpPort } from './udp-port.ts';

export interface IceServer {
  /** `stun:host:port` or `turn:host:port`; our own agent asks the first of each kind, over UDP. */
  urls: string | string[];
  username?: string;
  credential?: string;
}

export interface IceOptions {
  iceServers?: readonly IceServer[];
  /** Inclusive range of UDP ports. */
  portRange?: readonly [number, number];
  /** Addresses to announce besides those of the network interfaces: 127.0.0.1, or the public one of a 1:1 NAT. */
  hostAddresses?: readonly string[];
}

/** What a packet came by: a socket of ours or a relay. */
export interface StunPath {
  /** Requests of ours that wait for their answer, by id. */
  readonly transactions: Record<string, unknown>;
  /** Gives the agent a message that was found to be the peer's. */
  deliver(data: Buffer, from: readonly [string, number]): void;
}

type OnPacket = (data: Buffer, address: string, port: number, path: StunPath) => void;

interface ProtocolInternals {
  datagramReceived(data: Buffer, from: readonly [string, number]): void;
}

/** Our side of ICE: sockets and relays, and the candidates that they make, in werift's agent. */
export class IceGatherer {
  readonly #connection: Connection;
  readonly #internals: AgentInternals;
  readonly #options: IceOptions;
  readonly #onPacket: OnPacket;
  readonly #ports: UdpPort[] = [];
  #closed = false;

  /** @param onPacket gets everything that arrives, from whomever; nothing reaches the agent by itself */
  constructor(connection: Connection, options: IceOptions, onPacket: OnPacket) {
    this.#connection = connection;
    this.#internals = connection as unknown as AgentInternals;
    this.#options = options;
    this.#onPacket = onPacket;
  }

  /**
   * Opens the sockets, once, and collects our candidates.
   * @throws DepthcastError BUSY without a free port
   */
  async gather(): Promise<void> {
    const internals = this.#internals;
    internals.localCandidatesStart = true;
    for (const protocol of internals.protocols) {
      if (protocol.localCandidate) internals.appendLocalCandidate(protocol.localCandidate);
    }
    if (internals.protocols.length === 0) {
      await Promise.all(hostAddresses(this.#options.hostAddresses ?? []).map((address) => this.#open(address)));
      if (internals.protocols.length === 0)
        throw new DepthcastError('BUSY', { detail: 'no UDP port is free', retryAfter: 10 });
      await this.#askServers();
    }
    internals.localCandidatesEnd = true;
  }

  /** Nothing more is received. */
  silence(): void {
    this.#closed = true;
    for (const port of this.#ports) port.onPacket = () => {};
  }

  /** To be called when the agent is closed: it still says goodbye through the sockets. */
  async close(): Promise<void> {
    this.silence();
    await Promise.all(this.#ports.map((port) => port.close()));
  }

  async #open(address: string): Promise<void> {
    const credentials = { generation: this.#connection.generation, ufrag: this.#connection.localUsername };
    const socket = await openHostSocket(address, this.#options.portRange, credentials);
    if (!socket) return;
    const { port, protocol } = socket;
    if (this.#closed) return port.close();
    this.#ports.push(port);
    this.#internals.ensureProtocol(protocol);
    this.#internals.protocols.push(protocol);
    this.#internals.pairLocalProtocol(protocol);
    this.#internals.appendLocalCandidate(protocol.localCandidate!);
    const path: StunPath = {
      transactions: protocol.transactions,
      deliver: (data, from) => (protocol as unknown as ProtocolInternals).datagramReceived(data, from),
    };
    port.onPacket = (data, from) => this.#onPacket(data, from.address, from.port, path);
  }

  async #askServers(): Promise<void> {
    const { stunServer, turnServer, options } = this.#connection;
    const queries: Parameters<typeof askServers>[0][number][] = [];
    if (stunServer)
      for (const protocol of this.#internals.protocols) {
        const { localIp } = protocol;
        if (localIp === undefined || isIPv6(localIp) || localIp.startsWith('127.')) continue;
        queries.push({ server: `stun ${stunServer.join(' ')}`, run: () => this.#askStun(protocol, stunServer) });
      }
    const { turnUsername: username, turnPassword: password } = options;
    if (turnServer && username !== undefined && password !== undefined) {
      const run = () => this.#openRelay(turnServer, username, password);
      queries.push({ server: `turn ${turnServer.join(' ')}`, run });
    }
    if (queries.length > 0) await askServers(queries);
  }

  async #askStun(protocol: StunProtocol, server: ServerAddress): Promise<void> {
    const candidate = await serverReflexiveCandidate(protocol, [...(await resolveServer(server))]);
    if (!candidate) throw new Error('the STUN server did not answer');
    if (!this.#closed) this.#internals.appendLocalCandidate(candidate);
  }

  async #openRelay(server: ServerAddress, username: string, password: string): Promise<void> {
    const address = await resolveServer(server);
    const credentials = { generation: this.#connection.generation, ufrag: this.#connection.localUsername };
    const relay = await Relay.open({ address, username, password }, credentials);
    if (this.#closed) return relay.close();
    const protocol = relay.protocol as unknown as StunProtocol;
    this.#internals.ensureProtocol(protocol);
    this.#internals.protocols.push(protocol);
    this.#internals.pairLocalProtocol(protocol);
    this.#internals.appendLocalCandidate(protocol.localCandidate!);
    relay.onPacket = (data, [host, port]) => this.#onPacket(data, host, port, relay);
  }
}
