import type { VideoReceiver } from './receiver.ts';
import { goodbye, parseRtcp, receiverReport, senderReport, sourceDescription } from './rtcp.ts';
import { isRtcp, parseRtp } from './rtp.ts';
import type { VideoSender } from './sender.ts';
import { type SrtpKeys, SrtpSession } from './srtp.ts';

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

/** RTP and RTCP of one peer between its receiver and sender and the network, SRTP in between. */
export class MediaTransport {
  receiver: VideoReceiver | undefined;
  sender: VideoSender | undefined;
  readonly #options: { ssrc: number; cname: string; send: (packet: Buffer) => void; onAlive: () => void };
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

  constructor(options: { ssrc: number; cname: string; send: (packet: Buffer) => void; onAlive: () => void }) {
    this.#options = options;
    this.#description = sourceDescription(options.ssrc, options.cname);
  }

  start(keys: SrtpKeys): void {
    this.#srtp = new SrtpSession(keys);
    this.#timer = setInterval(() => this.#report(performance.now()), REPORT_INTERVAL_MS);
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

  /** Says goodbye for the stream that we send. */
  close(): void {
    clearInterval(this.#timer);
    const { ssrc } = this.#options;
    if (this.sender) this.sendRtcp(Buffer.concat([receiverReport(ssrc, []), this.#description, goodbye(ssrc)]));
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
    return true;
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
