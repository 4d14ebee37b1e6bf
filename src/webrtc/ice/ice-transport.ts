import { type Meter, unmetered } from '../deadline.ts';
import { Emitter } from '../emitter.ts';
import { isRtcp } from '../rtp/packet.ts';
import { MAX_CANDIDATES } from '../sdp/sdp.ts';
import { endpoint } from './address.ts';
import { IceAgent } from './agent.ts';
import { candidateLine, parseCandidate } from './candidate.ts';
import type { Path } from './check-list.ts';
import { type GathererOptions, IceGatherer } from './gatherer.ts';
import type { PeerAddresses } from './peer-addresses.ts';
import { parseStun } from './stun.ts';

export interface IceOptions extends GathererOptions {
  /** Where checks may be sent to; anywhere by default. */
  peerAddresses?: PeerAddresses;
  /** What the handling of packets is charged to. */
  budget?: PacketBudget;
}

/** What a packet that is not looked at yet may be: the peer's RTP, anything else from where the peer is, or from elsewhere. */
export type PacketKind = 'media' | 'control' | 'stranger';

/** Decides on each packet before it is looked at. */
export interface PacketBudget {
  admit(kind: PacketKind, now: number): boolean;
  charge(kind: PacketKind, milliseconds: number): void;
  /** For the work of timers. */
  meter: Meter;
}

interface IceEvents {
  /** A pair is in use for the first time, or again after a restart. */
  connected: [];
  /** From the peer's verified address: SRTP or SRTCP. `now` is performance.now(). */
  media: [packet: Buffer, now: number];
  dtls: [packet: Buffer];
  /** Nothing was heard from the peer for too long, or it withdrew its consent. */
  lost: [];
}

const WATCH_INTERVAL_MS = 1000;
/**
 * STUN messages that are looked at in a second: each costs two signatures. Browsers send some tens of them, while they look for
 * a pair.
 */
const MAX_STUN = 400;
/** What some send after their last candidate. */
const END = /^\s*(a=)?(candidate:|end-of-candidates)?\s*$/;
/**
 * This many silent seconds mean that the peer is gone. Browsers check consent every 2.5 to 6 s (RFC 7675), and one whose network
 * changed sees that after five to seven seconds, waits three for it to heal, and then restarts ICE: it must find its session.
 */
const MAX_SILENT_TICKS = 15;

/** RTP or RTCP (RFC 7983 section 7). */
const isMedia = (packet: Buffer): boolean => packet.length >= 12 && packet[0]! >= 128 && packet[0]! < 192;

/**
 * ICE for one peer: sockets, a clock, and an agent. Every packet is sorted here (RFC 7983): STUN must be
 * authentic, DTLS and media must come from an address that authentic STUN came from; the rest is dropped and counted.
 */
export class IceTransport extends Emitter<IceEvents> {
  dropped = 0;
  readonly #agent: IceAgent;
  readonly #gatherer: IceGatherer;
  readonly #addresses: PeerAddresses | undefined;
  readonly #budget: PacketBudget | undefined;
  #remoteCandidates = 0;
  #silentTicks = 0;
  #heard = false;
  #stunSince = 0;
  /** From where the peer is, and from elsewhere: strangers cannot keep the peer from being heard. */
  #stunCount = { known: 0, strange: 0 };
  #watch: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  /** The session of the pair that 'connected' reported. */
  #connectedAs: number | undefined;
  #closed = false;

