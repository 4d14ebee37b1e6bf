import type { EncodedFrame } from '../../video/types.ts';
import { writeCaptureTime } from '../rtp/capture-time.ts';
import { type ExtensionElement, RTP_HEADER_BYTES, writeExtensions } from '../rtp/packet.ts';
import type { VideoAgreement } from '../sdp/agreement.ts';

/** Of the value of the first header extension element: fixed header, block header, element header. */
const SEND_TIME_AT = RTP_HEADER_BYTES + 4 + 1;

/**
 * http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time: 24 bits, 6.18 fixed point seconds. Without it a receiver
 * takes the time that a frame spent in our depth network for congestion.
 */
function sendTime(now: number): Buffer {
  const value = Buffer.allocUnsafe(3);
  value.writeUIntBE(Math.floor((now / 1000) * 0x40000) % 0x1000000, 0, 3);
  return value;
}

/**
 * The header extensions of a frame's packets, as far as they were agreed on.
 * @param now performance.now()
 */
export function headerExtensions(agreement: VideoAgreement, frame: EncodedFrame, now: number): Buffer {
  const { mid: midId, absSendTime, absCaptureTime, playoutDelay } = agreement.extensions;
  const elements: ExtensionElement[] = [];
  // First, where a retransmission finds it.
  if (absSendTime !== undefined) elements.push({ id: absSendTime, data: sendTime(now) });
  const { mid } = agreement;
  if (midId !== undefined && mid !== undefined && mid.length <= 16) {
    elements.push({ id: midId, data: Buffer.from(mid, 'latin1') });
  }
  if (absCaptureTime !== undefined && frame.captureTime !== undefined) {
    elements.push({ id: absCaptureTime, data: writeCaptureTime(frame.captureTime) });
  }
  // Minimum and maximum 0: render at once. A depth map that waits in a jitter buffer is about the past.
  if (playoutDelay !== undefined) elements.push({ id: playoutDelay, data: Buffer.alloc(3) });
  return writeExtensions(elements);
}

/** Writes the time of a retransmission into the packet's header. */
export function stampAgain({ extensions }: VideoAgreement, header: Buffer, now: number): void {
  if (extensions.absSendTime !== undefined) header.set(sendTime(now), SEND_TIME_AT);
}
