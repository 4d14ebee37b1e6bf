import { isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import {
  Candidate,
  type CandidatePair,
  candidateFoundation,
  candidatePriority,
  StunProtocol,
  type UdpTransport,
} from 'werift';
import { UdpPort } from './udp-port.ts';

/** The private parts of werift's agent that we stand in for. */
export interface AgentInternals {
  _remoteCandidates: Candidate[];
  checkComplete(pair: CandidatePair): void;
  protocols: StunProtocol[];
  localCandidatesStart: boolean;
  localCandidatesEnd: boolean;
  stunServer: unknown;
  ensureProtocol(protocol: StunProtocol): void;
  pairLocalProtocol(protocol: StunProtocol): void;
  appendLocalCandidate(candidate: Candidate): void;
  getCandidatePromises(addresses: string[], timeoutSeconds: number): Promise<unknown>[];
}

/** A host candidate's socket and its place in werift's agent. */
export interface HostSocket {
  port: UdpPort;
  protocol: StunProtocol;
}

const MAX_ADDRESSES = 16;
const IPV6_PREFERENCE = 60_000;
const IPV4_PREFERENCE = 50_000;

/** Addresses to open a socket for: those asked for first, then those of the interfaces. */
export function hostAddresses(extra: readonly string[]): string[] {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address)
    .filter((address) => !/^(fe80:|169\.254\.)/i.test(address));
  const all = [...new Set([...extra.filter((address) => isIP(address) !== 0), ...own])];
  return (all.length > 0 ? all : ['127.0.0.1']).slice(0, MAX_ADDRESSES);
}

/**
 * Opens a socket for a host candidate. An address that is not ours, but is forwarded to us, gets a wildcard socket.
 * @returns undefined where the system or the range has no port left
 */
export async function openHostSocket(
  address: string,
  range: readonly [number, number] | undefined,
  credentials: { generation: number; ufrag: string },
): Promise<HostSocket | undefined> {
  const version6 = isIPv6(address);
  const port = await UdpPort.open(address, range)
    .catch((error: NodeJS.ErrnoException) =>
      error.code === 'EADDRNOTAVAIL' ? UdpPort.open(version6 ? '::' : '0.0.0.0', range) : undefined,
    )
    .catch(() => undefined);
  if (!port) return undefined;
  const protocol = new StunProtocol();
  protocol.transport = port as unknown as UdpTransport;
  protocol.localIp = address;
  protocol.localCandidate = new Candidate(
    candidateFoundation('host', 'udp', address),
    1,
    'udp',
    candidatePriority('host', { transport: 'udp', otherPreference: version6 ? IPV6_PREFERENCE : IPV4_PREFERENCE }),
    address,
    port.address.port,
    'host',
    undefined,
    undefined,
    undefined,
    credentials.generation,
    credentials.ufrag,
  );
  return { port, protocol };
}
