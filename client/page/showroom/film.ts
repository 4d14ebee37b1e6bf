import type { Source, SourceSpec } from 'depthcast-client';

/** Of the camera that the film was rendered with, in degrees; `scripts/demo-clip.mjs` tells it. */
const HFOV = 59.21;
/** Rendered in the page where the film cannot be played: slower to begin, and work for the processor. */
const SCENE: SourceSpec = { kind: 'scene', name: 'tabletop', width: 640, height: 360 };

type Capturable = HTMLVideoElement & { captureStream?(): MediaStream; mozCaptureStream?(): MediaStream };

/** The film that the page plays from its beginning, as a source. It is in the document, so that it loads before any script. */
export async function openFilm(video: Capturable): Promise<SourceSpec> {
  try {
    await video.play();
  } catch {
    return SCENE;
  }
  const stream = video.captureStream?.() ?? video.mozCaptureStream?.();
  // Safari plays it, but cannot capture it: the SDK draws it on a canvas.
  if (!stream) return { kind: 'file', file: video.currentSrc };
  const track = stream.getVideoTracks()[0] ?? (await firstTrack(stream));
  if (!track) return SCENE;
  track.contentHint = 'motion';
  const source: Source = { stream, track, label: 'film', camera: { hfov: HFOV }, close: () => track.stop() };
  return source;
}

function firstTrack(stream: MediaStream): Promise<MediaStreamTrack | undefined> {
  return new Promise((resolve) => {
    const give = () => resolve(stream.getVideoTracks()[0]);
    stream.addEventListener('addtrack', give, { once: true });
    setTimeout(give, 2000);
  });
}
