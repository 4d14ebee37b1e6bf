import { DepthError, toDepthError } from '../errors.ts';
import { type Source, sourceOf } from './source.ts';

export interface FileSpec {
  kind: 'file';
  /** A file of the user, or the address of a video that this page may read. Plays in a loop, without sound. */
  file: Blob | string;
}

type CapturableVideo = HTMLVideoElement & { captureStream?(): MediaStream; mozCaptureStream?(): MediaStream };

export async function openFile({ file }: FileSpec): Promise<Source> {
  const video: CapturableVideo = document.createElement('video');
  const url = typeof file === 'string' ? file : URL.createObjectURL(file);
  const close = () => {
    video.pause();
    video.removeAttribute('src');
    video.load();
    if (url !== file) URL.revokeObjectURL(url);
  };
  Object.assign(video, { muted: true, loop: true, playsInline: true, crossOrigin: 'anonymous', src: url });
  try {
    await video.play();
    if (video.videoWidth === 0) throw new DepthError('SOURCE_UNSUPPORTED', { detail: 'it holds no picture' });
    const captured = capture(video);
    // Sound would only take bandwidth from the pictures.
    const stream = new MediaStream(captured.stream.getVideoTracks());
    return sourceOf(stream, typeof file === 'string' ? file : file instanceof File ? file.name : '', () => {
      captured.close();
      for (const track of stream.getTracks()) track.stop();
      close();
    });
  } catch (thrown) {
    close();
    throw toDepthError(thrown, 'SOURCE_UNSUPPORTED');
  }
}

function capture(video: CapturableVideo): { stream: MediaStream; close(): void } {
  const stream = video.captureStream?.() ?? video.mozCaptureStream?.();
  return stream ? { stream, close() {} } : captureThroughCanvas(video);
}

/** For Safari, which cannot capture a video element. */
function captureThroughCanvas(video: HTMLVideoElement): { stream: MediaStream; close(): void } {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext('2d', { alpha: false });
  let handle = 0;
  const draw = () => {
    context?.drawImage(video, 0, 0);
    handle = video.requestVideoFrameCallback(draw);
  };
  draw();
  return { stream: canvas.captureStream(), close: () => video.cancelVideoFrameCallback(handle) };
}