  constructor(options: IceOptions) {
    super();
    const { peerAddresses } = options;
    this.#addresses = peerAddresses;
    this.#budget = options.budget;
    this.#agent = new IceAgent({
      ...(peerAddresses && {
        mayCheck: (address, port) => peerAddresses.mayCheck(address, port),
        mayAnswer: (address, port) => peerAddresses.mayAnswer(address, port),
      }),
      onSelected: ({ credentials }) => {
        if (credentials.generation === this.#connectedAs) return;
        this.#connectedAs = credentials.generation;
        this.#watch ??= setInterval(() => this.#checkLiveness(), WATCH_INTERVAL_MS);
        this.emit('connected');
      },
      onExpired: () => this.#lose(),
    });
    this.#gatherer = new IceGatherer(
      options,
      (path) => this.#agent.addPath(path),
      (data, address, port, path) => this.#sort(data, address, port, path),
    );
  }

  get localUfrag(): string {
    return this.#agent.localUfrag;
  }

  get localPwd(): string {
    return this.#agent.localPwd;
  }

  /** Of the last connectivity or consent check, in ms. */
  get roundTripTime(): number | undefined {
    return this.#agent.selected?.roundTripTime;
  }

  /** `address:port` of the selected pair. */
  get selectedPair(): { local: string; remote: string } | undefined {
    const pair = this.#agent.selected;
    if (!pair) return undefined;
    const { path, remote } = pair;
    return {
      local: endpoint(path.candidate.address, path.candidate.port),
      remote: endpoint(remote.address, remote.port),
    };
  }

  /** Addresses of the peer that are remembered. */
  get remoteAddresses(): number {
    return this.#agent.remotes;
  }

  /** What the agent has done, for those who watch over it. */
  get counts(): { checksSent: number; pending: number; refusedCandidates: number } {
    const { checksSent, pending, refusedCandidates } = this.#agent;
    return { checksSent, pending, refusedCandidates };
  }

  /** Whether these are not the credentials in use: the peer restarts ICE. */
  isRestart(iceUfrag: string, icePwd: string): boolean {
    const known = this.#agent.remoteCredentials;
    return known?.ufrag !== iceUfrag || known.pwd !== icePwd;
  }

  /** `candidate:` lines for the answer, once {@link gather} has run. */
  localCandidates(): string[] {
    return this.#gatherer.candidates.map(candidateLine);
  }

  /**
   * Candidates that cannot be read are passed over: the others may do.
   * @param signallingBytes that the peer sent to say this
   * @returns how many were passed over
   */
  setRemote(
    remote: { iceUfrag: string; icePwd: string; iceLite: boolean; candidates: readonly string[] },
    signallingBytes = Number.POSITIVE_INFINITY,
  ): number {
    this.#agent.setRemote(remote.iceUfrag, remote.icePwd, remote.iceLite);
    this.#agent.addSignalling(signallingBytes);
    let unreadable = 0;
    for (const candidate of remote.candidates)
      try {
        if (!END.test(candidate)) this.#take(candidate);
      } catch {
        unreadable++;
      }
    this.#arm();
    return unreadable;
  }

  /** @throws DepthcastError BAD_REQUEST */
  addCandidate(line: string): void {
    if (END.test(line) || this.#closed) return;
    this.#agent.addSignalling(Buffer.byteLength(line));
    this.#take(line);
    this.#arm();
  }

  /**
   * Opens the sockets, once, and collects our candidates.
   * @throws DepthcastError BUSY without a free port
   */
  gather(): Promise<void> {
    return this.#gatherer.gather();
  }

  /** Runs connectivity checks until a pair is in use; 'connected' tells. */
  connect(): void {
    this.#agent.start(performance.now());
    this.#arm();
  }

  /** New credentials on the same sockets; {@link setRemote} and {@link connect} follow. */
  restart(): void {
    this.#agent.renew();
    this.#remoteCandidates = 0;
    this.#silentTicks = 0;
  }

  /** Sends on the selected pair; lost without one. */
  send(packet: Buffer): void {
    const pair = this.#agent.selected;
    if (pair && !this.#closed) pair.path.send(packet, pair.remote.port, pair.remote.address);
  }

  /** To be called for every packet that proved to be the peer's. */
  noteAlive(): void {
    this.#heard = true;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watch);
    clearTimeout(this.#timer);
    await this.#gatherer.close();
    this.removeAllListeners();
  }

  #take(line: string): void {
    const candidate = parseCandidate(line);
    if (!candidate || this.#remoteCandidates >= MAX_CANDIDATES) return;
    this.#remoteCandidates++;
    this.#agent.addRemote(candidate);
    if (this.#addresses?.mayReach(candidate.address) ?? true) this.#gatherer.permit(candidate.address);
  }

  #sort(data: Buffer, address: string, port: number, path: Path): void {
    if (this.#closed) return;
    const known = this.#agent.isTrusted(address, port);
    const began = performance.now();
    const first = data[0] ?? 255;
    const kind = !known ? 'stranger' : isMedia(data) && !isRtcp(data) ? 'media' : 'control';
    if (this.#budget?.admit(kind, began) === false) return;
    if (first < 4) {
      if (this.#isStunDue(known, began)) this.#receiveStun(data, address, port, path);
      else this.dropped++;
    } else if (known) this.#sortTrusted(data, began);
    else this.dropped++;
    this.#budget?.charge(kind, performance.now() - began);
  }

  #isStunDue(known: boolean, now: number): boolean {
    if (now - this.#stunSince >= 1000) {
      this.#stunSince = now;
      this.#stunCount = { known: 0, strange: 0 };
    }
    return ++this.#stunCount[known ? 'known' : 'strange'] <= MAX_STUN;
  }

  #sortTrusted(data: Buffer, now: number): void {
    const first = data[0]!;
    if (isMedia(data)) this.emit('media', data, now);
    else if (first >= 20 && first < 64) this.emit('dtls', data);
    else this.dropped++;
  }

  #receiveStun(packet: Buffer, address: string, port: number, path: Path): void {
    const message = parseStun(packet);
    if (message && this.#gatherer.receiveStun(message, address, port)) return;
    if (!message || !this.#agent.receive({ packet, message, path, address, port }, performance.now())) {
      this.dropped++;
      return;
    }
    if (message.kind !== 'indication') this.#heard = true;
    this.#arm();
  }

  /** One timer for all that the agent has to do, set anew where something is due sooner than it. */
  #arm(): void {
    const at = this.#agent.nextAt();
    if (this.#closed || at >= this.#armedFor) return;
    clearTimeout(this.#timer);
    this.#armedFor = at;
    this.#timer = setTimeout(() => this.#poll(), Math.max(0, at - performance.now()));
  }

  #poll(): void {
    this.#armedFor = Number.POSITIVE_INFINITY;
    (this.#budget?.meter ?? unmetered)(() => this.#agent.poll(performance.now()));
    this.#arm();
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
