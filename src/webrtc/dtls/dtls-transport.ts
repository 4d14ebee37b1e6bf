import { Deadline, type Meter, unmetered } from '../deadline.ts';
import { Emitter } from '../emitter.ts';
import type { TransportModule } from '../engine/transport-module.ts';
import type { Fingerprint } from '../sdp/sdp.ts';
import type { SrtpKeys } from '../srtp/srtp.ts';
import { localIdentity } from './identity.ts';
import { type SecureOutput, SecureTransport } from './secure-transport.ts';

interface DtlsEvents {
  /** The handshake is over and the peer is who the SDP says. */
  connected: [keys: SrtpKeys];
  /** The peer sent close_notify. */
  closed: [];
  failed: [error: Error];
}

export interface DtlsOptions {
  role: 'client' | 'server';
  /** The newest version to speak; 1.2 by default. */
  version?: 1.2 | 1.3;
  /** Of the peer's certificate. */
  fingerprints: readonly Fingerprint[];
  send: (packet: Buffer) => void;
  /** For the work of timers. */
  meter?: Meter;
}

/** DTLS over ICE: a {@link SecureTransport} with a clock. */
export class DtlsTransport extends Emitter<DtlsEvents> {
  /** Receives application data. */
  dataReceiver: (data: Buffer) => void = () => {};
  state: 'new' | 'connecting' | 'connected' | 'closed' | 'failed' = 'new';
  /** The DTLS version in use, once connected. */
  version: 1.2 | 1.3 | undefined;
  readonly #options: DtlsOptions;
  readonly #deadline = new Deadline(() =>
    (this.#options.meter ?? unmetered)(() => {
      this.#secure?.timeout(performance.now());
      this.#drain();
    }),
  );
  #secure: SecureTransport | undefined;

  constructor(options: DtlsOptions) {
    super();
    this.#options = options;
  }

  /** The peer's instance of the transport module, once connecting. */
  get engine(): TransportModule | undefined {
    return this.#secure?.engine;
  }

  /** Begins the handshake: 'connected' or 'failed' follows. */
  async start(): Promise<void> {
    if (this.state !== 'new') return;
    this.state = 'connecting';
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

  /** A DTLS datagram from the peer's address. */
  receive(datagram: Buffer): void {
    if (!this.#secure || this.#isOver()) return;
    this.#secure.receive(datagram, performance.now());
    this.#drain();
  }

  /** Application data; dropped unless connected. */
  sendData(data: Buffer): void {
    if (this.state !== 'connected') return;
    this.#secure!.send(data, performance.now());
    this.#drain();
  }

  /** Sends close_notify. */
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
    this.#deadline.set(this.#isOver() ? Number.POSITIVE_INFINITY : secure.deadline);
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
        this.state = 'connected';
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
    this.#deadline.clear();
    this.state = state;
  }
}
