import type { CameraSettings } from '../../../src/protocol/index.ts';

/** What the page and the worker that renders a scene tell each other. */
export type ToSceneWorker =
  | { type: 'start'; name: string; width: number; height: number; frameRate: number }
  /** Gives a picture's memory back. */
  | { type: 'recycle'; pixels: ArrayBuffer };

export type FromSceneWorker =
  /** The size that this machine can render in time, at most the one asked for. */
  | { type: 'started'; width: number; height: number; camera?: CameraSettings | undefined }
  /** One picture: width*height*4 bytes, RGBA. */
  | { type: 'picture'; pixels: ArrayBuffer }
  | { type: 'failed'; message: string };
