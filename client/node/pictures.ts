import { DepthError } from '../sdk/errors.ts';
import { type Source, sourceOf } from '../sdk/sources/source.ts';
import { load } from './platform.ts';

/** One picture: I420, as video decoders give it: width*height bytes of luma, then two chroma planes of half the sides. */
export interface I420Picture {
  /** Pixels, even. */
  width: number;
  height: number;
  data: Uint8Array;
}

/** What @roamhq/wrtc has beside the standard. */
interface WrtcModule {
  MediaStream: typeof MediaStream;
  nonstandard: {
    RTCVideoSource: new () => {
      createTrack(): MediaStreamTrack;
      onFrame(frame: { width: number; height: number; data: Uint8ClampedArray }): void;
    };
  };
}

/** A source that pictures are pushed into. */
export interface PictureSource extends Source {
  /** Sends a picture now. */
  push(picture: I420Picture): void;
}

/**
 * A source of pictures that the program makes or reads, encoded by @roamhq/wrtc.
 * @throws DepthError WEBRTC_UNSUPPORTED when that package is not installed
 */
export async function openPictures(label = 'pictures'): Promise<PictureSource> {
  const { MediaStream, nonstandard } = await load<WrtcModule>('@roamhq/wrtc');
  const video = new nonstandard.RTCVideoSource();
  const track = video.createTrack();
  const stream = new MediaStream([track]);
  let closed = false;
  const source = sourceOf(stream, label, () => {
    closed = true;
    track.stop();
  });
  return Object.assign(source, {
    push({ width, height, data }: I420Picture): void {
      if (closed) throw new DepthError('SOURCE_ENDED', { detail: label });
      if (data.length !== (width * height * 3) / 2 || width % 2 || height % 2)
        throw new RangeError(`${data.length} bytes are no I420 picture of ${width}x${height}`);
      video.onFrame({ width, height, data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.length) });
    },
  });
}
