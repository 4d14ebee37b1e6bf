import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { DepthcastError } from '../../errors.ts';
import { normalAddress } from './address.ts';

/** A trickled candidate, as browsers serialise it. */
export interface IceCandidateInit {
  /** `candidate:...`; '' ends the candidates. */
  candidate: string;
  sdpMid?: string | null;
  sdpMLineIndex?: number | null;
}

export type CandidateType = 'host' | 'srflx' | 'prflx' | 'relay';

/** A place where an agent can be reached, by UDP. */
export interface Candidate {
  type: CandidateType;
  foundation: string;
  priority: number;
  address: string;
  port: number;
  /** Of a candidate that is not the host's own: what it was learnt from. */
  related?: { address: string; port: number };
}

const MAX_LENGTH = 512;
const TYPES: ReadonlySet<string> = new Set(['host', 'srflx', 'prflx', 'relay']);
/** RFC 8445 section 5.1.2.2. */
const TYPE_PREFERENCE: Record<CandidateType, number> = { host: 126, prflx: 110, srflx: 100, relay: 0 };

/**
 * Reads a candidate line (RFC 8839 section 5.1).
 * @returns undefined for one that is legal but of no use here: TCP, RTCP components, mDNS and other names, which are
 *   never resolved (the peer's own checks reveal its address instead).
 * @throws DepthcastError BAD_REQUEST where it is malformed
 */
export function parseCandidate(line: string): Candidate | undefined {
  const malformed = () => new DepthcastError('BAD_REQUEST', { detail: 'the ICE candidate is malformed' });
  if (line.length > MAX_LENGTH) throw malformed();
  const fields = line
    .replace(/^a=/, '')
    .replace(/^candidate:/, '')
    .trim()
    .split(/ +/);
  const [foundation, component, transport, priority, address, port, typ, type] = fields;
  if (!foundation || !address || !type || typ !== 'typ' || !TYPES.has(type) || !/^\d{1,10}$/.test(priority ?? ''))
    throw malformed();
  const portNumber = Number(port);
  if (!Number.isInteger(portNumber) || portNumber < 0 || portNumber > 65535) throw malformed();
  if (component !== '1' || transport?.toLowerCase() !== 'udp' || portNumber === 0) return undefined;
  // A zone is a matter of the machine that wrote it.
  if (isIP(address) === 0 || address.includes('%')) return undefined;
  return {
    type: type as CandidateType,
    foundation,
    priority: Number(priority),
    address: normalAddress(address),
    port: portNumber,
  };
}

/** `candidate:...`, without `a=`. */
export function candidateLine({ foundation, priority, address, port, type, related }: Candidate): string {
  const line = `candidate:${foundation} 1 udp ${priority} ${address} ${port} typ ${type}`;
  return related === undefined ? line : `${line} raddr ${related.address} rport ${related.port}`;
}

/** RFC 8445 section 5.1.2.1. @param localPreference 0 to 65535 */
export const candidatePriority = (type: CandidateType, localPreference: number): number =>
  2 ** 24 * TYPE_PREFERENCE[type] + 2 ** 8 * localPreference + 255;

/** The same for candidates of one type from one address and server (RFC 8445 section 5.1.1.3). */
export const foundationOf = (type: CandidateType, base: string, server = ''): string =>
  createHash('sha256').update(`${type} ${base} ${server}`).digest('hex').slice(0, 16);
