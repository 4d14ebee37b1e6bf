import type { CameraSettings } from '../../../src/protocol/index.ts';

/** A video source that runs. */
export interface Source {
  readonly stream: MediaStream;
  readonly track: MediaStreamTrack;
  /** For people: the camera's, file's or scene's name. */
  readonly label: string;
  /** Where the source knows its camera. */
  readonly camera?: CameraSettings;
  /** Stops it and gives back the camera, worker or memory. */
  close(): void;
}

/** @throws TypeError when the stream holds no video */
export function sourceOf(stream: MediaStream, label: string, close: () => void, camera?: CameraSettings): Source {
  const track = stream.getVideoTracks()[0];
  if (!track) throw new TypeError('the stream has no video track');
  track.contentHint = 'motion';
  return { stream, track, label: label || track.label, close, ...(camera ? { camera } : {}) };
}
