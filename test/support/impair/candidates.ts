/** Where a candidate line of a description points. */
export interface CandidateAddress {
  address: string;
  port: number;
}

const CANDIDATE = /^(a=candidate:\S+ 1 udp \d+ )(\S+) (\d+)( typ host\b.*)$/i;

/** A description or fragment without candidates and without an end-of-candidates mark: the peer is found by its checks. */
export function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(candidate:.*|end-of-candidates)\r?\n/gm, '');
}

/** Host candidates over UDP and IPv4, loopback first. */
export function hostCandidates(sdp: string): CandidateAddress[] {
  const found: CandidateAddress[] = [];
  for (const line of sdp.split(/\r?\n/)) {
    const match = CANDIDATE.exec(line);
    if (match && /^\d+\.\d+\.\d+\.\d+$/.test(match[2]!)) found.push({ address: match[2]!, port: Number(match[3]) });
  }
  const rank = ({ address }: CandidateAddress) => (address.startsWith('127.') ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b));
}

/** Leaves one candidate, `from`, and lets it point to `to`. */
export function redirectCandidates(sdp: string, from: CandidateAddress, to: CandidateAddress): string {
  return sdp.replace(/^a=candidate:.*\r?\n/gm, (line) => {
    const match = CANDIDATE.exec(line.trimEnd());
    if (!match || match[2] !== from.address || Number(match[3]) !== from.port) return '';
    return `${match[1]}${to.address} ${to.port}${match[4]}\r\n`;
  });
}
