import { CODEC_NAMES } from '../../codecs.ts';
import { DepthcastError, toDepthcastError } from '../../errors.ts';
import { DtlsTransport } from '../dtls/dtls-transport.ts';
import { Emitter } from '../emitter.ts';
import type { IceCandidateInit } from '../ice/candidate.ts';
import { IceTransport } from '../ice/ice-transport.ts';
import { RestartLimit } from '../ice/restart-limit.ts';
import { SctpTransport } from '../sctp/sctp-transport.ts';
import type { Agreement } from '../sdp/agreement.ts';
import { buildAnswer } from '../sdp/answer.ts';
import { negotiate } from '../sdp/negotiation.ts';
import { parseOffer } from '../sdp/sdp.ts';
import { DEFAULT_BUDGET, PeerBudget, PeerBudgets } from './budget.ts';
import { LocalIdentity } from './local-identity.ts';
import { MediaTransport } from './media-transport.ts';
import type { CloseReason, PeerEvents, PeerOptions, PeerStats } from './peer-types.ts';
import type { VideoReceiver } from './receiver.ts';
import type { VideoSender } from './sender.ts';

const WATCH_INTERVAL_MS = 1000;
/** Of this thread's peers. */
const budgets = new PeerBudgets();
const DEFAULT_MAX_MESSAGE = 262_144;

/** One WebRTC peer that offered; we answer. Video flows one way or both ways on one media section. */
export class RtcPeer extends Emitter<PeerEvents> {
  readonly #options: PeerOptions;
  readonly #ice: IceTransport;
  readonly #dtls: DtlsTransport;
  readonly #media: MediaTransport;
  readonly #identity = new LocalIdentity();
  readonly #restarts = new RestartLimit();
  readonly #budget: PeerBudget;
  readonly #watch: NodeJS.Timeout;
  #sctp: SctpTransport | undefined;
  #agreement: Agreement;
  #answerSdp = '';
  #state: PeerStats['state'] = 'connecting';
  #setupTimer: NodeJS.Timeout | undefined;
  #restarting: Promise<unknown> = Promise.resolve();

  /**
   * Answers an offer. The connection then sets itself up: 'connected' or 'closed' follows.
   * @throws DepthcastError BAD_SDP, NO_VIDEO, UNSUPPORTED_CODEC, BUSY
   */
  static async answer(offerSdp: string, options: PeerOptions): Promise<RtcPeer> {
    const offer = parseOffer(offerSdp);
    const agreement = negotiate(offer, options.role, options.codecs ?? CODEC_NAMES);
    const peer = new RtcPeer(agreement, options);
    try {
      await peer.#ice.gather();
      peer.#takeCandidates(agreement, Buffer.byteLength(offerSdp));
      peer.#answerSdp = buildAnswer(offer, agreement, await peer.#identity.describe(peer.#ice, peer.#maxMessageSize));
      peer.#connect();
      return peer;
    } catch (error) {
      await peer.close();
      throw error;
    }
  }

