import type { CameraSettings } from '../../../src/protocol/index.ts';
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
  /** Built beforehand, from the same name and size. */
  prepared?: Promise<PreparedScene>;
}

/** Renders a synthetic scene in a worker and streams it: a moving picture without a camera. */
export async function openScene(spec: SceneSpec): Promise<Source> {
  const renderer = (await spec.prepared)?.take() ?? (await SceneRenderer.start(spec));
  try {
    const screen = new StreamCanvas(renderer.width, renderer.height, spec.frameRate ?? FRAME_RATE);
    renderer.play((picture) => screen.show(picture));
    return sourceOf(
      screen.stream,
      spec.name,
      () => {
        renderer.close();
        for (const track of screen.stream.getTracks()) track.stop();
      },
      renderer.camera,
    );
  } catch (thrown) {
    renderer.close();
    throw toDepthError(thrown, 'SOURCE_UNSUPPORTED');
  }
}

/** Builds a scene, which takes a second or two, ahead of its use as a source: see `prepared` of SceneSpec. */
export async function prepareScene(spec: SceneSpec): Promise<PreparedScene> {
  const renderer = await SceneRenderer.start(spec);
  const still = await new Promise<ImageData>((resolve) => renderer.hold(resolve));
  return new PreparedScene(renderer, still);
}

/** A scene that was built and stands still. Hand it over in a SceneSpec once, or close it. */
export class PreparedScene {
  /** Its first picture. */
  readonly still: ImageData;
  #renderer: SceneRenderer | undefined;

  constructor(renderer: SceneRenderer, still: ImageData) {
    this.#renderer = renderer;
    this.still = still;
  }

  take(): SceneRenderer | undefined {
    const renderer = this.#renderer;
    this.#renderer = undefined;
    return renderer;
  }

  close(): void {
    this.take()?.close();
  }
}

/** The worker that renders. It has memory for a few pictures, so that it pauses while none comes back. */
class SceneRenderer {
  readonly #worker: Worker;
  readonly width: number;
  readonly height: number;
  readonly camera: CameraSettings | undefined;
  #held: ArrayBuffer[] = [];
  #show: (picture: ImageData) => void = () => {};

  private constructor(worker: Worker, width: number, height: number, camera: CameraSettings | undefined) {
    this.#worker = worker;
    this.width = width;
    this.height = height;
    this.camera = camera;
  }

  /** Shows the first picture and keeps the memory of all, so that the worker stops. */
  hold(first: (picture: ImageData) => void): void {
    this.#worker.onmessage = ({ data }: MessageEvent<FromSceneWorker>) => {
      if (data.type !== 'picture') return;
      if (this.#held.push(data.pixels) === 1) first(this.#image(data.pixels.slice()));
    };
  }

  /** Shows every picture, whose memory goes back to the worker afterwards. */
  play(show: (picture: ImageData) => void): void {
    this.#show = show;
    this.#worker.onmessage = ({ data }: MessageEvent<FromSceneWorker>) => {
      if (data.type === 'picture') this.#pass(data.pixels);
    };
    for (const pixels of this.#held.splice(0)) this.#pass(pixels);
  }

  #pass(pixels: ArrayBuffer): void {
    this.#show(this.#image(pixels));
    send(this.#worker, { type: 'recycle', pixels }, [pixels]);
  }

  #image(pixels: ArrayBuffer): ImageData {
    return new ImageData(new Uint8ClampedArray(pixels), this.width, this.height);
  }

  static async start({ name, width = 640, height = 480, frameRate = FRAME_RATE }: SceneSpec): Promise<SceneRenderer> {
    const worker = new Worker(new URL('./scene-worker.ts', import.meta.url), { type: 'module', name: `scene ${name}` });
    try {
      const started = await new Promise<Extract<FromSceneWorker, { type: 'started' }>>((resolve, reject) => {
        const fail = (detail: string) => reject(new DepthError('SOURCE_UNSUPPORTED', { detail }));
        worker.onerror = (event) => fail(event.message);
        worker.onmessage = ({ data }: MessageEvent<FromSceneWorker>) => {
          if (data.type === 'started') resolve(data);
          if (data.type === 'failed') fail(data.message);
        };
        send(worker, { type: 'start', name, width, height, frameRate });
      });
      return new SceneRenderer(worker, started.width, started.height, started.camera);
    } catch (thrown) {
      worker.terminate();
      throw toDepthError(thrown, 'SOURCE_UNSUPPORTED');
    }
  }

  close(): void {
    this.#worker.onmessage = null;
    this.#worker.terminate();
  }
}

const send = (worker: Worker, message: ToSceneWorker, transfer: Transferable[] = []) =>
  worker.postMessage(message, transfer);

/** A canvas outside the page whose content is a stream. */
class StreamCanvas {
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
