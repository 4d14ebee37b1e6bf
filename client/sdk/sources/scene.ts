import { DepthError, toDepthError } from '../errors.ts';
import type { FromSceneWorker, ToSceneWorker } from './scene-messages.ts';
import { type Source, sourceOf } from './source.ts';

const FRAME_RATE = 30;

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
export async function openScene(spec: SceneSpec): Promise<Source> {
  const renderer = await SceneRenderer.start(spec);
  try {
    const screen = new Screen(renderer.width, renderer.height, spec.frameRate ?? FRAME_RATE);
    renderer.onPicture = (picture) => screen.show(picture);
    return sourceOf(screen.stream, spec.name, () => {
      renderer.close();
      for (const track of screen.stream.getTracks()) track.stop();
    });
  } catch (thrown) {
    renderer.close();
    throw toDepthError(thrown, 'SOURCE_UNSUPPORTED');
  }
}

/** One picture of a scene. */
export async function sceneStill(spec: SceneSpec): Promise<ImageData> {
  const renderer = await SceneRenderer.start(spec);
  return new Promise((resolve) => {
    renderer.onPicture = (picture) => {
      resolve(new ImageData(picture.data.slice(), picture.width, picture.height));
      renderer.close();
    };
  });
}

/** The worker that renders. */
class SceneRenderer {
  readonly #worker: Worker;
  readonly width: number;
  readonly height: number;
  /** Gets every picture; its memory goes back to the worker afterwards. */
  onPicture: (picture: ImageData) => void = () => {};

  private constructor(worker: Worker, width: number, height: number) {
    this.#worker = worker;
    this.width = width;
    this.height = height;
    worker.onmessage = ({ data }: MessageEvent<FromSceneWorker>) => {
      if (data.type !== 'picture') return;
      const { pixels } = data;
      this.onPicture(new ImageData(new Uint8ClampedArray(pixels), width, height));
      send(worker, { type: 'recycle', pixels }, [pixels]);
    };
  }

  static async start({ name, width = 640, height = 480, frameRate = FRAME_RATE }: SceneSpec): Promise<SceneRenderer> {
    const worker = new Worker(new URL('./scene-worker.ts', import.meta.url), { type: 'module', name: `scene ${name}` });
    try {
      const size = await new Promise<{ width: number; height: number }>((resolve, reject) => {
        const fail = (detail: string) => reject(new DepthError('SOURCE_UNSUPPORTED', { detail }));
        worker.onerror = (event) => fail(event.message);
        worker.onmessage = ({ data }: MessageEvent<FromSceneWorker>) => {
          if (data.type === 'started') resolve(data);
          if (data.type === 'failed') fail(data.message);
        };
        send(worker, { type: 'start', name, width, height, frameRate });
      });
      return new SceneRenderer(worker, size.width, size.height);
    } catch (thrown) {
      worker.terminate();
      throw toDepthError(thrown, 'SOURCE_UNSUPPORTED');
    }
  }

  close(): void {
    this.onPicture = () => {};
    this.#worker.terminate();
  }
}

const send = (worker: Worker, message: ToSceneWorker, transfer: Transferable[] = []) =>
  worker.postMessage(message, transfer);

/** A canvas outside the page whose content is a stream. */
class Screen {
  readonly stream: MediaStream;
  readonly #context: CanvasRenderingContext2D;

  constructor(width: number, height: number, frameRate: number) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    if (!context || !canvas.captureStream) throw new DepthError('SOURCE_UNSUPPORTED', { detail: 'canvas capture' });
    this.#context = context;
    this.stream = canvas.captureStream(frameRate);
  }

  show(picture: ImageData): void {
    this.#context.putImageData(picture, 0, 0);
  }
}
