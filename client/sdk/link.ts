import type { Anchor } from '../../src/geometry/index.ts';
import type { CameraSettings } from '../../src/protocol/index.ts';
import type { ModelInfo, OutputSettings, SessionStats } from '../../src/protocol/messages.ts';
import { knownSettings, type Welcome } from './compatibility.ts';
import { DepthError, toDepthError } from './errors.ts';
import { Peer, type PeerOptions } from './peer.ts';
import { Signalling, type SignallingMessage, type SignallingOptions } from './signalling.ts';

const CONNECT_TIMEOUT = 15_000;
/** The server takes so many anchors at once. */
const MAX_ANCHORS = 256;
const ANCHORS_MS = 100;
/** An interrupted ICE transport often heals by itself; after this long it is restarted. */
const HEAL_TIME = 3_000;
const RESTART_TIMEOUT = 8_000;

export interface LinkOptions extends PeerOptions, SignallingOptions {
  output: Partial<OutputSettings>;
  camera: CameraSettings | undefined;
}

export interface ServerInfo {
  /** Program and version. */
  name: string;
  /** What the networks run on, for people. */
  device: string;
  models: ModelInfo[];
}

export interface LinkHandlers {
  welcome(server: ServerInfo, defaults: OutputSettings): void;
  settings(output: OutputSettings): void;
  stats(stats: SessionStats): void;
  /** The server refused something or tells of a trouble, see `about`; the session goes on. */
  error(error: DepthError): void;
  /** This server cannot do something that was asked for; it was not told of it. */
  unsupported(error: DepthError): void;
  depthTrack(track: MediaStreamTrack): void;
  message(message: Uint8Array): void;
  /** Media stopped flowing and ICE is being restarted (true), or it flows again (false). */
  interrupted(yes: boolean): void;
  /** The link is gone for good. Called once, never after `close()`. */
  lost(error: DepthError): void;
}

/** One connection to the server: a WebSocket and the peer connection that it set up. They live and die together. */
export class Link {
  readonly #handlers: LinkHandlers;
  readonly #options: LinkOptions;
  #signalling: Signalling | undefined;
  #peer: Peer | undefined;
  #welcome: Welcome | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What is yet to be told, and when. */
  #anchors: Anchor[] = [];
  #anchorTimer: ReturnType<typeof setTimeout> | undefined;
  #restarting = false;
  #connected = false;
  #closed = false;
  /** Settles `open`. */
  #settle: { resolve(): void; reject(error: DepthError): void } | undefined;

