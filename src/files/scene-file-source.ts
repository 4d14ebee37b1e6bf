import { DepthcastError } from '../errors.ts';
import { listScenes } from '../scene/scene.ts';
import { y4mFrameSize } from '../scene/y4m.ts';
import type { MediaInfo, TimedPicture } from '../video/media-info.ts';
import { rawPicture } from '../video/raw-picture.ts';
import { type SceneBoot, type SceneCalls, startSceneThread } from '../video/scene-thread.ts';
import type { WorkerChannel } from '../worker-channel.ts';
import type { FileSource } from './source.ts';

/** Bytes of "FRAME\n" before a frame's planes. */
const MARKER = 6;

/** A synthetic scene as a video without end, rendered in a thread of its own as fast as it is asked for. */
export class SceneFileSource implements FileSource {
  readonly info: MediaInfo;
  readonly problems = new Set<string>();
  readonly notes = new Set<string>();
  readonly #options: SceneBoot;
  readonly #thread: WorkerChannel<SceneCalls>;
  #buffer: Uint8Array<ArrayBuffer>;
  #next = 0;
  #stopped = false;

  /** @throws DepthcastError UNKNOWN_SCENE, BAD_OPTION */
  constructor(options: SceneBoot) {
    const { scene, width, height, fps } = options;
    const names = listScenes().map(({ name }) => name);
    if (!names.includes(scene))
      throw new DepthcastError('UNKNOWN_SCENE', { detail: `"${scene}"; there are ${names.join(', ')}` });
    if (Math.min(width, height) < 16 || Math.max(width, height) > 4096)
      throw new DepthcastError('BAD_OPTION', { detail: `a scene of ${width}x${height}: 16 to 4096 a side` });
    this.#options = options;
    this.#thread = startSceneThread(options);
    this.#buffer = new Uint8Array(y4mFrameSize(width, height));
    this.info = {
      width,
      height,
      fps: { num: Math.round(fps * 1000), den: 1000 },
      frames: undefined,
      codec: 'scene',
      container: 'scene',
      aspect: { num: 0, den: 1 },
    };
  }

  async read(): Promise<TimedPicture | undefined> {
    if (this.#stopped) return undefined;
    const frame = this.#next++;
    const buffer = this.#buffer;
    try {
      const rendered = await this.#thread.request('render', { frame, buffer }, [buffer.buffer], this);
      this.#buffer = rendered.buffer;
    } catch (thrown) {
      if (this.#stopped) return undefined;
      throw thrown;
    }
    const { width, height, fps } = this.#options;
    const time = frame / fps;
    const picture = rawPicture(this.#buffer.subarray(MARKER), width, height, Math.round(time * 90_000) >>> 0);
    return { picture, time };
  }

  interrupt(): void {
    this.#stopped = true;
    this.#thread.abort(this, new DepthcastError('INTERNAL', { detail: 'the reading was interrupted' }));
  }

  close(): void {
    this.interrupt();
    void this.#thread.end();
  }
}
