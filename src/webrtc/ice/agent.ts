import { SendAllowance } from './allowance.ts';
import { type Candidate, candidatePriority } from './candidate.ts';
import { CheckList, type Pair, type Path, type Remote } from './check-list.ts';
import { Consent } from './consent.ts';
import { type Credentials, SessionCredentials } from './credentials.ts';
import { Role } from './role.ts';
import { Sources } from './sources.ts';
import { isAuthentic, type StunMessage, writeStun } from './stun.ts';
import { type Transaction, Transactions } from './transactions.ts';

/** How long a controlling agent waits for a better pair once it has one. */
const NOMINATION_WAIT_MS = 200;
/** Requests that came before the peer's credentials did are kept, so many, until then. */
const MAX_EARLY = 32;
const ROLE_CONFLICT = 487;

export interface AgentOptions {
  /** Whether a candidate of the peer's may be checked; any may by default. */
  mayCheck?: (address: string, port: number) => boolean;
  /** Whether a check from there may be answered by one of ours. */
  mayAnswer?: (address: string, port: number) => boolean;
  /** A pair is in use: the first of its session, or another than before. */
  onSelected: (pair: Pair) => void;
  /** The peer withdrew its consent, or is gone (RFC 7675). */
  onExpired: () => void;
}

interface Received {
  packet: Buffer;
  message: StunMessage;
  path: Path;
  address: string;
  port: number;
}

/**
 * An ICE agent (RFC 8445) for one component, without sockets and clocks of its own: packets and the time go in, packets go out by
 * the paths that it is given. It starts no check but in its turn, and each costs the allowance of an unproven address.
 * Pairs are never frozen: there is one check list.
 */