  private constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Connects; resolves once media can flow, rejects with a DepthError. */
  static async open(options: LinkOptions, handlers: LinkHandlers, signal: AbortSignal): Promise<Link> {
    const link = new Link(options, handlers);
    const abort = () => link.#end(new DepthError('CLOSED'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      await link.#connect(signal);
      return link;
    } catch (thrown) {
      link.close();
      throw toDepthError(thrown, 'MEDIA_FAILED');
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  get connection(): RTCPeerConnection | undefined {
    return this.#peer?.connection;
  }

  /** Last round trip of the signalling connection in milliseconds. */
  get roundTrip(): number | undefined {
    return this.#signalling?.roundTrip;
  }

  update(output: Partial<OutputSettings>): void {
    this.#signalling?.send({ type: 'settings', output: this.#known(output) });
  }

  /** @param camera undefined for that of the server's settings */
  setCamera(camera: CameraSettings | undefined): void {
    this.#signalling?.send({ type: 'settings', camera: camera ?? null });
  }

  /** They go out together, ten times a second at most: the server counts messages. */
  anchor(anchors: Anchor[]): void {
    this.#anchors = [...this.#anchors, ...anchors].slice(-MAX_ANCHORS);
    this.#anchorTimer ??= setTimeout(() => {
      this.#anchorTimer = undefined;
      this.#signalling?.send({ type: 'anchors', anchors: this.#anchors.splice(0) });
    }, ANCHORS_MS);
  }

  reset(): void {
    this.#signalling?.send({ type: 'reset' });
  }

  renew(token: string): void {
    this.#signalling?.send({ type: 'token', token });
  }

  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    await this.#peer?.replaceTrack(track);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#anchorTimer);
    this.#signalling?.close();
    this.#peer?.close();
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { iceServers, camera } = this.#options;
    const { signalling, welcome } = await Signalling.open(
      this.#options,
      { message: (message) => this.#read(message), lost: (error) => this.#end(error) },
      signal,
    );
    this.#signalling = signalling;
    const { server, device, models } = welcome;
    this.#handlers.welcome({ name: server, device, models }, welcome.output);
    this.#welcome = welcome;
    const output = this.#known(this.#options.output);
    if (camera) this.setCamera(camera);
    const candidates: (RTCIceCandidate | null)[] = [];
    let offered = false;
    this.#peer = new Peer(
      { ...this.#options, iceServers: [...welcome.iceServers, ...iceServers] },
      {
        candidate: (candidate) => (offered ? this.#sendCandidate(candidate) : candidates.push(candidate)),
        depthTrack: (track) => this.#handlers.depthTrack(track),
        message: (message) => this.#handlers.message(message),
        state: () => this.#watch(),
      },
    );
    const connected = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#timer = setTimeout(() => this.#end(new DepthError('TIMEOUT')), CONNECT_TIMEOUT);
    const offer = this.#peer.offer().then((sdp) => {
      signalling.send({ type: 'offer', sdp, output });
      offered = true;
      for (const candidate of candidates) this.#sendCandidate(candidate);
    });
    await Promise.all([connected, offer]);
  }

  /** Of settings those that the server has; what is left out is told. */
  #known(wanted: Partial<OutputSettings>): Partial<OutputSettings> {
    if (!this.#welcome) return wanted;
    const { output, error } = knownSettings(this.#welcome, wanted);
    if (error) this.#handlers.unsupported(error);
    return output;
  }

  #sendCandidate(candidate: RTCIceCandidate | null): void {
    const { sdpMid = null, sdpMLineIndex = null, usernameFragment = null } = candidate ?? {};
    this.#signalling?.send({
      type: 'candidate',
      candidate: { candidate: candidate?.candidate ?? '', sdpMid, sdpMLineIndex, usernameFragment },
    });
  }

  #read(message: SignallingMessage): void {
    switch (message.type) {
      case 'answer':
        this.#peer?.accept(message.sdp).catch((thrown) => this.#end(toDepthError(thrown, 'MEDIA_FAILED')));
        return;
      case 'settings':
        this.#handlers.settings(message.output);
        return;
      case 'stats':
        this.#handlers.stats(message.stats);
        return;
      case 'error':
        this.#handlers.error(DepthError.fromServer(message));
    }
  }

  /** Follows the peer's state: restarts ICE when only ICE failed, gives up when that does not help. */
  #watch(): void {
    const pc = this.#peer?.connection;
    if (!pc || this.#closed) return;
    if (pc.connectionState === 'connected') {
      clearTimeout(this.#timer);
      if (this.#connected && this.#restarting) this.#handlers.interrupted(false);
      this.#connected = true;
      this.#restarting = false;
      this.#settle?.resolve();
    } else if (pc.iceConnectionState === 'failed') {
      if (this.#connected) this.#restart();
      else this.#end(new DepthError('MEDIA_FAILED', { detail: 'no network path was found' }));
    } else if (pc.connectionState === 'failed') {
      this.#end(new DepthError('MEDIA_FAILED', { detail: 'the secure transport failed' }));
    } else if (pc.iceConnectionState === 'disconnected' && this.#connected && !this.#restarting) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#restart(), HEAL_TIME);
    }
  }

  #restart(): void {
    if (this.#restarting || this.#closed) return;
    this.#restarting = true;
    this.#handlers.interrupted(true);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(new DepthError('MEDIA_FAILED')), RESTART_TIMEOUT);
    this.#peer
      ?.offer({ iceRestart: true })
      .then((sdp) => this.#signalling?.send({ type: 'offer', sdp }))
      .catch((thrown) => this.#end(toDepthError(thrown, 'MEDIA_FAILED')));
  }

  #end(error: DepthError): void {
    if (this.#closed) return;
    this.close();
    if (this.#connected) this.#handlers.lost(error);
    else this.#settle?.reject(error);
  }
}
