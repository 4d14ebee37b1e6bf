import { createHash } from 'node:crypto';
import { TransportModule } from '../engine/transport-module.ts';
import type { Fingerprint } from '../sdp/sdp.ts';
import { type SrtpKeys, srtpLengths } from '../srtp/srtp.ts';
import {
  handshakeRecords,
  isApplicationEpoch,
  isChangeCipherSpec,
  isClearHandshake,
  isFirstAnswer,
  isProtected,
  recordNumber,
} from './handshake-filter.ts';
import type { Identity } from './identity.ts';

export interface SecureTransportOptions {
  role: 'client' | 'server';
  /** The newest DTLS version to speak: with 1.3 a peer that lacks it gets 1.2. */
  version: 1.2 | 1.3;
  identity: Identity;
  /** Of the peer's certificate, from signalling: one of them must fit. */
  fingerprints: readonly Fingerprint[];
  /** ms, of any clock that does not go back; the same for all calls. */
  now: number;
}

export type SecureOutput =
  /** For the peer. */
  | { type: 'datagram'; datagram: Buffer }
  /** The handshake is over, and the peer is who the fingerprint says. Comes once, before any data. */
  | { type: 'connected'; keys: SrtpKeys; version: 1.2 | 1.3 }
  | { type: 'data'; data: Buffer }
  /** The peer sent close_notify. Nothing follows. */
  | { type: 'closed' }
  /** Nothing follows. */
  | { type: 'failed'; error: Error };

/** Largest UDP payload that a handshake sends, in bytes: with IPv6 and a TURN header it fits a path of 1280. */
const MTU = 1200;
/** Larger datagrams than any network carries are not DTLS. */
const MAX_DATAGRAM_BYTES = 4096;
/** A handshake with a fat certificate and many retransmissions stays far below. */
const MAX_HANDSHAKE_BYTES = 128 * 1024;
/** Records before the server's first answer. */
const MAX_EARLY = 16;
/** Records before the ChangeCipherSpec, or the Finished, that they belong behind. */
const MAX_PROTECTED = 4;

/**
 * DTLS with SRTP keys (RFC 5764) between us and one peer: datagrams go in and come out, and when the handshake is over, verified
 * keys. No socket and no clock: each call takes the time, `deadline` says when `timeout` is due, and after each call `poll` gives
 * the results until there are none left. No input makes a call throw.
 *
 * No key is given out, and no data, before the peer's certificate has one of the fingerprints and the whole transcript is verified
 * by its signature and Finished. The protocol is dimpl's, in WebAssembly (native/transport).
 */
export class SecureTransport {
  readonly engine: TransportModule;
  readonly #client: boolean;
  readonly #fingerprints: readonly Fingerprint[];
  readonly #outputs: SecureOutput[] = [];
  #deadline = Number.POSITIVE_INFINITY;
  #state: 'handshake' | 'connected' | 'over' = 'handshake';
  #handshakeBytes = 0;
  #awaitsAnswer: boolean;
  readonly #early: Buffer[] = [];
  /** Highest record number of a handshake message in clear text. */
  #lastMessage = -1;
  #changeCipherSpec: Buffer | undefined;
  readonly #protected: Buffer[] = [];
  /** Of DTLS 1.3. */
  readonly #data: Buffer[] = [];
  #cipherChanged = false;
  #accepted = false;
  #complete = false;
  #keys: SrtpKeys | undefined;

  constructor({ role, version, identity, fingerprints, now }: SecureTransportOptions) {
    this.#client = role === 'client';
    this.#awaitsAnswer = this.#client;
    this.#fingerprints = fingerprints;
    this.engine = new TransportModule(identity.key);
    const length = this.engine.put(identity.certificate);
    this.#run(now, ({ calls }) => calls.dtls_new(this.#client ? 1 : 0, version === 1.3 ? 0 : 12, length, MTU));
  }

  /** When `timeout` is due, ms on the caller's clock; infinite where it is not. */
  get deadline(): number {
    return this.#state === 'over' ? Number.POSITIVE_INFINITY : this.#deadline;
  }

  /** Bytes of the engine's memory, which grows and never shrinks. */
  get heldBytes(): number {
    return this.engine.calls.memory.buffer.byteLength;
  }

  /** What happened, in order; undefined where nothing is left. */
  poll(): SecureOutput | undefined {
    return this.#outputs.shift();
  }

