import { type Candidate, CandidatePairState, type Connection } from 'werift';
import type { AgentInternals } from './host-candidates.ts';

/** Verified source addresses; a peer behind a strange NAT uses two or three. A new one then takes the oldest's place. */
const MAX_SOURCES = 32;
/** A peer that changes its address more often than this, once it has used so many, is not followed. */
const SOURCE_INTERVAL_MS = 1000;

/** Where the peer sends from: addresses that authentic STUN came from, and the one that it wants to be sent to. */
export class IceSources {
  readonly #connection: Connection;
  readonly #internals: AgentInternals;
  readonly #sources = new Set<string>();
  #lastEviction = Number.NEGATIVE_INFINITY;
  #lastSource: { address: string; port: number } | undefined;
  /** Where the controlling peer wants us to send, once our own check of it has succeeded. */
  #nomination: { address: string; port: number } | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#internals = connection as unknown as AgentInternals;
  }

  /** Whether the peer nominated another address than the one in use. */
  get moves(): boolean {
    return this.#nomination !== undefined && !this.isNominated(this.#nomination.address, this.#nomination.port);
  }

  /** The controlling peer wants to be sent to there; undefined forgets it. */
  nominate(source: { address: string; port: number } | undefined): void {
    this.#nomination = source;
  }

  /** Whether packets from there count. */
  isTrusted(address: string, port: number): boolean {
    const last = this.#lastSource;
    if (last && last.port === port && last.address === address) return true;
    if (!this.#sources.has(`${address} ${port}`) && !this.isNominated(address, port)) return false;
    this.#lastSource = { address, port };
    return true;
  }

  /** A lite peer sends no requests; its address is verified by our own checks. */
  isNominated(address: string, port: number): boolean {
    const remote = this.#connection.nominated?.remoteCandidate;
    return remote?.host === address && remote.port === port;
  }

  /** Takes in where an authentic request came from. @returns false where too many have lately */
  admit(address: string, port: number): boolean {
    const source = `${address} ${port}`;
    if (this.#sources.has(source)) return true;
    if (this.#sources.size >= MAX_SOURCES) {
      const now = performance.now();
      if (now - this.#lastEviction < SOURCE_INTERVAL_MS) return false;
      this.#lastEviction = now;
      this.#forget(this.#sources.values().next().value!);
    }
    this.#sources.add(source);
    return true;
  }

  /** Else werift would keep a pair for every address that ever was. */
  #forget(source: string): void {
    const connection = this.#connection;
    const old = ({ host, port }: Candidate) => `${host} ${port}` === source;
    this.#sources.delete(source);
    if (this.#lastSource && `${this.#lastSource.address} ${this.#lastSource.port}` === source)
      this.#lastSource = undefined;
    connection.checkList = connection.checkList.filter(
      (pair) => pair === connection.nominated || !old(pair.remoteCandidate),
    );
    this.#internals._remoteCandidates = this.#internals._remoteCandidates.filter(
      (candidate) => candidate === connection.nominated?.remoteCandidate || !old(candidate),
    );
  }

  /**
   * A NAT that forgot its mapping, or a phone that changed networks, moves the peer to another address without an ICE
   * restart. werift stays with the pair that was nominated first; browsers go on nominating, and so the last one counts.
   */
  followNomination(): void {
    const connection = this.#connection;
    const wanted = this.#nomination;
    if (!wanted || !connection.nominated || connection.iceControlling) return;
    if (this.isNominated(wanted.address, wanted.port)) return;
    const pair = connection.checkList.find(
      ({ remoteCandidate: { host, port }, state }) =>
        host === wanted.address && port === wanted.port && state === CandidatePairState.SUCCEEDED,
    );
    if (!pair) return;
    connection.resetNominatedPair();
    pair.nominated = true;
    this.#internals.checkComplete(pair);
  }
}
