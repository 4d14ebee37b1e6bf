import { DtlsClient, DtlsServer, type DtlsSocket, Event, RTCDtlsTransport } from 'werift';
import { Emitter } from '../emitter.ts';
import type { Fingerprint } from '../sdp/sdp.ts';
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, type SrtpKeys } from '../srtp/srtp.ts';
import { verifyPeer } from './proof.ts';
import { DtlsRecords } from './records.ts';

interface DtlsEvents {
  /** The handshake is over and the peer is who the SDP says. */
  connected: [keys: SrtpKeys];
  /** The peer said goodbye (close_notify) or sent a fatal alert. */
  closed: [];
  failed: [error: Error];
}

type State = 'new' | 'connecting' | 'connected' | 'closed' | 'failed';

const RECORD_HEADER_BYTES = 13;
const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const CLOSE_NOTIFY = 0;
const WARNING = 1;
const FATAL = 2;
/** A handshake with a fat certificate and many retransmissions stays far below. */
const MAX_HANDSHAKE_BYTES = 128 * 1024;
/** Above the number of any handshake record. */
const FIRST_DATA_RECORD = 4096;

let certificate: Promise<Awaited<ReturnType<typeof RTCDtlsTransport.SetupCertificate>>> | undefined;

/** The self-signed certificate of this process. */
export function localCertificate(): NonNullable<typeof certificate> {
  certificate ??= RTCDtlsTransport.SetupCertificate();
  return certificate;
}

