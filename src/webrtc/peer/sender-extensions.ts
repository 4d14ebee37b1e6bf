import type { EncodedFrame } from '../../video/types.ts';
import { writeCaptureTime } from '../rtp/capture-time.ts';
import { type ExtensionElement, RTP_HEADER_BYTES, writeExtensions } from '../rtp/packet.ts';
import type { VideoAgreement } from '../sdp/agreement.ts';

const BLOCK_HEADER_BYTES = 4;
/** Of the value of the first header extension element: fixed header, block header, element header. */
const SEND_TIME_AT = RTP_HEADER_BYTES + BLOCK_HEADER_BYTES + 1;

/**
 * http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time: 24 bits, 6.18 fixed point seconds. Without it a receiver
 * takes the time that a frame spent in our depth network for congestion.
 */
function writeSendTime(target: Buffer, at: number, now: number): void {
  target.writeUIntBE(Math.floor((now / 1000) * 0x40000) % 0x1000000, at, 3);
}

/** The header extensions of a stream's packets, as far as they were agreed on: written once, and brought up to date for each frame. */
export class HeaderExtensions {
  readonly #sendTime: boolean;
  readonly #plain: Buffer;
  /** For frames that say when they were captured. */
  readonly #captured: Buffer;
  readonly #captureTimeAt: number | undefined;

  constructor({ extensions, mid }: VideoAgreement) {
    const { mid: midId, absSendTime, absCaptureTime, playoutDelay } = extensions;
    this.#sendTime = absSendTime !== undefined;
    // First, where a retransmission finds it.
    const before: ExtensionElement[] = absSendTime === undefined ? [] : [{ id: absSendTime, data: Buffer.alloc(3) }];
    if (midId !== undefined && mid !== undefined && mid.length <= 16)
      before.push({ id: midId, data: Buffer.from(mid, 'latin1') });
    // Minimum and maximum 0: render at once. A depth map that waits in a jitter buffer is about the past.
    const after = playoutDelay === undefined ? [] : [{ id: playoutDelay, data: Buffer.alloc(3) }];
    this.#plain = this.#captured = writeExtensions([...before, ...after]);
    if (absCaptureTime === undefined) return;
    this.#captureTimeAt = before.reduce((at, { data }) => at + 1 + data.length, BLOCK_HEADER_BYTES) + 1;
    this.#captured = writeExtensions([...before, { id: absCaptureTime, data: writeCaptureTime(0) }, ...after]);
  }

  /**
   * @param now performance.now()
   * @returns valid until the next call
   */
  of({ captureTime }: EncodedFrame, now: number): Buffer {
    const block = captureTime === undefined ? this.#plain : this.#captured;
    if (this.#sendTime) writeSendTime(block, SEND_TIME_AT - RTP_HEADER_BYTES, now);
    if (captureTime !== undefined && this.#captureTimeAt !== undefined)
      writeCaptureTime(captureTime, block, this.#captureTimeAt);
    return block;
  }
}

/** Writes the time of a retransmission into the packet's header. */
export function stampAgain({ extensions }: VideoAgreement, header: Buffer, now: number): void {
  if (extensions.absSendTime !== undefined) writeSendTime(header, SEND_TIME_AT, now);
}