export class IceAgent {
  /** Candidates of the peer that may not be checked. */
  refusedCandidates = 0;
  selected: Pair | undefined;
  readonly #options: AgentOptions;
  readonly #credentials = new SessionCredentials();
  readonly #role = new Role(() => {
    this.#nominateAt = Number.POSITIVE_INFINITY;
  });
  readonly #allowance = new SendAllowance();
  readonly #sources = new Sources();
  readonly #transactions = new Transactions(this.#allowance);
  readonly #paths: Path[] = [];
  readonly #remotes = new Map<string, Remote>();
  #list = new CheckList();
  #consent: Consent | undefined;
  #early: Received[] = [];
  /** What the controlling peer wants to be sent to: the last one counts. */
  #nomination: Pair | undefined;
  #nominateAt = Number.POSITIVE_INFINITY;
  #started = false;
  #lastTrusted: Remote | { address: string; port: number } | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  get localUfrag(): string {
    return this.#credentials.localUfrag;
  }

  get localPwd(): string {
    return this.#credentials.localPwd;
  }

  get remoteCredentials(): { ufrag: string; pwd: string } | undefined {
    const known = this.#credentials.current;
    return known && { ufrag: known.remoteUfrag, pwd: known.remotePwd };
  }

  get controlling(): boolean {
    return this.#role.controlling;
  }

  /** Addresses of the peer that are remembered. */
  get remotes(): number {
    return this.#remotes.size;
  }

  /** Checks that wait for an answer. */
  get pending(): number {
    return this.#transactions.size;
  }

  /** Checks sent, repetitions included. */
  get checksSent(): number {
    return this.#transactions.sent;
  }

  /** Begins another session: what was learnt of the peer is forgotten, but the pair in use. */
  renew(): void {
    this.#credentials.renew();
    this.#role.renew();
    this.#list = new CheckList();
    this.#remotes.clear();
    this.#transactions.drop(({ consent }) => !consent);
    this.#nomination = undefined;
    this.#nominateAt = Number.POSITIVE_INFINITY;
    this.#early = [];
    this.#started = false;
  }

  addPath(path: Path): void {
    this.#paths.push(path);
    for (const remote of this.#remotes.values()) this.#pair(path, remote);
  }

  /** The peer's credentials, until {@link renew} for good; the offerer controls, unless it is lite (RFC 8445 section 6.1.1). */
  setRemote(ufrag: string, pwd: string, lite: boolean): void {
    if (this.#credentials.current) return;
    this.#credentials.setRemote(ufrag, pwd);
    this.#role.controlling = lite;
  }

  /** A candidate of the peer's, after {@link setRemote}. */
  addRemote({ address, port, priority }: Candidate): void {
    const key = keyOf(address, port);
    if (this.#remotes.has(key)) return;
    if (!(this.#options.mayCheck?.(address, port) ?? true)) {
      this.refusedCandidates++;
      return;
    }
    const remote: Remote = { key, address, port, priority, proven: false };
    this.#remotes.set(key, remote);
    for (const path of this.#paths) this.#pair(path, remote);
  }

  /** The peer's signalling brought so many bytes: what names an address pays for the checks of it. */
  addSignalling(bytes: number): void {
    this.#allowance.addSignalling(bytes);
  }

  start(now: number): void {
    this.#started = true;
    for (const early of this.#early.splice(0)) this.receive(early, now);
  }

  /** Whether media and DTLS from there are the peer's. */
  isTrusted(address: string, port: number): boolean {
    const last = this.#lastTrusted;
    if (last && last.port === port && last.address === address) return true;
    const key = keyOf(address, port);
    // A lite peer sends no requests; its address is verified by our own checks.
    if (!this.#sources.has(key) && this.selected?.remote.key !== key) return false;
    this.#lastTrusted = { address, port };
    return true;
  }

  /** A STUN message came. @returns whether it is the peer's */
  receive(received: Received, now: number): boolean {
    switch (received.message.kind) {
      case 'request':
        return this.#receiveRequest(received, now);
      case 'indication':
        return true;
      default:
        return this.#receiveAnswer(received, now);
    }
  }

  /** When {@link poll} has something to do; Infinity while there is nothing. */
  nextAt(): number {
    const { affordable, turnAt } = this.#transactions;
    const pending = this.#started && this.#list.hasNext(this.#fresh, affordable);
    const checkAt = pending ? Number.NEGATIVE_INFINITY : this.#transactions.nextAt();
    const pacedAt = Math.max(turnAt, Math.min(checkAt, this.#nominateAt));
    return Math.min(pacedAt, this.#consent?.nextAt ?? Number.POSITIVE_INFINITY);
  }

  /** Does what is due. */
  poll(now: number): void {
    this.#askConsent(now);
    for (const { pair, consent } of this.#transactions.takeSpent(now)) if (!consent) this.#fail(pair);
    if (now >= Math.max(this.#transactions.turnAt, this.#nominateAt)) this.#nominate(now);
    if (now >= this.#transactions.turnAt && this.#started) this.#checkNext(now);
  }

  get #fresh(): boolean {
    return this.selected?.credentials.generation !== this.#credentials.generation;
  }

  /** @param asked what the peer's own check of this pair named: it takes no others in ours */
  #pair(path: Path, remote: Remote, asked?: Credentials): Pair | undefined {
    const known = this.#list.find(path, remote);
    const credentials = asked ?? known?.credentials ?? this.#credentials.current;
    if (!credentials || known?.credentials.localUfrag === credentials.localUfrag) return known;
    if (known) {
      this.#list.remove((pair) => pair === known);
      this.#transactions.drop(({ pair, consent }) => pair === known && !consent);
    }
    const pair = this.#list.add(path, remote, credentials, this.controlling, asked !== undefined);
    // What the peer has nominated it has nominated by whatever name: some ask only until they are answered.
    if (pair && known?.nominated && known.credentials.generation === credentials.generation) {
      pair.nominated = true;
      if (!this.#nomination || this.#nomination === known) this.#nomination = pair;
    }
    return pair;
  }

  #receiveRequest(received: Received, now: number): boolean {
    const { packet, message, address, port } = received;
    const [ufrag = '', theirs] = message.username?.split(':') ?? [];
    const password = this.#credentials.passwordOf(ufrag);
    if (password === undefined || !isAuthentic(packet, message, password)) return false;
    const current = ufrag === this.localUfrag;
    if (current && (!this.#credentials.current || !this.#started)) {
      if (this.#early.length < MAX_EARLY) this.#early.push({ ...received, packet: Buffer.from(packet) });
      return true;
    }
    const key = keyOf(address, port);
    if (!this.#sources.admit(key, now, (old) => this.#forget(old))) return true;
    this.#allowance.addReceived(key, packet.length);
    if (current && this.#role.conflicts(message.role)) {
      this.#answer(received, password, ROLE_CONFLICT);
      return true;
    }
    this.#answer(received, password);
    const asked = current ? this.#credentials.current : this.#credentials.halfRestarted(ufrag, theirs);
    if (asked && this.#started) this.#follow(received, key, asked, now);
    return true;
  }

  /** RFC 8445 sections 7.3.1.3 to 7.3.1.5. */
  #follow({ message, path, address, port }: Received, key: string, asked: Credentials, now: number): void {
    let remote = this.#remotes.get(key);
    if (!remote) {
      if (!(this.#options.mayAnswer?.(address, port) ?? true)) return;
      const priority = message.priority ?? candidatePriority('prflx', 0);
      remote = { key, address, port, priority, proven: false };
      this.#remotes.set(key, remote);
    }
    const pair = this.#pair(path, remote, asked);
    if (!pair) return;
    if (pair.state === 'checking') this.#hasten(pair, now);
    else if (pair.state !== 'succeeded') this.#list.trigger(pair);
    if (!message.nominates || this.controlling) return;
    pair.nominated = true;
    this.#nomination = pair;
    // A NAT that forgot its mapping, or a phone that changed networks, moves the peer without a restart: it nominates again.
    if (pair.state === 'succeeded') this.#select(pair, now, true);
  }

  /** The peer can be reached, as its check shows: ours may have been lost at its NAT. */
  #hasten(pair: Pair, now: number): void {
    const transaction = this.#transactions.of(pair);
    if (transaction && transaction.transmissions === 1) transaction.dueAt = Math.min(transaction.dueAt, now);
  }

  #answer({ message: { id }, path, address, port }: Received, password: string, errorCode?: number): void {
    const answer =
      errorCode === undefined
        ? writeStun({ kind: 'response', id, mapped: { address, port } }, password)
        : writeStun({ kind: 'error', id, errorCode }, password);
    const key = keyOf(address, port);
    if (this.#remotes.get(key)?.proven || this.#allowance.spend(key, answer.length)) path.send(answer, port, address);
  }

  #receiveAnswer({ packet, message, path, address, port }: Received, now: number): boolean {
    const transaction = this.#transactions.get(message.id);
    if (!transaction) return false;
    const { pair } = transaction;
    // RFC 8445 section 7.2.5.2.1: an answer from another address is ignored.
    if (pair.path !== path || pair.remote.address !== address || pair.remote.port !== port) return false;
    const authentic = isAuthentic(packet, message, pair.credentials.remotePwd);
    if (message.kind === 'response' && !authentic) return false;
    this.#transactions.take(message.id);
    if (message.kind === 'response') this.#succeed(transaction, now);
    else this.#refused(transaction, authentic ? message.errorCode : undefined);
    return authentic;
  }

  #succeed({ pair, transmissions, sentAt, nominates, consent }: Transaction, now: number): void {
    pair.remote.proven = true;
    pair.state = 'succeeded';
    if (transmissions === 1) pair.roundTripTime = now - sentAt;
    if (pair === this.selected) this.#consent?.answered(now);
    if (consent) return;
    if (nominates || (pair.nominated && (this.#fresh || pair === this.#nomination))) this.#select(pair, now);
    else if (this.controlling && this.#fresh && this.#nominateAt === Number.POSITIVE_INFINITY)
      this.#nominateAt = this.#isBest(pair) ? now : now + NOMINATION_WAIT_MS;
  }

  /** An error is final, but for the first role conflict of a session (RFC 8445 section 7.2.5.1). */
  #refused({ pair, controlling, consent }: Transaction, errorCode: number | undefined): void {
    if (consent) return;
    if (errorCode === ROLE_CONFLICT && this.#role.resolves(controlling)) {
      this.#list.trigger(pair);
      return;
    }
    pair.refused = true;
    this.#fail(pair);
  }

  #fail(pair: Pair): void {
    pair.state = 'failed';
    if (this.#nomination === pair) this.#nomination = undefined;
    if (this.controlling && this.#fresh && this.#list.pairs.some(({ state }) => state === 'succeeded'))
      this.#nominateAt = Number.NEGATIVE_INFINITY;
  }

  #isBest(pair: Pair): boolean {
    return this.#list.pairs.find(({ state }) => state !== 'failed') === pair;
  }

  /** As the controlling side: asks the best pair that works, again, to be the one. */
  #nominate(now: number): void {
    this.#nominateAt = Number.POSITIVE_INFINITY;
    const best = this.#list.pairs.find(({ state }) => state === 'succeeded');
    if (best && this.#fresh && !this.#transactions.of(best))
      this.#transactions.start(best, now, this.#role, { nominates: true });
  }

  /** @param stale its last check is not of now: the next is due at once */
  #select(pair: Pair, now: number, stale = false): void {
    if (this.selected === pair) return;
    this.selected = pair;
    this.#consent = stale ? new Consent(now, now) : new Consent(now);
    this.#nominateAt = Number.POSITIVE_INFINITY;
    this.#list.prune();
    this.#transactions.drop((transaction) => transaction.pair !== pair && !transaction.pair.nominated);
    for (const other of this.#list.pairs)
      if (other.state === 'checking' && !this.#transactions.of(other)) other.state = 'failed';
    this.#options.onSelected(pair);
  }

  #askConsent(now: number): void {
    const pair = this.selected;
    const due = pair && this.#consent?.due(now);
    if (due === 'check') this.#transactions.start(pair!, now, this.#role, { consent: true });
    else if (due === 'expired') {
      this.#consent = undefined;
      this.#options.onExpired();
    }
  }

  #checkNext(now: number): void {
    const pair = this.#list.next(this.#fresh, this.#transactions.affordable);
    if (pair) this.#transactions.start(pair, now, this.#role, {});
    else this.#transactions.repeat(now);
  }

  /** A source that had to go takes its pairs along, but for the one in use. */
  #forget(source: string): void {
    this.#lastTrusted = undefined;
    this.#list.remove((pair) => pair.remote.key === source && pair !== this.selected);
    this.#transactions.drop(({ pair, consent }) => pair.remote.key === source && !consent);
    if (this.#nomination?.remote.key === source && this.#nomination !== this.selected) this.#nomination = undefined;
    if (this.selected?.remote.key !== source) this.#remotes.delete(source);
  }
}

const keyOf = (address: string, port: number): string => `${address} ${port}`;
