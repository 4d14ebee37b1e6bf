import wrtc from '@roamhq/wrtc';
import { hostCandidates, redirectCandidates, withoutCandidates } from '../test/support/impair/candidates.ts';
import { UdpPath } from '../test/support/impair/udp-path.ts';

const GATHER_MS = 1000;
const RTP_HEADER = 12;

/** What is readable of an RTP packet whose payload is encrypted. */
export interface TappedPacket {
  /** A retransmission, in a payload format of its own (RFC 4588) but with the timestamp of what it repeats. */
  repeated: boolean;
  /** Last packet of a video frame. */
  marker: boolean;
  timestamp: number;
  /** performance.now() when it was handed on. */
  at: number;
}

export interface TappedPeerOptions {
  /** Share of packets lost, each way. */
  loss: number;
  seed: number;
  /** kbit/s at which video is encoded, whatever the receiver asks for. */
  bitrate?: number | undefined;
  /** Hands an offer to the server and gives back the answer. */
  exchange(offer: string): Promise<string>;
  onRtp?(direction: 'up' | 'down', packet: TappedPacket): void;
  /** The connection failed or the server ended it. */
  onGone(reason: string): void;
}

/** libwebrtc's own format parameters hold its VP8 encoder at a bitrate, in kbit/s. */
export function withBitrate(sdp: string, kilobits: number): string {
  const bounds = ['min', 'start', 'max'].map((bound) => `x-google-${bound}-bitrate=${kilobits}`).join(';');
  const type = /^a=rtpmap:(\d+) VP8\//im.exec(sdp)?.[1];
  const present = new RegExp(`^(a=fmtp:${type} [^\r\n]*)`, 'm');
  if (present.test(sdp)) return sdp.replace(present, `$1;${bounds}`);
  return sdp.replace(/^(a=rtpmap:\d+ VP8\/[^\r\n]*)(\r?\n)/im, `$1$2a=fmtp:${type} ${bounds}$2`);
}

/**
 * A libwebrtc peer whose UDP packets pass through a path of ours, which can lose them and reads their RTP headers on the
 * way. Headers stay readable under SRTP (RFC 3711 section 3.1).
 */
export class TappedPeer {
  readonly pc = new wrtc.RTCPeerConnection();
  readonly bytes = { up: 0, down: 0 };
  readonly #options: TappedPeerOptions;
  readonly #repairTypes = new Set<number>();
  #path: UdpPath | undefined;
  #closed = false;

  constructor(options: TappedPeerOptions) {
    this.#options = options;
    this.pc.onconnectionstatechange = () => {
      const { connectionState } = this.pc;
      if (connectionState === 'failed' || connectionState === 'closed') this.#gone(`connection ${connectionState}`);
    };
  }

  /** Packets that the path has lost so far. */
  get lost(): { up: number; down: number } {
    const random = (link: 'up' | 'down') => this.#path?.[link].stats.lost.random ?? 0;
    return { up: random('up'), down: random('down') };
  }

  /** Offers, waits for the answer and starts to connect. */
  async connect(): Promise<void> {
    const { pc } = this;
    await pc.setLocalDescription(await pc.createOffer());
    await this.#gathered();
    const answer = await this.#options.exchange(withoutCandidates(pc.localDescription!.sdp));
    const [target] = hostCandidates(answer);
    if (!target) throw new Error('the answer has no host candidate over IPv4');
    for (const [, type] of answer.matchAll(/^a=rtpmap:(\d+) rtx\//gim)) this.#repairTypes.add(Number(type));
    if (this.#closed) return;
    const { loss, seed, bitrate } = this.#options;
    this.#path = await UdpPath.open({
      target,
      up: { loss },
      down: { loss },
      seed,
      observe: (direction, packet) => this.#observe(direction, packet),
    });
    if (this.#closed) return this.#path.close();
    const to = { address: '127.0.0.1', port: this.#path.port };
    const redirected = redirectCandidates(answer, target, to);
    const sdp = bitrate === undefined ? redirected : withBitrate(redirected, bitrate);
    await pc.setRemoteDescription({ type: 'answer', sdp });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.pc.close();
    // What ends the session still has to get through.
    setTimeout(() => this.#path?.close(), 100);
  }

  #gone(reason: string): void {
    if (!this.#closed) this.#options.onGone(reason);
  }

  #observe(direction: 'up' | 'down', packet: Uint8Array): void {
    this.bytes[direction] += packet.length;
    // RTP alone (RFC 7983), without RTCP (RFC 5761).
    if (packet.length < RTP_HEADER || packet[0]! < 128 || packet[0]! > 191) return;
    const second = packet[1]!;
    if (second >= 192 && second <= 223) return;
    const timestamp = ((packet[4]! << 24) | (packet[5]! << 16) | (packet[6]! << 8) | packet[7]!) >>> 0;
    this.#options.onRtp?.(direction, {
      repeated: this.#repairTypes.has(second & 0x7f),
      marker: second > 127,
      timestamp,
      at: performance.now(),
    });
  }

  /** With all candidates found, though none is told: the server learns of the peer from its checks. */
  #gathered(): Promise<void> {
    const { pc } = this;
    return new Promise((resolve) => {
      const done = () => pc.iceGatheringState === 'complete' && resolve();
      pc.onicegatheringstatechange = done;
      done();
      setTimeout(resolve, GATHER_MS);
    });
  }
}
