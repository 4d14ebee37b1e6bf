import { type CameraSpec, openCamera } from './camera.ts';
import { type FileSpec, openFile } from './file.ts';
import { openScene, type SceneSpec } from './scene.ts';
import { type Source, sourceOf } from './source.ts';

/**
 * Where the video comes from. A MediaStream stays its owner's: the session never stops its tracks. An open Source is handed
 * over: the session closes it.
 */
export type SourceSpec = CameraSpec | FileSpec | SceneSpec | MediaStream | Source;

/** Starts a source. Rejects with a DepthError that says what is in the way. */
export function openSource(spec: SourceSpec): Promise<Source> {
  if ('stream' in spec) return Promise.resolve(spec);
  if (!('kind' in spec)) return Promise.resolve(sourceOf(spec, '', () => {}));
  switch (spec.kind) {
    case 'camera':
      return openCamera(spec);
    case 'file':
      return openFile(spec);
    case 'scene':
      return openScene(spec);
  }
}
