import { type DepthcastError, toDepthcastError } from '../errors.ts';
import type { FrameSource, SourceListener } from '../stream/frame-source.ts';
import { type EncodedFrame, LiveDecoder } from '../video/index.ts';
import type { VideoReceiver } from '../webrtc/index.ts';

/** A received video track, decoded frame by frame. Follows the sender through codec and size changes. */
export class TrackSource implements FrameSource {
  readonly #receiver: VideoReceiver;
  readonly #pictureSide: number;
  readonly #onError: (error: DepthcastError) => void;
  #listener: SourceListener | undefined;
  #decoder: LiveDecoder | undefined;
  #opening: Promise<LiveDecoder> | undefined;
  #openingCodec: string | undefined;
  #closed = false;
  #failure: { error: DepthcastError; keyframes: number } | undefined;

  /** @param onError called for frames that could not be decoded, with CODEC_FAILED, DECODER_OVERRUN, PICTURE_TOO_LARGE */
  constructor(receiver: VideoReceiver, pictureSide: number, onError: (error: DepthcastError) => void) {
    this.#receiver = receiver;
    this.#pictureSide = pictureSide;
    this.#onError = onError;
  }

  /** The decoder's last failure and the keyframes that it refused since it last gave a picture. */
  get failure(): { error: DepthcastError; keyframes: number } | undefined {
    return this.#failure;
  }

  get codec(): string {
    return this.#receiver.codec;
  }

  start(listener: SourceListener): void {
    this.#listener = listener;
    this.#receiver.on('frame', this.#onFrame);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#receiver.off('frame', this.#onFrame);
    this.#decoder?.close();
  }

  readonly #onFrame = (frame: EncodedFrame): void => {
    void this.#decode(frame, performance.now());
  };

  async #decode(frame: EncodedFrame, handedOver: number): Promise<void> {
    try {
      const decoder = this.#decoder?.codec === frame.codec ? this.#decoder : await this.#open(frame.codec);
      if (this.#closed) return;
      const picture = await decoder.decode(frame);
      if (picture === undefined) {
        this.#listener?.undecodable();
        if (decoder.waitsForKeyframe) this.#receiver.requestKeyframe();
        return;
      }
      if (this.#closed) {
        picture.close();
        return;
      }
      this.#failure = undefined;
      const assemble = handedOver - (frame.lastPacketAt ?? handedOver);
      this.#listener?.picture(picture, { assemble, decode: performance.now() - handedOver });
    } catch (thrown) {
      if (this.#closed) return;
      const error = toDepthcastError(thrown, 'CODEC_FAILED');
      this.#failure = { error, keyframes: (this.#failure?.keyframes ?? 0) + (frame.keyframe ? 1 : 0) };
      this.#listener?.undecodable(error);
      this.#receiver.requestKeyframe();
      this.#onError(error);
    }
  }

  /** Frames that arrive while a decoder opens wait for the same one, in order. */
  async #open(codec: EncodedFrame['codec']): Promise<LiveDecoder> {
    if (this.#opening === undefined || this.#openingCodec !== codec) {
      this.#openingCodec = codec;
      const side = this.#pictureSide;
      this.#opening = LiveDecoder.create(codec, { maxWidth: side, maxHeight: side }).then((decoder) => {
        this.#decoder?.close();
        this.#decoder = decoder;
        if (this.#closed) decoder.close();
        return decoder;
      });
    }
    return this.#opening;
  }
}
