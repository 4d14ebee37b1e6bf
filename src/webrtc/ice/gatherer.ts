import { isIPv6 } from 'node:net';
import { DepthcastError } from '../../errors.ts';
import { UdpPort } from '../udp-port.ts';
import { TurnAllocation } from '../werift/turn.ts';
import { type Candidate, candidatePriority, foundationOf } from './candidate.ts';
import type { Path } from './check-list.ts';
import { hostAddresses } from './host-addresses.ts';
import { type IceServer, relayServer, stunServer } from './ice-server.ts';
import { askServers, resolveServer, type ServerAddress } from './server-queries.ts';
import type { StunMessage } from './stun.ts';
import { StunQuestions } from './stun-server.ts';

export interface GathererOptions {
  iceServers?: readonly IceServer[];
  /** Inclusive range of UDP ports. */
  portRange?: readonly [number, number];
  /** Addresses to announce besides those of the network interfaces: 127.0.0.1, or the public one of a 1:1 NAT. */
  hostAddresses?: readonly string[];
}

type OnPacket = (data: Buffer, address: string, port: number, path: Path) => void;

/** RFC 8421: IPv6 before IPv4. */
const IPV6_PREFERENCE = 60_000;
const IPV4_PREFERENCE = 50_000;

interface HostPath extends Path {
  readonly port: UdpPort;
}

/** Our side of ICE: sockets and relays, and the candidates that they make. */
export class IceGatherer {
  readonly candidates: Candidate[] = [];
  readonly #options: GathererOptions;
  readonly #onPath: (path: Path) => void;
  readonly #onPacket: OnPacket;
  readonly #hosts: HostPath[] = [];
  readonly #relays: TurnAllocation[] = [];
  readonly #questions = new StunQuestions();
  #closed = false;

  /**
   * @param onPath called for each local address as it opens
   * @param onPacket gets everything that arrives, from whomever
   */
  constructor(options: GathererOptions, onPath: (path: Path) => void, onPacket: OnPacket) {
    this.#options = options;
    this.#onPath = onPath;
    this.#onPacket = onPacket;
  }

  /**
   * Opens the sockets, once, and collects our candidates.
   * @throws DepthcastError BUSY without a free port
   */
  async gather(): Promise<void> {
    if (this.#hosts.length > 0) return;
    await Promise.all(hostAddresses(this.#options.hostAddresses ?? []).map((address) => this.#open(address)));
    if (this.#hosts.length === 0) throw new DepthcastError('BUSY', { detail: 'no UDP port is free', retryAfter: 10 });
    await this.#askServers();
  }

  /** Lets a relay pass packets of an address that the peer named. */
  permit(address: string): void {
    for (const relay of this.#relays) relay.permit(address);
  }

  /** @returns whether a STUN message is a server's answer to us */
  receiveStun(message: StunMessage, address: string, port: number): boolean {
    return this.#questions.receive(message, address, port);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#questions.close();
    for (const { port } of this.#hosts) port.onPacket = () => {};
    await Promise.all([...this.#hosts.map(({ port }) => port.close()), ...this.#relays.map((relay) => relay.close())]);
  }

  /** An address that is not ours, but is forwarded to us, gets a wildcard socket; where no port is left, none. */
  async #open(address: string): Promise<void> {
    const version6 = isIPv6(address);
    const range = this.#options.portRange;
    const port = await UdpPort.open(address, range)
      .catch((error: NodeJS.ErrnoException) =>
        error.code === 'EADDRNOTAVAIL' ? UdpPort.open(version6 ? '::' : '0.0.0.0', range) : undefined,
      )
      .catch(() => undefined);
    if (!port) return;
    if (this.#closed) return port.close();
    const candidate: Candidate = {
      type: 'host',
      foundation: foundationOf('host', address),
      priority: candidatePriority('host', version6 ? IPV6_PREFERENCE : IPV4_PREFERENCE),
      address,
      port: port.address.port,
    };
    const path: HostPath = { candidate, port, send: (packet, to, host) => port.sendTo(packet, to, host) };
    this.#hosts.push(path);
    this.candidates.push(candidate);
    port.onPacket = (data, from) => this.#onPacket(data, from.address, from.port, path);
    this.#onPath(path);
  }

  async #askServers(): Promise<void> {
    const { iceServers = [] } = this.#options;
    const stun = stunServer(iceServers);
    const relay = relayServer(iceServers);
    const queries: Parameters<typeof askServers>[0][number][] = [];
    for (const host of stun ? this.#hosts : []) {
      const { address } = host.candidate;
      if (isIPv6(address) || address.startsWith('127.')) continue;
      queries.push({ server: `stun ${stun!.join(' ')}`, run: () => this.#askStun(host, stun!) });
    }
    if (relay) queries.push({ server: `turn ${relay.address.join(' ')}`, run: () => this.#openRelay(relay) });
    if (queries.length > 0) await askServers(queries);
  }

  async #askStun({ candidate: base, port }: HostPath, server: ServerAddress): Promise<void> {
    const { address, port: mappedPort } = await this.#questions.ask(port, await resolveServer(server));
    if (this.#closed || address === base.address) return;
    this.candidates.push({
      type: 'srflx',
      foundation: foundationOf('srflx', base.address, server.join(' ')),
      priority: candidatePriority('srflx', IPV4_PREFERENCE),
      address,
      port: mappedPort,
      related: { address: base.address, port: base.port },
    });
  }

  async #openRelay({ address, username, password }: NonNullable<ReturnType<typeof relayServer>>): Promise<void> {
    const relay = await TurnAllocation.open({ address: await resolveServer(address), username, password });
    if (this.#closed) return relay.close();
    const [host, port] = relay.relayed;
    const candidate: Candidate = {
      type: 'relay',
      foundation: foundationOf('relay', host, address.join(' ')),
      priority: candidatePriority('relay', IPV4_PREFERENCE),
      address: host,
      port,
      related: { address: relay.mapped[0], port: relay.mapped[1] },
    };
    const path: Path = { candidate, send: (packet, to, peer) => relay.send(packet, to, peer) };
    relay.onPacket = (data, from, fromPort) => this.#onPacket(data, from, fromPort, path);
    this.#relays.push(relay);
    this.candidates.push(candidate);
    this.#onPath(path);
  }
}
