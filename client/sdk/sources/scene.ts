import { DepthError, toDepthError } from '../errors.ts';
import type { FromSceneWorker, ToSceneWorker } from './scene-messages.ts';
import { type Source, sourceOf } from './source.ts';

export interface SceneSpec {
  kind: 'scene';
  /** One of the synthetic scenes, see `sceneNames`. */
  name: string;
  /** Largest size in pixels and highest frame rate; a slow machine renders less. */
  width?: number;
  height?: number;
  frameRate?: number;
}

/** Renders a synthetic scene in a worker and streams it: a moving picture without a camera. */
export async function openScene({ name, width = 640, height = 480, frameRate = 30 }: SceneSpec): Promise<Source> {
  const worker = new Worker(new URL('./scene-worker.ts', import.meta.url), { type: 'module', name: `scene ${name}` });
  const send = (message: ToSceneWorker, transfer: Transferable[] = []) => worker.postMessage(message, transfer);
  try {
    const size = await new Promise<{ width: number; height: number }>((resolve, reject) => {
      worker.onerror = (event) => reject(new DepthError('SOURCE_UNSUPPORTED', { detail: event.message }));
      worker.onmessage = ({ data }: MessageEvent<FromSceneWorker>) => {
        if (data.type === 'started') resolve(data);
        if (data.type === 'failed') reject(new DepthError('SOURCE_UNSUPPORTED', { detail: data.message }));
      };
      send({ type: 'start', name, width, height, frameRate });
    });
    const screen = new Screen(size.width, size.height, frameRate);
    worker.onmessage = ({ data }: MessageEvent<FromSceneWorker>) => {
      if (data.type !== 'picture') return;
      screen.show(data.pixels);
      send({ type: 'recycle', pixels: data.pixels }, [data.pixels]);
    };
    return sourceOf(screen.stream, name, () => {
      worker.terminate();
      for (const track of screen.stream.getTracks()) track.stop();
    });
  } catch (thrown) {
    worker.terminate();
    throw toDepthError(thrown, 'SOURCE_UNSUPPORTED');
  }
}

/** A canvas outside the page whose content is a stream. */
class Screen {
  readonly stream: MediaStream;
  readonly #context: CanvasRenderingContext2D;
  readonly #size: { width: number; height: number };

  constructor(width: number, height: number, frameRate: number) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    if (!context || !canvas.captureStream) throw new DepthError('SOURCE_UNSUPPORTED', { detail: 'canvas capture' });
    this.#context = context;
    this.#size = { width, height };
    this.stream = canvas.captureStream(frameRate);
  }

  show(pixels: ArrayBuffer): void {
    const { width, height } = this.#size;
    this.#context.putImageData(new ImageData(new Uint8ClampedArray(pixels), width, height), 0, 0);
  }
}
