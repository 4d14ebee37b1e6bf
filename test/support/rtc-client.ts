import { randomInt } from 'node:crypto';
import { Event, RTCDataChannel, RTCDataChannelParameters, type RTCDtlsTransport, RTCSctpTransport } from 'werift';
import { CODEC_NAMES } from '../../src/codecs.ts';
import { DtlsTransport } from '../../src/webrtc/dtls/dtls-transport.ts';
import { localIdentity } from '../../src/webrtc/dtls/identity.ts';
import { IceTransport } from '../../src/webrtc/ice/ice-transport.ts';
import { MediaTransport } from '../../src/webrtc/peer/media-transport.ts';
import type { VideoReceiver } from '../../src/webrtc/peer/receiver.ts';
import type { VideoSender } from '../../src/webrtc/peer/sender.ts';
import { negotiate } from '../../src/webrtc/sdp/negotiation.ts';
import { type OfferedMedia, parseOffer } from '../../src/webrtc/sdp/sdp.ts';

export interface ClientOptions {
  direction?: 'sendrecv' | 'sendonly' | 'recvonly';
  data?: boolean;
  /** False: data is offered, but the client speaks no SCTP of its own. */
  sctp?: boolean;
  /** bit/s that it tells the sender to stay below. */
  receiveBitrate?: number;
  /** What the SDP says instead of the certificate's fingerprint. */
  fingerprint?: string;
}

/** An offering WebRTC peer on loopback whose every layer can be reached, to do what no browser would. */
export class RtcClient {
  readonly ice = new IceTransport({ hostAddresses: ['127.0.0.1'] });
  offerSdp = '';
  dtls!: DtlsTransport;
  media!: MediaTransport;
  sctp: RTCSctpTransport | undefined;
  readonly ssrc = randomInt(1, 0xffffffff);
  readonly #options: ClientOptions;

  static async create(options: ClientOptions = {}): Promise<RtcClient> {
    const client = new RtcClient(options);
    await client.ice.gather();
    client.offerSdp = await client.#describe();
    return client;
  }

  private constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Takes the answer and begins to connect. */
  accept(answerSdp: string): void {
    // Codecs that are only received are agreed on where something is received.
    const answer = parseOffer(answerSdp.replace('a=recvonly', 'a=sendrecv'));
    const [video] = answer.media;
    this.dtls = new DtlsTransport({
      role: video!.setup === 'active' ? 'server' : 'client',
      fingerprints: video!.fingerprints,
      send: (packet) => this.ice.send(packet),
    });
    this.media = new MediaTransport({
      ssrc: this.ssrc,
      rtxSsrc: (this.ssrc ^ 1) >>> 0,
      cname: 'client',
      receiveBitrate: this.#options.receiveBitrate ?? 1_000_000,
      sendBitrate: undefined,
      send: (packet) => this.ice.send(packet),
      onAlive: () => {},
      fail: (thrown) => {
        throw thrown;
      },
      roundTripTime: () => this.ice.roundTripTime,
    });
    const { video: agreed } = negotiate(answer, 'duplex', CODEC_NAMES);
    if (agreed) this.media.adopt({ ...agreed, direction: 'sendrecv' });
    this.ice.once('connected', () => void this.dtls.start());
    this.ice.on('dtls', (packet) => this.dtls.receive(packet));
    this.ice.on('media', (packet, now) => this.media.receive(packet, now));
    if (this.#options.data && this.#options.sctp !== false) {
      this.sctp = new RTCSctpTransport(5000, 262_144);
      // What a channel that was closed meanwhile makes of late messages is not the test's business.
      const internals = this.sctp as unknown as { datachannelReceive(...data: unknown[]): Promise<void> };
      const receive = internals.datachannelReceive;
      internals.datachannelReceive = (...data) => receive(...data).catch(() => {});
      this.sctp.setDtlsTransport(forWerift(this.dtls));
      this.sctp.setRemoteMaxMessageSize(262_144);
    }
    this.dtls.on('connected', (keys) => {
      this.media.start(keys);
      this.connected = true;
      void this.sctp?.start(5000);
    });
    this.#check(video!);
  }

  #check({ iceUfrag, icePwd, candidates }: OfferedMedia): void {
    // As if the answerer were lite: the way to make this agent control.
    this.ice.setRemote({ iceUfrag: iceUfrag!, icePwd: icePwd!, iceLite: true, candidates });
    this.ice.connect();
  }

  /** @returns an offer with new ICE credentials under the same certificate, as a browser makes it after restartIce(). */
  async restart(): Promise<string> {
    this.ice.restart();
    await this.ice.gather();
    this.offerSdp = await this.#describe();
    return this.offerSdp;
  }

  /** Checks the pairs of the answer to {@link restart}. */
  resume(answerSdp: string): void {
    this.#check(parseOffer(answerSdp).media[0]!);
  }

  /** Whether the secure transport is up. */
  connected = false;

  get sender(): VideoSender {
    return this.media.sender!;
  }

  get receiver(): VideoReceiver {
    return this.media.receiver!;
  }

  openChannel(label: string, options: Partial<RTCDataChannelParameters> = {}): RTCDataChannel {
    return new RTCDataChannel(this.sctp!, new RTCDataChannelParameters({ label, ...options }));
  }

  async close(): Promise<void> {
    await this.sctp?.stop();
    this.media?.close();
    this.dtls?.close();
    await this.ice.close();
  }

  async #describe(): Promise<string> {
    const fingerprint = this.#options.fingerprint ?? (await localIdentity()).fingerprint;
    const transport = [
      'c=IN IP4 0.0.0.0',
      `a=ice-ufrag:${this.ice.localUfrag}`,
      `a=ice-pwd:${this.ice.localPwd}`,
      `a=fingerprint:sha-256 ${fingerprint}`,
      'a=setup:actpass',
    ];
    const lines = [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      't=0 0',
      'a=group:BUNDLE 0 1',
      'm=video 9 UDP/TLS/RTP/SAVPF 96 97 108 109',
      ...transport,
      ...this.ice.localCandidates().map((candidate) => `a=${candidate}`),
      'a=mid:0',
      `a=${this.#options.direction ?? 'sendrecv'}`,
      'a=rtcp-mux',
      'a=rtcp-rsize',
      'a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
      'a=rtpmap:96 VP8/90000',
      'a=rtpmap:97 rtx/90000',
      'a=fmtp:97 apt=96',
      'a=rtpmap:108 H264/90000',
      'a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
      'a=rtpmap:109 rtx/90000',
      'a=fmtp:109 apt=108',
      ...['nack', 'nack pli', 'ccm fir', 'goog-remb'].map((type) => `a=rtcp-fb:* ${type}`),
    ];
    if (this.#options.data) {
      lines.push(
        'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
        ...transport,
        'a=mid:1',
        'a=sctp-port:5000',
        'a=max-message-size:262144',
      );
    }
    return `${lines.join('\r\n')}\r\n`;
  }
}

/** What werift's SCTP, another implementation than ours, expects of its DTLS. */
function forWerift(dtls: DtlsTransport): RTCDtlsTransport {
  const adapter = {
    id: 'dtls',
    state: 'connected',
    onStateChange: new Event(),
    iceTransport: { role: 'controlling' },
    dataReceiver: (_data: Buffer) => {},
    sendData: async (data: Buffer) => dtls.sendData(data),
  };
  dtls.dataReceiver = (data) => adapter.dataReceiver(data);
  return adapter as unknown as RTCDtlsTransport;
}
