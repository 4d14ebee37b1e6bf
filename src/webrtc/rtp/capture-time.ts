import { timestampDistance } from './packet.ts';
import { fromNtp, toNtp } from './rtcp.ts';

// http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time: the NTP time (32.32) at which the frame was captured,
// optionally followed by the sender's estimate of how far its clock is from the capturing one.

const CLOCK_RATE_KHZ = 90;
/** Beyond this the RTP clock says little about the capture clock. */
const MAX_EXTRAPOLATION_MS = 10_000;

/** @returns ms since the Unix epoch, or undefined where the element is malformed, or zero as from a sender without a clock */
export function readCaptureTime(element: Buffer): number | undefined {
  if (element.length < 8) return undefined;
  const [seconds, fraction] = [element.readUInt32BE(0), element.readUInt32BE(4)];
  return seconds === 0 && fraction === 0 ? undefined : fromNtp({ seconds, fraction });
}

/** @returns `element`, a new one where none is given */
export function writeCaptureTime(unixMs: number, element: Buffer = Buffer.allocUnsafe(8), at = 0): Buffer {
  const { seconds, fraction } = toNtp(unixMs);
  element.writeUInt32BE(seconds, at);
  element.writeUInt32BE(fraction, at + 4);
  return element;
}

/** Senders may stamp only some frames; the others follow by their RTP timestamps. */
export class CaptureClock {
  #timestamp = 0;
  #captureTime: number | undefined;

  note(timestamp: number, captureTime: number): void {
    this.#timestamp = timestamp;
    this.#captureTime = captureTime;
  }

  at(timestamp: number): number | undefined {
    if (this.#captureTime === undefined) return undefined;
    const distance = timestampDistance(timestamp, this.#timestamp) / CLOCK_RATE_KHZ;
    return Math.abs(distance) > MAX_EXTRAPOLATION_MS ? undefined : this.#captureTime + distance;
  }
}
