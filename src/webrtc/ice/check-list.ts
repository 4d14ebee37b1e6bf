import type { Candidate } from './candidate.ts';
import type { Credentials } from './credentials.ts';

/** What a packet goes out by: a socket of ours, or a relay. */
export interface Path {
  /** Of the candidate that it makes. */
  readonly candidate: Candidate;
  send(packet: Buffer, port: number, address: string): void;
}

/** A place where the peer may be, as it told us or as its checks showed. */
export interface Remote {
  readonly key: string;
  readonly address: string;
  readonly port: number;
  readonly priority: number;
  /** It has answered a check of ours: packets sent there do reach the peer. */
  proven: boolean;
}

export interface Pair {
  readonly path: Path;
  readonly remote: Remote;
  readonly credentials: Credentials;
  state: 'waiting' | 'checking' | 'succeeded' | 'failed';
  /** The peer answered with an error: it is not asked again. */
  refused: boolean;
  /** The controlling side wants it. */
  nominated: boolean;
  /** ms, of the last check. */
  roundTripTime: number | undefined;
}

/** RFC 8445 section 6.1.2.5 recommends it. */
const MAX_PAIRS = 100;
const isLoopback = (address: string) => address === '::1' || address.startsWith('127.');

/** The pairs of one ICE session, best first, and those whose check the peer's own has set off. */
export class CheckList {
  readonly pairs: Pair[] = [];
  readonly triggered: Pair[] = [];

  find(path: Path, remote: Remote): Pair | undefined {
    return this.pairs.find((pair) => pair.path === path && pair.remote === remote);
  }

  /**
   * Adds a pair, unless it cannot work or there are too many.
   * @param wanted it takes the place of the least of those that have not succeeded
   */
  add(path: Path, remote: Remote, credentials: Credentials, controlling: boolean, wanted = false): Pair | undefined {
    const { address } = path.candidate;
    if (address.includes(':') !== remote.address.includes(':')) return undefined;
    if (isLoopback(address) && !isLoopback(remote.address) && !wanted) return undefined;
    if (this.pairs.length >= MAX_PAIRS) {
      const least = this.pairs.findLastIndex(({ state }) => state === 'waiting' || state === 'failed');
      if (!wanted || least < 0) return undefined;
      this.remove((pair) => pair === this.pairs[least]);
    }
    const pair: Pair = {
      path,
      remote,
      credentials,
      state: 'waiting',
      refused: false,
      nominated: false,
      roundTripTime: undefined,
    };
    const at = this.pairs.findIndex((other) => isBefore(pair, other, controlling));
    this.pairs.splice(at < 0 ? this.pairs.length : at, 0, pair);
    return pair;
  }

  remove(which: (pair: Pair) => boolean): void {
    const gone = new Set(this.pairs.filter(which));
    for (const list of [this.pairs, this.triggered])
      list.splice(0, list.length, ...list.filter((pair) => !gone.has(pair)));
  }

  /** The peer checks this pair: ours comes next (RFC 8445 section 7.3.1.4). */
  trigger(pair: Pair): void {
    if (pair.refused) return;
    pair.state = 'waiting';
    if (!this.triggered.includes(pair)) this.triggered.push(pair);
  }

  /** A pair is in use: those that were not checked yet need not be. */
  prune(): void {
    for (const pair of this.pairs)
      if (pair.state === 'waiting' && !this.triggered.includes(pair)) pair.state = 'failed';
  }

  /** Takes the next pair to check that there is an allowance for; without `fresh`, of the triggered ones alone. */
  next(fresh: boolean, affordable: (pair: Pair) => boolean): Pair | undefined {
    const at = this.triggered.findIndex(affordable);
    if (at >= 0) return this.triggered.splice(at, 1)[0];
    return fresh ? this.pairs.find((pair) => pair.state === 'waiting' && affordable(pair)) : undefined;
  }

  hasNext(fresh: boolean, affordable: (pair: Pair) => boolean): boolean {
    if (this.triggered.some(affordable)) return true;
    return fresh && this.pairs.some((pair) => pair.state === 'waiting' && affordable(pair));
  }
}

/** RFC 8445 section 6.1.2.3, without its 64-bit number: the lesser priority counts first, then the greater, then the role. */
function isBefore(a: Pair, b: Pair, controlling: boolean): boolean {
  const order = ({ path, remote }: Pair) => {
    const [ours, theirs] = [path.candidate.priority, remote.priority];
    return [Math.min(ours, theirs), Math.max(ours, theirs), ours > theirs === controlling ? 1 : 0] as const;
  };
  const [x, y] = [order(a), order(b)];
  const differs = x.findIndex((value, i) => value !== y[i]);
  return differs >= 0 && x[differs]! > y[differs]!;
}