  private constructor(agreement: Agreement, options: PeerOptions) {
    super();
    this.#options = options;
    this.#agreement = agreement;
    this.#budget = new PeerBudget(options.budget ?? DEFAULT_BUDGET, performance.now());
    budgets.add(this.#budget);
    this.#watch = setInterval(() => this.#keepToBudget(), WATCH_INTERVAL_MS);
    this.#ice = new IceTransport({ ...options, budget: this.#budget });
    const send = (packet: Buffer) => this.#ice.send(packet);
    this.#dtls = new DtlsTransport({
      role: agreement.transport.dtlsRole,
      version: options.dtls ?? 1.2,
      fingerprints: agreement.transport.fingerprints,
      send,
      meter: this.#budget.meter,
    });
    this.#media = new MediaTransport({
      ...this.#identity,
      send,
      onAlive: () => this.#ice.noteAlive(),
      fail: this.#fail,
      meter: this.#budget.meter,
      roundTripTime: () => this.#ice.roundTripTime,
      receiveBitrate: options.receiveBitrate,
      sendBitrate: options.sendBitrate,
    });
    this.#wireTransports();
    this.#media.adopt(agreement.video);
    if (agreement.data) this.#openSctp(agreement.data);
  }

  /** The current answer; a restart replaces it. */
  get answerSdp(): string {
    return this.#answerSdp;
  }

  /** What of the latest offer is not done although its sender may count on it, in words. */
  get notes(): readonly string[] {
    return this.#agreement.notes;
  }

  /** Whether data channels were agreed on. */
  get hasData(): boolean {
    return this.#sctp !== undefined;
  }

  /** Whether the association of data channels was set up, so that the peer can open them. */
  get dataEstablished(): boolean {
    return this.#sctp?.established ?? false;
  }

  get receiver(): VideoReceiver | undefined {
    return this.#media.receiver;
  }

  get sender(): VideoSender | undefined {
    return this.#media.sender;
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  get connected(): boolean {
    return this.#state === 'connected';
  }

  /** User fragment of our current ICE session: changes with every restart. */
  get iceUfrag(): string {
    return this.#ice.localUfrag;
  }

  getStats(): PeerStats {
    return {
      state: this.#state,
      pair: this.#ice.selectedPair,
      roundTripTime: this.#ice.roundTripTime,
      dropped: this.#ice.dropped,
      budget: { ...this.#budget.stats },
      ice: this.#ice.counts,
      transport: this.#media.getStats(),
      receiver: this.receiver?.getStats(),
      sender: this.sender?.getStats(),
      channels: [...(this.#sctp?.channels ?? [])].map((channel) => channel.getStats()),
    };
  }

  /**
   * Takes a trickled candidate of the peer. Those of no use (TCP, mDNS names) are ignored.
   * @throws DepthcastError BAD_REQUEST where it is malformed
   */
  addCandidate({ candidate }: IceCandidateInit): void {
    if (!this.closed) this.#ice.addCandidate(candidate);
  }

  /**
   * Answers a further offer on the same connection: an ICE restart, or other directions or codecs.
   * @param receivedBytes of what the peer sent for it, where that was less than the whole offer
   * @returns the new answer
   * @throws DepthcastError as `answer` does, RATE_LIMITED for too many ICE restarts, and SESSION_NOT_FOUND once closed;
   * the peer then goes on as before
   */
  restart(offerSdp: string, receivedBytes = Buffer.byteLength(offerSdp)): Promise<string> {
    const run = this.#restarting.then(() => this.#restart(offerSdp, receivedBytes));
    this.#restarting = run.catch(() => {});
    return run;
  }

  async close(): Promise<void> {
    await this.#end({ reason: 'closed' });
  }

  get #maxMessageSize(): number {
    return this.#options.maxMessageSize ?? DEFAULT_MAX_MESSAGE;
  }

  async #restart(offerSdp: string, receivedBytes: number): Promise<string> {
    if (this.closed) throw new DepthcastError('SESSION_NOT_FOUND');
    const offer = parseOffer(offerSdp);
    const agreement = negotiate(offer, this.#options.role, this.#options.codecs ?? CODEC_NAMES, this.#agreement);
    const known = this.#agreement.transport.fingerprints;
    if (
      !agreement.transport.fingerprints.some(({ value }) => known.some((fingerprint) => fingerprint.value === value))
    ) {
      throw new DepthcastError('BAD_SDP', { detail: 'the DTLS certificate changed; open a new session instead' });
    }
    // The DTLS role stays what it was (RFC 8842 section 5.5).
    agreement.transport.dtlsRole = this.#agreement.transport.dtlsRole;
    const iceRestart = this.#ice.isRestart(agreement.transport.iceUfrag, agreement.transport.icePwd);
    if (iceRestart) {
      this.#restarts.take();
      this.#ice.restart();
    }
    this.#agreement = agreement;
    const before = { receiver: this.receiver, codec: this.sender?.codec };
    this.#media.adopt(agreement.video);
    if (agreement.data && !this.#sctp) {
      this.#openSctp(agreement.data);
      if (this.connected) this.#sctp!.start();
    }
    this.#takeCandidates(agreement, receivedBytes);
    this.#answerSdp = buildAnswer(offer, agreement, await this.#identity.describe(this.#ice, this.#maxMessageSize));
    if (iceRestart) this.#ice.connect();
    if (this.receiver && !before.receiver) this.emit('receiver', this.receiver);
    if (this.sender && this.sender.codec !== before.codec) this.emit('sender', this.sender);
    return this.#answerSdp;
  }

  #takeCandidates({ transport, notes }: Agreement, receivedBytes: number): void {
    const unreadable = this.#ice.setRemote(transport, receivedBytes);
    if (unreadable > 0) notes.push(`${unreadable} of its ICE candidates cannot be read`);
  }

  #connect(): void {
    this.#setupTimer = setTimeout(() => {
      void this.#end({ reason: 'timeout', error: new DepthcastError('SETUP_TIMEOUT') });
    }, this.#options.setupTimeoutMs);
    this.#ice.connect();
  }

  #wireTransports(): void {
    this.#ice
      .on('connected', () => void this.#dtls.start())
      .on('lost', () => void this.#end({ reason: 'lost' }))
      .on('dtls', (packet) => this.#guard(() => this.#dtls.receive(packet)))
      .on('media', (packet, now) => this.#guard(() => this.#media.receive(packet, now)));
    this.#dtls
      .on('failed', (cause) => {
        void this.#end({
          reason: 'failed',
          error: new DepthcastError('DTLS_FAILED', { detail: cause.message, cause }),
        });
      })
      .on('closed', () => void this.#end({ reason: 'peer' }))
      .on('connected', (keys) => {
        clearTimeout(this.#setupTimer);
        this.#media.start(keys);
        this.#state = 'connected';
        this.#sctp?.start();
        this.#guard(() => this.emit('connected'));
      });
  }

  /** Whatever a listener or a packet sets off ends this peer, never the process. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  readonly #fail = (thrown: unknown): void => {
    void this.#end({ reason: 'failed', error: toDepthcastError(thrown) });
  };

  #openSctp(data: NonNullable<Agreement['data']>): void {
    this.#sctp = new SctpTransport(this.#dtls, {
      agreement: data,
      maxMessageSize: this.#maxMessageSize,
      fail: this.#fail,
      meter: this.#budget.meter,
      onSend: (bytes) => this.#budget.expectAnswers(bytes),
      onTransmit: (milliseconds) => this.#budget.excuse(milliseconds),
    })
      .on('channel', (channel) => this.#guard(() => this.emit('channel', channel)))
      .on('abuse', (detail) => {
        void this.#end({ reason: 'failed', error: new DepthcastError('BAD_REQUEST', { detail }) });
      });
  }

  #keepToBudget(): void {
    budgets.share(performance.now());
    const channels = [...(this.#sctp?.channels ?? [])].reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0);
    const held = (this.receiver?.heldBytes ?? 0) + this.#dtls.heldBytes + channels;
    const detail = this.#budget.judge(held);
    if (detail !== undefined)
      void this.#end({ reason: 'failed', error: new DepthcastError('PEER_OVERLOAD', { detail }) });
  }

  async #end(end: { reason: CloseReason; error?: DepthcastError }): Promise<void> {
    if (this.closed) return;
    this.#state = 'closed';
    clearTimeout(this.#setupTimer);
    clearInterval(this.#watch);
    budgets.remove(this.#budget);
    this.emit('closed', end);
    this.removeAllListeners();
    // Each tells the peer before the one below it closes; nothing is sent after this call returns.
    this.#sctp?.close();
    this.#media.close();
    this.#dtls.close();
    await this.#ice.close();
  }
}
