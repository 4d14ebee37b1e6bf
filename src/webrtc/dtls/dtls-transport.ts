import { Event } from 'werift';
import { Emitter } from '../emitter.ts';
import type { Fingerprint } from '../sdp/sdp.ts';
import type { SrtpKeys } from '../srtp/srtp.ts';
import { localIdentity } from './identity.ts';
import { type SecureOutput, SecureTransport } from './secure-transport.ts';

interface DtlsEvents {
  /** The handshake is over and the peer is who the SDP says. */
  connected: [keys: SrtpKeys];
  /** The peer said goodbye (close_notify). */
  closed: [];
  failed: [error: Error];
}

type State = 'new' | 'connecting' | 'connected' | 'closed' | 'failed';

/** setTimeout takes no more. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * DTLS over ICE: a {@link SecureTransport} with a clock.
 * The fields without # are what werift's SCTP transport expects of an RTCDtlsTransport.
 */
export class DtlsTransport extends Emitter<DtlsEvents> {
  readonly id = 'dtls';
  readonly onStateChange = new Event<[State]>();
  /** werift's SCTP only asks which side controls ICE, to choose its own role. */
  readonly iceTransport: { role: 'controlling' | 'controlled' };
  /** Receives application data. */
  dataReceiver: (data: Buffer) => void = () => {};
  state: State = 'new';
  /** The DTLS version in use, once connected. */
  version: 1.2 | 1.3 | undefined;
  readonly #options: DtlsOptions;
  #secure: SecureTransport | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DtlsOptions) {
    super();
    this.#options = options;
    this.iceTransport = { role: options.iceRole };
  }

  /** Begins the handshake: 'connected' or 'failed' follows. */
  async start(): Promise<void> {
    if (this.state !== 'new') return;
    this.#setState('connecting');
    try {
      const identity = await localIdentity();
      if (this.#isOver()) return;
      const { role, version = 1.2, fingerprints } = this.#options;
      this.#secure = new SecureTransport({ role, version, identity, fingerprints, now: performance.now() });
      this.#drain();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** Bytes that the engine has taken. */
  get heldBytes(): number {
    return this.#secure?.heldBytes ?? 0;
  }

  /** A DTLS datagram from the peer's address. Never throws. */
  receive(datagram: Buffer): void {
    if (!this.#secure || this.#isOver()) return;
    this.#secure.receive(datagram, performance.now());
    this.#drain();
  }

  /** Application data; dropped unless connected. */
  readonly sendData = async (data: Buffer): Promise<void> => {
    if (this.state !== 'connected') return;
    this.#secure!.send(data, performance.now());
    this.#drain();
  };

  /** Says goodbye to the peer. */
  close(): void {
    if (this.state === 'closed') return;
    this.#secure?.close(performance.now());
    this.#drain();
    this.#stop('closed');
  }

  /** Passes on what the engine has done; a listener may call us again meanwhile. */
  #drain(): void {
    const secure = this.#secure;
    if (!secure) return;
    for (let output = secure.poll(); output; output = secure.poll()) this.#handle(output);
    clearTimeout(this.#timer);
    if (this.#isOver() || secure.deadline === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(Math.max(0, secure.deadline - performance.now()), MAX_TIMEOUT_MS);
    this.#timer = setTimeout(() => {
      secure.timeout(performance.now());
      this.#drain();
    }, wait);
  }

  #handle(output: SecureOutput): void {
    if (output.type === 'datagram') {
      this.#options.send(output.datagram);
      return;
    }
    if (this.#isOver()) return;
    switch (output.type) {
      case 'connected':
        this.version = output.version;
        this.#setState('connected');
        this.emit('connected', output.keys);
        break;
      case 'data':
        this.dataReceiver(output.data);
        break;
      case 'closed':
        this.#stop('closed');
        this.emit('closed');
        break;
      case 'failed':
        this.#fail(output.error);
    }
  }

  #isOver(): boolean {
    return this.state === 'closed' || this.state === 'failed';
  }

  #fail(error: Error): void {
    if (this.#isOver()) return;
    this.#stop('failed');
    this.emit('failed', error);
  }

  #stop(state: 'closed' | 'failed'): void {
    clearTimeout(this.#timer);
    this.#setState(state);
    this.onStateChange.complete();
  }

  #setState(state: State): void {
    this.state = state;
    this.onStateChange.execute(state);
  }
}

export interface DtlsOptions {
  role: 'client' | 'server';
  /** The newest version to speak; 1.2 by default. */
  version?: 1.2 | 1.3;
  /** Of the peer's certificate. */
  fingerprints: readonly Fingerprint[];
  send: (packet: Buffer) => void;
  iceRole: 'controlling' | 'controlled';
}
