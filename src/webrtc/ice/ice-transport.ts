import { randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { type Candidate, Connection, parseIceServers, type StunProtocol } from 'werift';
import { Emitter } from '../emitter.ts';
import { MAX_CANDIDATES } from '../sdp/sdp.ts';
import { parseCandidate } from './candidate.ts';
import { IceGatherer, type IceOptions, type StunPath } from './gatherer.ts';
import type { AgentInternals } from './host-candidates.ts';
import { IceSources } from './remote-sources.ts';
import { isAuthenticRequest, isNomination, stunClass, transactionId } from './stun.ts';
import { UdpPort } from './udp-port.ts';

interface IceEvents {
  /** A pair was nominated for the first time, or again after a restart. */
  connected: [];
  /** From the peer's verified address: SRTP or SRTCP. `now` is performance.now(). */
  media: [packet: Buffer, now: number];
  dtls: [packet: Buffer];
  /** Nothing was heard from the peer for too long, or the agent gave up. */
  lost: [];
}

const WATCH_INTERVAL_MS = 1000;
/** Browsers check consent every 2.5 to 6 s (RFC 7675); this many silent seconds mean that the peer is gone. */
const MAX_SILENT_TICKS = 10;
/** werift remembers every transaction of a pair; forgetting them only miscounts its statistics. */
const MAX_REMEMBERED_TRANSACTIONS = 256;

/**
 * ICE for one peer: werift's agent on sockets of our own. Every packet is sorted here (RFC 7983): STUN must be
 * authentic, DTLS and media must come from an address that authentic STUN came from; the rest is dropped and counted.
 */
export class IceTransport extends Emitter<IceEvents> {
  dropped = 0;
  readonly #connection: Connection;
  readonly #internals: AgentInternals;
  readonly #gatherer: IceGatherer;
  readonly #sources: IceSources;
  /** Announced last: user fragment and password. */
  #credentials: [ufrag: string, pwd: string][] = [];
  #remoteCandidates = 0;
  #silentTicks = 0;
  #heard = false;
  #watch: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: IceOptions) {
    super();
    const servers = parseIceServers([...(options.iceServers ?? [])]);
    this.#connection = new Connection(false, { ...servers });
    this.#internals = this.#connection as unknown as AgentInternals;
    // Without a STUN server werift would ask a public one.
    if (!servers.stunServer) this.#internals.stunServer = undefined;
    this.#sources = new IceSources(this.#connection);
    this.#gatherer = new IceGatherer(this.#connection, options, (data, address, port, path) =>
      this.#sort(data, address, port, path),
    );
    this.#renewCredentials();
    this.#connection.stateChanged.subscribe((state) => {
      if (state === 'failed') this.#lose();
    });
  }

  get localUfrag(): string {
    return this.#connection.localUsername;
  }

  get localPwd(): string {
    return this.#connection.localPassword;
  }

  /** Of the last connectivity or consent check, in ms. */
  get roundTripTime(): number | undefined {
    const seconds = this.#connection.nominated?.rtt;
    return seconds === undefined ? undefined : seconds * 1000;
  }

  /** `address:port` of the selected pair. */
  get selectedPair(): { local: string; remote: string } | undefined {
    const pair = this.#connection.nominated;
    if (!pair) return undefined;
    const text = ({ host, port }: Candidate) => `${isIPv6(host) ? `[${host}]` : host}:${port}`;
    return { local: text(pair.localCandidate), remote: text(pair.remoteCandidate) };
  }

  /** Addresses of the peer that are remembered. */
  get remoteAddresses(): number {
    return this.#internals._remoteCandidates.length;
  }

  /** Whether these are not the credentials in use: the peer restarts ICE. */
  isRestart(iceUfrag: string, icePwd: string): boolean {
    return this.#connection.remoteUsername !== iceUfrag || this.#connection.remotePassword !== icePwd;
  }

  /** `candidate:` lines for the answer, once {@link gather} has run. */
  localCandidates(): string[] {
    return this.#connection.localCandidates.map((candidate) => `candidate:${candidate.toSdp()}`);
  }

  setRemote(remote: { iceUfrag: string; icePwd: string; iceLite: boolean; candidates: readonly string[] }): void {
    this.#connection.setRemoteParams({
      usernameFragment: remote.iceUfrag,
      password: remote.icePwd,
      iceLite: remote.iceLite,
    });
    // The offerer controls, unless it is lite (RFC 8445 section 6.1.1).
    this.#connection.iceControlling = remote.iceLite;
    for (const candidate of remote.candidates) this.addCandidate(candidate);
  }

  /** @throws DepthcastError BAD_REQUEST */
  addCandidate(line: string): void {
    if (line === '' || this.#closed) return;
    const candidate = parseCandidate(line);
    if (!candidate || this.#remoteCandidates >= MAX_CANDIDATES) return;
    this.#remoteCandidates++;
    // The end of candidates is never told to werift: it would fail instead of waiting for the peer's own checks.
    this.#connection.addRemoteCandidate(candidate).catch(() => {});
  }

  /**
   * Opens the sockets, once, and collects our candidates.
   * @throws DepthcastError BUSY without a free port
   */
  gather(): Promise<void> {
    return this.#gatherer.gather();
  }

  /** Runs connectivity checks until a pair is nominated; 'connected' tells. */
  connect(): void {
    const { generation } = this.#connection;
    const superseded = () => generation !== this.#connection.generation;
    // werift polls until a pair is nominated; after a restart this attempt would do so for ever, beside its successor.
    const agent = new Proxy(this.#connection, {
      get: (connection, key) => {
        if (superseded()) throw new Error('superseded by an ICE restart');
        return Reflect.get(connection, key);
      },
    });
    agent.connect().then(
      () => {
        if (this.#closed || superseded()) return;
        this.#watch ??= setInterval(() => this.#checkLiveness(), WATCH_INTERVAL_MS);
        this.emit('connected');
      },
      () => {
        if (!superseded()) this.#lose();
      },
    );
  }

  /** New credentials on the same sockets; {@link setRemote}, {@link gather} and {@link connect} follow. */
  async restart(): Promise<void> {
    await this.#connection.restart();
    this.#renewCredentials();
    for (const { localCandidate } of this.#internals.protocols)
      if (localCandidate) localCandidate.ufrag = this.localUfrag;
    this.#remoteCandidates = 0;
    this.#silentTicks = 0;
    this.#sources.nominate(undefined);
  }

  /** Sends on the selected pair; lost without one. */
  send(packet: Buffer): void {
    const pair = this.#connection.nominated;
    if (!pair || this.#closed) return;
    const { host, port } = pair.remoteCandidate;
    const transport = (pair.protocol as StunProtocol).transport as unknown;
    if (transport instanceof UdpPort) transport.sendTo(packet, port, host);
    else pair.protocol.sendData(packet, [host, port]).catch(() => {});
  }

  /** To be called for every packet that proved to be the peer's. */
  noteAlive(): void {
    this.#heard = true;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watch);
    this.#gatherer.silence();
    await this.#connection.close().catch(() => {});
    await this.#gatherer.close();
    this.removeAllListeners();
  }

  /**
   * Longer secrets than werift's: 48 and 192 bits (RFC 8445 section 5.3 asks for 24 and 128). Those before count until
   * the next restart, for checks that are under way; werift would take every earlier one for ever.
   */
  #renewCredentials(): void {
    const ufrag = randomBytes(6).toString('base64');
    const pwd = randomBytes(24).toString('base64');
    this.#connection.localUsername = ufrag;
    this.#connection.localPassword = pwd;
    this.#connection.userHistory = Object.fromEntries([...this.#credentials, [ufrag, pwd]]);
    this.#credentials = [[ufrag, pwd]];
  }

  #passwordOf(ufrag: string): string | undefined {
    const history = this.#connection.userHistory;
    return Object.hasOwn(history, ufrag) ? history[ufrag] : undefined;
  }

  #sort(data: Buffer, address: string, port: number, path: StunPath): void {
    const first = data[0];
    if (first === undefined || this.#closed) return;
    if (first < 4) this.#receiveStun(data, address, port, path);
    else if (this.#sources.isTrusted(address, port)) this.#sortTrusted(data, performance.now());
    else this.dropped++;
  }

  #sortTrusted(data: Buffer, now: number): void {
    const first = data[0]!;
    if (first >= 128 && first < 192 && data.length >= 12) this.emit('media', data, now);
    else if (first >= 20 && first < 64) this.emit('dtls', data);
    else this.dropped++;
  }

  #receiveStun(data: Buffer, address: string, port: number, path: StunPath): void {
    const kind = stunClass(data);
    if (kind === 'request') {
      if (!isAuthenticRequest(data, (ufrag) => this.#passwordOf(ufrag))) {
        this.dropped++;
        return;
      }
      if (!this.#sources.admit(address, port)) return;
      if (isNomination(data)) this.#sources.nominate({ address, port });
    } else if (kind === 'indication') {
      return;
    } else if (!kind || !path.transactions[transactionId(data)]) {
      this.dropped++;
      return;
    }
    this.#heard = true;
    path.deliver(data, [address, port]);
    for (const { requestTransactionIds } of this.#connection.checkList as unknown as {
      requestTransactionIds: Set<string>;
    }[]) {
      if (requestTransactionIds.size > MAX_REMEMBERED_TRANSACTIONS) requestTransactionIds.clear();
    }
    // What the packet sets off in werift happens in microtasks.
    if (this.#sources.moves)
      setImmediate(() => {
        if (!this.#closed) this.#sources.followNomination();
      });
  }

  /** Counts ticks, not time: a stalled event loop must not look like a silent peer. */
  #checkLiveness(): void {
    this.#silentTicks = this.#heard ? 0 : this.#silentTicks + 1;
    this.#heard = false;
    if (this.#silentTicks >= MAX_SILENT_TICKS) this.#lose();
  }

  #lose(): void {
    if (!this.#closed) this.emit('lost');
  }
}
