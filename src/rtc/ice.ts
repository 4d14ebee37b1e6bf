import { randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import {
  type Candidate,
  CandidatePairState,
  Connection,
  parseIceServers,
  type StunProtocol,
  serverReflexiveCandidate,
} from 'werift';
import { DepthcastError } from '../errors.ts';
import { parseCandidate } from './candidate.ts';
import { Emitter } from './emitter.ts';
import { type AgentInternals, hostAddresses, openHostSocket } from './ice-gathering.ts';
import { askServers, resolveServer, type ServerAddress } from './ice-servers.ts';
import { Relay } from './relay.ts';
import { MAX_CANDIDATES } from './sdp.ts';
import { isAuthenticRequest, isNomination, stunClass, transactionId } from './stun.ts';
import { UdpPort } from './udp-port.ts';

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

interface IceEvents {
  /** A pair was nominated for the first time, or again after a restart. */
  connected: [];
  /** From the peer's verified address: SRTP or SRTCP. `now` is performance.now(). */
  media: [packet: Buffer, now: number];
  dtls: [packet: Buffer];
  /** Nothing was heard from the peer for too long, or the agent gave up. */
  lost: [];
}

interface ProtocolInternals {
  datagramReceived(data: Buffer, from: readonly [string, number]): void;
}

/** What a packet came by: a socket of ours or a relay. */
interface StunPath {
  /** Requests of ours that wait for their answer, by id. */
  readonly transactions: Record<string, unknown>;
  /** Gives the agent a message that was found to be the peer's. */
  deliver(data: Buffer, from: readonly [string, number]): void;
}

/** Verified source addresses; a peer behind a strange NAT uses two or three. A new one then takes the oldest's place. */
const MAX_SOURCES = 32;
/** A peer that changes its address more often than this, once it has used so many, is not followed. */
const SOURCE_INTERVAL_MS = 1000;
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
  readonly #options: IceOptions;
  readonly #ports: UdpPort[] = [];
  readonly #sources = new Set<string>();
  #lastEviction = Number.NEGATIVE_INFINITY;
  /** Where the controlling peer wants us to send, once our own check of it has succeeded. */
  #nomination: { address: string; port: number } | undefined;
  #lastSource: { address: string; port: number } | undefined;
  #remoteCandidates = 0;
  #silentTicks = 0;
  #heard = false;
  #watch: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: IceOptions) {
    super();
    this.#options = options;
    const servers = parseIceServers([...(options.iceServers ?? [])]);
    this.#connection = new Connection(false, { ...servers });
    this.#internals = this.#connection as unknown as AgentInternals;
    // Without a STUN server werift would ask a public one.
    if (!servers.stunServer) this.#internals.stunServer = undefined;
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

  /** Runs connectivity checks until a pair is nominated; 'connected' tells. */
  connect(): void {
    this.#connection.connect().then(
      () => {
        if (this.#closed) return;
        this.#watch ??= setInterval(() => this.#checkLiveness(), WATCH_INTERVAL_MS);
        this.emit('connected');
      },
      () => this.#lose(),
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
    this.#nomination = undefined;
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
    for (const port of this.#ports) port.onPacket = () => {};
    await this.#connection.close().catch(() => {});
    await Promise.all(this.#ports.map((port) => port.close()));
    this.removeAllListeners();
  }

  /** Longer secrets than werift's: 48 and 192 bits (RFC 8445 section 5.3 asks for 24 and 128). */
  #renewCredentials(): void {
    this.#connection.localUsername = randomBytes(6).toString('base64');
    this.#connection.localPassword = randomBytes(24).toString('base64');
    this.#connection.userHistory[this.#connection.localUsername] = this.#connection.localPassword;
  }

  #passwordOf(ufrag: string): string | undefined {
    const history = this.#connection.userHistory;
    return Object.hasOwn(history, ufrag) ? history[ufrag] : undefined;
  }

  async #open(address: string): Promise<void> {
    const credentials = { generation: this.#connection.generation, ufrag: this.localUfrag };
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
    port.onPacket = (data, from) => this.#sort(data, from.address, from.port, path);
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
    const credentials = { generation: this.#connection.generation, ufrag: this.localUfrag };
    const relay = await Relay.open({ address, username, password }, credentials);
    if (this.#closed) return relay.close();
    const protocol = relay.protocol as unknown as StunProtocol;
    this.#internals.ensureProtocol(protocol);
    this.#internals.protocols.push(protocol);
    this.#internals.pairLocalProtocol(protocol);
    this.#internals.appendLocalCandidate(protocol.localCandidate!);
    relay.onPacket = (data, [host, port]) => this.#sort(data, host, port, relay);
  }

  #sort(data: Buffer, address: string, port: number, path: StunPath): void {
    const first = data[0];
    if (first === undefined || this.#closed) return;
    if (first < 4) this.#receiveStun(data, address, port, path);
    else if (this.#isTrusted(address, port)) this.#sortTrusted(data, performance.now());
    else this.dropped++;
  }

  #sortTrusted(data: Buffer, now: number): void {
    const first = data[0]!;
    if (first >= 128 && first < 192 && data.length >= 12) this.emit('media', data, now);
    else if (first >= 20 && first < 64) this.emit('dtls', data);
    else this.dropped++;
  }

  #isTrusted(address: string, port: number): boolean {
    const last = this.#lastSource;
    if (last && last.port === port && last.address === address) return true;
    if (!this.#sources.has(`${address} ${port}`) && !this.#isNominated(address, port)) return false;
    this.#lastSource = { address, port };
    return true;
  }

  /** A lite peer sends no requests; its address is verified by our own checks. */
  #isNominated(address: string, port: number): boolean {
    const remote = this.#connection.nominated?.remoteCandidate;
    return remote?.host === address && remote.port === port;
  }

  #receiveStun(data: Buffer, address: string, port: number, path: StunPath): void {
    const kind = stunClass(data);
    if (kind === 'request') {
      if (!isAuthenticRequest(data, (ufrag) => this.#passwordOf(ufrag))) {
        this.dropped++;
        return;
      }
      if (!this.#admitSource(address, port)) return;
      if (isNomination(data)) this.#nomination = { address, port };
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
    if (this.#nomination && !this.#isNominated(this.#nomination.address, this.#nomination.port))
      setImmediate(() => this.#followNomination());
  }

  #admitSource(address: string, port: number): boolean {
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
  #followNomination(): void {
    const connection = this.#connection;
    const wanted = this.#nomination;
    if (!wanted || this.#closed || !connection.nominated || connection.iceControlling) return;
    if (this.#isNominated(wanted.address, wanted.port)) return;
    const pair = connection.checkList.find(
      ({ remoteCandidate: { host, port }, state }) =>
        host === wanted.address && port === wanted.port && state === CandidatePairState.SUCCEEDED,
    );
    if (!pair) return;
    connection.resetNominatedPair();
    pair.nominated = true;
    this.#internals.checkComplete(pair);
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
