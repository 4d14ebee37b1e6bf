import { isIP } from 'node:net';
import { Candidate } from 'werift';
import { DepthcastError } from '../../errors.ts';

/** A trickled candidate, as browsers serialise it. */
export interface IceCandidateInit {
  /** `candidate:...`; '' ends the candidates. */
  candidate: string;
  sdpMid?: string | null;
  sdpMLineIndex?: number | null;
}

const MAX_LENGTH = 512;
const TYPES: ReadonlySet<string> = new Set(['host', 'srflx', 'prflx', 'relay']);

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
  const [foundation, component, transport, priority, host, port, typ, type] = fields;
  if (!foundation || !host || !type || typ !== 'typ' || !TYPES.has(type) || !/^\d{1,10}$/.test(priority ?? ''))
    throw malformed();
  const portNumber = Number(port);
  if (!Number.isInteger(portNumber) || portNumber < 0 || portNumber > 65535) throw malformed();
  if (component !== '1' || transport?.toLowerCase() !== 'udp' || portNumber === 0 || isIP(host) === 0) return undefined;
  // werift knows these three as remote types.
  const knownType = type === 'prflx' ? 'srflx' : type;
  return new Candidate(foundation, 1, 'udp', Number(priority), host, portNumber, knownType);
}
