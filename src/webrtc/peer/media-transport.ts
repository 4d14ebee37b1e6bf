import { type Meter, unmetered } from '../deadline.ts';
import type { BitrateLimits } from '../rtp/bitrate.ts';
import { isRtcp, parseRtp } from '../rtp/packet.ts';
import { bye, parseRtcp, receiverReport, senderReport, sourceDescription } from '../rtp/rtcp.ts';
import type { VideoAgreement } from '../sdp/agreement.ts';
import { type SrtpKeys, SrtpSession } from '../srtp/srtp.ts';
import { VideoReceiver } from './receiver.ts';
import { VideoSender } from './sender.ts';

const REPORT_INTERVAL_MS = 500;

export interface MediaTransportStats {
  packetsReceived: number;
  packetsSent: number;
  /** UDP payload bytes. */
  bytesReceived: number;
  bytesSent: number;
  /** Forged, replayed or malformed. */
  rejected: number;
}

export interface MediaOptions {
  ssrc: number;
  rtxSsrc: number;
  cname: string;
  /** bit/s that we tell the sender to stay below. */
  receiveBitrate: number;
  sendBitrate: BitrateLimits | undefined;
  send: (packet: Buffer) => void;
  /** An authentic packet came. */
  onAlive: () => void;
  /** Takes what a listener throws out of a timer. */
  fail: (thrown: unknown) => void;
  /** ms, where known. */
  roundTripTime: () => number | undefined;
  /** For the work of timers. */
  meter?: Meter;
}

/** RTP and RTCP of one peer between its receiver and sender and the network, SRTP in between. */
export class MediaTransport {
  receiver: VideoReceiver | undefined;
  sender: VideoSender | undefined;
  readonly #options: MediaOptions;
  readonly #stats: MediaTransportStats = {
    packetsReceived: 0,
    packetsSent: 0,
    bytesReceived: 0,
    bytesSent: 0,
    rejected: 0,
  };
  #srtp: SrtpSession | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #description: Buffer;

  constructor(options: MediaOptions) {
    this.#options = options;
    this.#description = sourceDescription(options.ssrc, options.cname);
  }

  /** Receives and sends from now on what was agreed; a receiver or sender that is there goes on. */
  adopt(video: VideoAgreement | undefined): void {
    const receives = video?.direction === 'sendrecv' || video?.direction === 'recvonly';
    const sends = video?.direction === 'sendrecv' || video?.direction === 'sendonly';
    const { ssrc, rtxSsrc, receiveBitrate, sendBitrate, fail, roundTripTime, meter = unmetered } = this.#options;
    if (video && receives) {
      if (this.receiver) this.receiver.renegotiate(video);
      else {
        const { sendRtcp } = this;
        this.receiver = new VideoReceiver({
          agreement: video,
          localSsrc: ssrc,
          receiveBitrate,
          sendRtcp,
          fail,
          roundTripTime,
          meter,
        });
      }
    }
    this.sender?.setActive(sends);
    if (video && sends) {
      if (this.sender) this.sender.renegotiate(video);
      else {
        const { sendRtp } = this;
        const bitrate = sendBitrate && { bitrate: sendBitrate };
        this.sender = new VideoSender({ agreement: video, ssrc, rtxSsrc, sendRtp, fail, ...bitrate });
      }
    }
  }

  start(keys: SrtpKeys): void {
    this.#srtp = new SrtpSession(keys);
    const { meter = unmetered } = this.#options;
    this.#timer = setInterval(() => meter(() => this.#report(performance.now())), REPORT_INTERVAL_MS);
  }

  getStats(): MediaTransportStats {
    return { ...this.#stats };
  }

  /** @param now performance.now() */
  receive(packet: Buffer, now: number): void {
    const srtp = this.#srtp;
    if (!srtp) return;
    const authentic = isRtcp(packet) ? this.#receiveRtcp(srtp, packet, now) : this.#receiveRtp(srtp, packet, now);
    if (authentic) {
      this.#stats.packetsReceived++;
      this.#stats.bytesReceived += packet.length;
      this.#options.onAlive();
    } else this.#stats.rejected++;
  }

  /** @returns false where the connection is not up */
  readonly sendRtp = (packet: Buffer, headerLength: number): boolean => {
    if (!this.#srtp) return false;
    this.#send(this.#srtp.protectRtp(packet, headerLength));
    return true;
  };

  readonly sendRtcp = (packet: Buffer): void => {
    if (this.#srtp) this.#send(this.#srtp.protectRtcp(packet));
  };

  /** Sends RTCP BYE for the stream that we send. */
  close(): void {
    clearInterval(this.#timer);
    const { ssrc } = this.#options;
    if (this.sender) this.sendRtcp(Buffer.concat([receiverReport(ssrc, []), this.#description, bye(ssrc)]));
    this.#srtp = undefined;
    this.receiver?.close();
    this.sender?.close();
  }

  #send(packet: Buffer): void {
    this.#stats.packetsSent++;
    this.#stats.bytesSent += packet.length;
    this.#options.send(packet);
  }

  #receiveRtp(srtp: SrtpSession, packet: Buffer, now: number): boolean {
    const opened = srtp.unprotectRtp(packet);
    if (!opened) return false;
    const rtp = parseRtp(opened.header, opened.payload);
    if (rtp) this.receiver?.receive(rtp, now);
    return rtp !== undefined;
  }

  #receiveRtcp(srtp: SrtpSession, packet: Buffer, now: number): boolean {
    const opened = srtp.unprotectRtcp(packet);
    if (!opened) return false;
    for (const message of parseRtcp(opened)) {
      this.receiver?.receiveRtcp(message, now);
      this.sender?.receiveRtcp(message, now);
    }
    return true;
  }

  #report(now: number): void {
    const sent = this.sender?.report(now);
    const feedback = this.receiver?.feedback(now);
    if (!sent && !feedback) return;
    const reports = feedback ? [feedback.report] : [];
    const first = sent ? senderReport(sent, reports) : receiverReport(this.#options.ssrc, reports);
    this.sendRtcp(Buffer.concat(feedback ? [first, this.#description, feedback.remb] : [first, this.#description]));
  }
}
