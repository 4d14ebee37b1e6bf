import { type CameraSpec, openCamera } from './camera.ts';
import { type FileSpec, openFile } from './file.ts';
import { openScene, type SceneSpec } from './scene.ts';
import { type Source, sourceOf } from './source.ts';

/** Where the video comes from. A MediaStream stays its owner's: the session never stops its tracks. */
export type SourceSpec = CameraSpec | FileSpec | SceneSpec | MediaStream;

/** Starts a source. Rejects with a DepthError that says what is in the way. */
export function openSource(spec: SourceSpec): Promise<Source> {
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