/**
 * DTLS 1.2 over ICE, on werift's handshake. Records are filtered before werift sees them, because it takes clear text
 * and unknown records for alerts, and restarts a running association on any ClientHello; data never gets to it.
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
  readonly #fingerprints: readonly Fingerprint[];
  readonly #role: 'client' | 'server';
  readonly #send: (packet: Buffer) => void;
  #socket: DtlsSocket | undefined;
  /** Once the handshake is over. */
  #records: DtlsRecords | undefined;
  #deliver: (datagram: Buffer) => void = () => {};
  #handshakeBytes = 0;

  constructor(options: {
    role: 'client' | 'server';
    /** Of the peer's certificate. */
    fingerprints: readonly Fingerprint[];
    send: (packet: Buffer) => void;
    iceRole: 'controlling' | 'controlled';
  }) {
    super();
    this.#role = options.role;
    this.#fingerprints = options.fingerprints;
    this.#send = options.send;
    this.iceTransport = { role: options.iceRole };
  }

  /** Begins the handshake: 'connected' or 'failed' follows. */
  async start(): Promise<void> {
    if (this.state !== 'new') return;
    this.#setState('connecting');
    try {
      const { certPem, privateKey, signatureHash } = await localCertificate();
      if (this.#isOver()) return;
      const transport = {
        type: 'ice',
        address: { address: '', family: '', port: 0 },
        closed: false,
        onData: (_data: Buffer) => {},
        send: async (packet: Buffer) => this.#send(packet),
        close: async () => {},
      };
      const options = {
        cert: certPem,
        key: privateKey,
        signatureHash,
        transport,
        srtpProfiles: [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80] as const,
        extendedMasterSecret: true,
      };
      const settings = { ...options, srtpProfiles: [...options.srtpProfiles] };
      this.#socket =
        this.#role === 'client' ? new DtlsClient(settings) : new DtlsServer({ ...settings, certificateRequest: true });
      this.#deliver = (datagram) => transport.onData(datagram);
      this.#socket.onConnect.once(() => this.#complete());
      this.#socket.onError.once((error: Error) => this.#fail(error));
      if (this.#socket instanceof DtlsClient) {
        this.#socket.connect().catch((error: Error) => this.#fail(error));
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** A DTLS datagram from the peer's address. Never throws. */
  receive(datagram: Buffer): void {
    if (!this.#socket || this.#isOver()) return;
    for (let at = 0; at + RECORD_HEADER_BYTES <= datagram.length; ) {
      const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11);
      if (end > datagram.length || datagram[at + 1] !== 0xfe) return;
      try {
        this.#receiveRecord(datagram.subarray(at, end));
      } catch {
        // A record that does not decrypt or parse is not the peer's, or is damaged.
      }
      at = end;
    }
  }

  /** Application data; dropped unless connected. */
  readonly sendData = async (data: Buffer): Promise<void> => {
    if (this.state === 'connected') this.#sendRecord(APPLICATION_DATA, data);
  };

  /** Says goodbye to the peer. */
  close(): void {
    if (this.state === 'closed') return;
    if (this.state === 'connected') this.#sendRecord(ALERT, Buffer.from([WARNING, CLOSE_NOTIFY]));
    this.#stop('closed');
  }

  #receiveRecord(record: Buffer): void {
    const type = record[0]!;
    const epoch = record.readUInt16BE(3);
    if (this.state === 'connected') {
      // Handshake records are the peer's last flight again; a clear-text ClientHello must not restart us.
      if (epoch === 0) return;
      if (type === APPLICATION_DATA) this.dataReceiver(this.#records!.open(record));
      else if (type === ALERT) this.#receiveAlert(this.#records!.open(record));
      else if (type === HANDSHAKE) this.#deliver(record);
    } else {
      this.#handshakeBytes += record.length;
      if (this.#handshakeBytes > MAX_HANDSHAKE_BYTES) this.#fail(new Error('the DTLS handshake does not end'));
      else if (type === HANDSHAKE || type === CHANGE_CIPHER_SPEC) this.#deliver(record);
      else if (type === ALERT && epoch === 0) this.#receiveAlert(record.subarray(RECORD_HEADER_BYTES));
    }
  }

  #receiveAlert(alert: Buffer): void {
    if (alert.length !== 2 || (alert[0] !== FATAL && alert[1] !== CLOSE_NOTIFY)) return;
    if (this.state === 'connected') {
      this.#stop('closed');
      this.emit('closed');
    } else this.#fail(new Error(`the peer refused the DTLS handshake (alert ${alert[1]})`));
  }

  #sendRecord(type: number, data: Buffer): void {
    const { dtls } = this.#socket!;
    this.#send(this.#records!.seal(type, dtls.version, dtls.epoch, ++dtls.recordSequenceNumber, data));
  }

  #isOver(): boolean {
    return this.state === 'closed' || this.state === 'failed';
  }

  #complete(): void {
    if (this.state !== 'connecting') return;
    const socket = this.#socket!;
    try {
      verifyPeer(socket, this.#fingerprints, this.#role);
      const profile = socket.srtp.srtpProfile;
      if (profile === undefined) throw new Error('no SRTP profile in common');
      const saltBytes = profile === SRTP_AEAD_AES_128_GCM ? 12 : 14;
      const keys = socket.extractSessionKeys(16, saltBytes);
      // werift numbers the records of the new epoch from 1 again after Finished, which had a higher number: some later
      // record would repeat its nonce.
      socket.dtls.recordSequenceNumber = FIRST_DATA_RECORD;
      this.#records = new DtlsRecords(socket, this.#role);
      this.#setState('connected');
      this.emit('connected', {
        profile,
        localKey: Buffer.from(keys.localKey),
        localSalt: Buffer.from(keys.localSalt),
        remoteKey: Buffer.from(keys.remoteKey),
        remoteSalt: Buffer.from(keys.remoteSalt),
      });
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    if (this.state !== 'connecting') return;
    this.#stop('failed');
    this.emit('failed', error);
  }

  #stop(state: 'closed' | 'failed'): void {
    this.#setState(state);
    // Ends werift's retransmission loop at its next turn.
    if (this.#socket) this.#socket.dtls.flight = Number.MAX_SAFE_INTEGER;
    this.#deliver = () => {};
    this.onStateChange.complete();
  }

  #setState(state: State): void {
    this.state = state;
    this.onStateChange.execute(state);
  }
}