  /** Takes a datagram from the peer's address. */
  receive(datagram: Buffer, now: number): void {
    if (datagram.length > MAX_DATAGRAM_BYTES) return;
    if (this.#state === 'connected') this.#feed(datagram, now);
    else if (this.#state === 'handshake') this.#receiveHandshake(datagram, now);
  }

  /** Retransmits what is due, or gives up. */
  timeout(now: number): void {
    this.#run(now, ({ calls }) => calls.dtls_timeout());
  }

  /** Seals application data of at most 16 KiB; dropped unless connected. */
  send(data: Uint8Array, now: number): void {
    if (this.#state === 'connected') this.#run(now, ({ calls }) => calls.dtls_send(this.engine.put(data)));
  }

  /** Sends close_notify; only that datagram follows. */
  close(now: number): void {
    this.#run(now, ({ calls }) => calls.dtls_close());
    this.#state = 'over';
  }

  #receiveHandshake(datagram: Buffer, now: number): void {
    this.#handshakeBytes += datagram.length;
    if (this.#handshakeBytes > MAX_HANDSHAKE_BYTES) {
      this.#fail(new Error('the DTLS handshake does not end'));
      return;
    }
    for (const record of handshakeRecords(datagram)) {
      // Where datagrams change places: dimpl ends a handshake whose first answer is no hello.
      if (this.#awaitsAnswer && !isFirstAnswer(record)) {
        if (this.#early.length < MAX_EARLY) this.#early.push(Buffer.from(record));
        continue;
      }
      this.#awaitsAnswer = false;
      this.#receiveInTurn(record, now);
      for (const early of this.#early.splice(0)) this.#receiveInTurn(early, now);
    }
    if (this.#state === 'handshake') return;
    this.#protected.length = 0;
    for (const data of this.#data.splice(0)) this.#feed(data, now);
  }

  /**
   * ChangeCipherSpec stands in no transcript and has no message number. It counts only where all messages before it have come and none
   * was sent after it, and what is protected waits for it: dimpl would take it out of turn, and drop what comes before its keys.
   */
  #receiveInTurn(record: Buffer, now: number): void {
    if (isChangeCipherSpec(record)) {
      if (recordNumber(record) > this.#lastMessage) this.#changeCipherSpec = Buffer.from(record);
    } else if (isApplicationEpoch(record)) {
      // No message of the handshake is one of these (RFC 9147 section 4.2.1); data that overtook Finished waits for it.
      if (this.#data.length < MAX_PROTECTED) this.#data.push(Buffer.from(record));
    } else if (isProtected(record)) {
      if (this.#protected.length < MAX_PROTECTED) this.#protected.push(Buffer.from(record));
    } else {
      if (isClearHandshake(record)) this.#lastMessage = Math.max(this.#lastMessage, recordNumber(record));
      const waiting = this.#changeCipherSpec;
      if (waiting && this.#lastMessage > recordNumber(waiting)) this.#changeCipherSpec = undefined;
      this.#feed(record, now);
    }
    if (this.#changeCipherSpec && this.engine.calls.dtls_awaits_ccs() === 1) {
      this.#feed(this.#changeCipherSpec, now);
      this.#cipherChanged = true;
    }
    if (this.#cipherChanged) for (const waiting of this.#protected.splice(0)) this.#feed(waiting, now);
  }

  #feed(bytes: Buffer, now: number): void {
    this.#run(now, ({ calls }) => calls.dtls_packet(this.engine.put(bytes)));
  }

  #run(now: number, call: (engine: TransportModule) => number): void {
    if (this.#state === 'over') return;
    const { engine } = this;
    engine.now = now;
    try {
      engine.check(call(engine));
      this.#drain();
    } catch (error) {
      // Every error of the engine is final, and a panic leaves it in no state to go on.
      this.#fail(error as Error);
    }
  }

  #drain(): void {
    const { engine } = this;
    while (this.#state !== 'over') {
      const result = engine.calls.dtls_poll();
      const length = result & 0xffffff;
      switch (result >>> 24) {
        case 0:
          this.#deadline = engine.takeDeadline();
          return;
        case 1:
          this.#outputs.push({ type: 'datagram', datagram: engine.take(length) });
          break;
        case 2:
          this.#complete = true;
          this.#connect();
          break;
        case 3:
          this.#checkCertificate(engine.take(length));
          break;
        case 4:
          this.#keys = this.#splitKeys(engine.take(length));
          this.#connect();
          break;
        case 5:
          if (this.#state === 'connected') this.#outputs.push({ type: 'data', data: engine.take(length) });
          break;
        case 6:
          this.#outputs.push({ type: 'closed' });
          this.#state = 'over';
          break;
        default:
          break;
      }
    }
  }

  /** Before anything else of the peer's is used: nothing that follows a wrong certificate comes out. */
  #checkCertificate(der: Buffer): void {
    const fits = ({ algorithm, value }: Fingerprint) =>
      createHash(algorithm.replace('-', '')).update(der).digest('hex').toUpperCase() === value;
    if (!this.#fingerprints.some(fits)) throw new Error('the certificate does not match the fingerprint in the SDP');
    this.#accepted = true;
  }

  /** The end of the handshake and its keys are told one after the other. */
  #connect(): void {
    if (!this.#complete || !this.#keys || this.#state !== 'handshake') return;
    if (!this.#accepted) throw new Error('the peer sent no certificate');
    this.#state = 'connected';
    const version = this.engine.calls.dtls_version() === 13 ? 1.3 : 1.2;
    this.#outputs.push({ type: 'connected', keys: this.#keys, version });
    this.#keys = undefined;
  }

  /** RFC 5764 section 4.2: client key, server key, client salt, server salt. */
  #splitKeys(exported: Buffer): SrtpKeys {
    const profile = exported[0]!;
    const { keyBytes, saltBytes } = srtpLengths(profile);
    const at = [1, 1 + keyBytes, 1 + 2 * keyBytes, 1 + 2 * keyBytes + saltBytes, 1 + 2 * keyBytes + 2 * saltBytes];
    const part = (i: number) => exported.subarray(at[i], at[i + 1]);
    const [mine, theirs] = this.#client ? [0, 1] : [1, 0];
    return {
      profile,
      localKey: part(mine),
      remoteKey: part(theirs),
      localSalt: part(2 + mine),
      remoteSalt: part(2 + theirs),
    };
  }

  #fail(error: Error): void {
    this.#outputs.push({ type: 'failed', error });
    this.#state = 'over';
  }
}
