import type { ReceivedFrame } from '../frames.ts';
import { PictureRing, type SentPicture } from './picture-ring.ts';
import { WORKER_SOURCE } from './worker-source.ts';

/** Pictures that are kept: two seconds at 30 a second, and far more than the server ever holds. */
const CAPACITY = 60;
/** Depth frames that wait for their picture, which the decoder may still hold. */
const MAX_WAITING = 8;

/** A depth frame and the picture that it was made of. */
export interface Pair {
  /**
   * The picture as the server received it, after encoding. Closed when the listeners have returned: keep a `clone()`.
   * Its `timestamp` is that of its RTP packets, in microseconds.
   */
  picture: VideoFrame;
  depth: ReceivedFrame;
  /** Milliseconds since the picture was captured or, where the browser does not tell capture times, encoded. */
  ageMs: number;
}

/** Why a depth frame has no picture. */
export type UnpairedReason =
  /** No picture was sent under its RTP timestamp, or that was too long ago. */
  | 'unknown'
  /** This browser has no encoded transforms (RTCRtpScriptTransform) or cannot decode what it sends (WebCodecs). */
  | 'unsupported';

export interface Unpaired {
  depth: ReceivedFrame;
  reason: UnpairedReason;
}

export interface PairCounters {
  paired: number;
  unpaired: number;
}

export interface PairingHandlers {
  pair(pair: Pair): void;
  unpaired(unpaired: Unpaired): void;
  /** Pairing does not work here, and why. Called once at most. */
  unsupported(reason: string): void;
}

/** Finds the picture of each depth frame of one connection. Exact or not at all: the RTP timestamp is the only identity. */
export class Pairing {
  readonly counters: PairCounters = { paired: 0, unpaired: 0 };
  readonly #handlers: PairingHandlers;
  readonly #ring: PictureRing;
  #worker: Worker | undefined;
  #failed = false;
  #waiting: ReceivedFrame[] = [];

  constructor(handlers: PairingHandlers) {
    this.#handlers = handlers;
    this.#ring = new PictureRing(CAPACITY, (picture) => this.#release(picture));
  }

  /**
   * Looks at all that a sender sends. Before the connection is negotiated.
   * @param codec what is sent where the browser does not tell it
   */
  attach(sender: RTCRtpSender, codec: string): void {
    if (typeof RTCRtpScriptTransform === 'undefined' || typeof VideoDecoder === 'undefined') {
      this.#fail('this browser has no RTCRtpScriptTransform or no VideoDecoder');
      return;
    }
    const url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: 'text/javascript' }));
    try {
      const worker = new Worker(url, { name: 'depthcast pairing' });
      worker.onmessage = ({ data }: MessageEvent<{ type: string; message?: string } & SentPicture>) => {
        if (data.type === 'picture') this.#take(data);
        else this.#fail(`what is sent cannot be decoded here: ${data.message}`);
      };
      worker.onerror = (event) => {
        // Nothing would pass a worker that is not there.
        sender.transform = null;
        this.#fail(event.message || 'a worker from a Blob is not allowed here');
      };
      this.#worker = worker;
      sender.transform = new RTCRtpScriptTransform(worker, { codec });
    } catch (thrown) {
      this.#fail(thrown instanceof Error ? thrown.message : String(thrown));
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  /** Gives a depth frame to the pair listener, with its picture, at once or when the picture is there. */
  receive(depth: ReceivedFrame): void {
    const picture = this.#ring.get(depth.rtpTimestamp);
    if (picture) this.#pair(picture, depth);
    else if (!this.#worker || this.#failed) this.#miss(depth, 'unsupported');
    else if (!this.#ring.mayCome(depth.rtpTimestamp)) this.#miss(depth, 'unknown');
    else {
      this.#waiting.push(depth);
      if (this.#waiting.length > MAX_WAITING) this.#miss(this.#waiting.shift()!, 'unknown');
    }
  }

  close(): void {
    for (const depth of this.#waiting.splice(0)) this.#miss(depth, 'unknown');
    this.#ring.clear();
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  /** The worker, where there is one, still passes on what is sent. */
  #fail(detail: string): void {
    if (this.#failed) return;
    this.#failed = true;
    for (const depth of this.#waiting.splice(0)) this.#miss(depth, 'unsupported');
    this.#handlers.unsupported(detail);
  }

  #take(data: SentPicture): void {
    const picture = { ...data, sentAt: performance.now() };
    this.#ring.push(picture);
    for (const depth of this.#waiting.splice(0)) this.receive(depth);
  }

  #pair(sent: SentPicture, depth: ReceivedFrame): void {
    let picture: VideoFrame;
    try {
      picture = videoFrameOf(sent);
    } catch (thrown) {
      this.#fail(`a picture cannot be shown here: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      this.#miss(depth, 'unsupported');
      return;
    }
    this.counters.paired++;
    this.#ring.forgetBefore(sent);
    const { captureTime, captureTimeError } = depth;
    const told = captureTime !== undefined && captureTimeError === undefined;
    const ageMs = told ? performance.timeOrigin + performance.now() - captureTime : performance.now() - sent.sentAt;
    try {
      this.#handlers.pair({ picture, depth, ageMs });
    } finally {
      picture.close();
    }
  }

  #miss(depth: ReceivedFrame, reason: UnpairedReason): void {
    this.counters.unpaired++;
    this.#handlers.unpaired({ depth, reason });
  }

  /** Memory goes back to the worker, which fills it again. */
  #release({ buffer, bitmap }: SentPicture): void {
    bitmap?.close();
    if (buffer) this.#worker?.postMessage({ buffer }, [buffer]);
  }
}

function videoFrameOf({
  rtpTimestamp,
  width,
  height,
  buffer,
  format,
  layout,
  colorSpace,
  bitmap,
}: SentPicture): VideoFrame {
  const timestamp = Math.round((rtpTimestamp * 1e6) / 90_000);
  if (bitmap) return new VideoFrame(bitmap, { timestamp });
  if (!buffer || !format) throw new TypeError('a picture without bytes');
  return new VideoFrame(buffer, {
    timestamp,
    format,
    codedWidth: width,
    codedHeight: height,
    ...(layout ? { layout } : {}),
    ...(colorSpace ? { colorSpace } : {}),
  });
}
