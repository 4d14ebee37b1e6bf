import './no-telemetry.ts';
import ort from 'onnxruntime-node';
import { DepthcastError } from '../errors.ts';
import { GraphCache } from '../model/graph-cache.ts';
import type { InstalledModel } from '../model/library.ts';
import { OFFLINE_WINDOW_FRAMES } from '../model/offline-windows.ts';
import { GRAPH_PRECISION } from '../model/precision.ts';

/** Video Depth Anything's offline mode: a window of 32 frames at once. `run` blocks its thread for seconds. */
export class OfflineEngine {
  readonly #session: ort.InferenceSession;
  readonly #shape: readonly [number, number, number, number];

  private constructor(session: ort.InferenceSession, width: number, height: number) {
    this.#session = session;
    this.#shape = [OFFLINE_WINDOW_FRAMES, 3, height, width];
  }

  /** @throws DepthcastError BAD_OPTION for a model that is no checkpoint, BAD_CHECKPOINT, BAD_SIZE, BAD_MODEL */
  static async load(
    { manifest, file, graphs }: InstalledModel,
    size: { width: number; height: number },
    threads = 0,
  ): Promise<OfflineEngine> {
    if (manifest.kind !== 'checkpoint')
      throw new DepthcastError('BAD_OPTION', {
        detail: `${manifest.name} has no checkpoint to make an offline graph of`,
      });
    const precision = GRAPH_PRECISION[manifest.precision];
    const request = { checkpoint: file, kind: 'offline', ...size, precision, config: manifest.network } as const;
    const graph = await new GraphCache(graphs).get(request);
    try {
      const session = await ort.InferenceSession.create(graph, { intraOpNumThreads: threads, logSeverityLevel: 3 });
      return new OfflineEngine(session, size.width, size.height);
    } catch (thrown) {
      throw new DepthcastError('BAD_MODEL', { detail: (thrown as Error).message, cause: thrown });
    }
  }

  /**
   * @param images [32, 3, height, width] normalised
   * @returns [32, height, width]
   */
  async run(images: Float32Array): Promise<Float32Array> {
    const out = await this.#session.run({ image: new ort.Tensor('float32', images, this.#shape) });
    return out['depth']!.data as Float32Array;
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}
