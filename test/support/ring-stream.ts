import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createRing, type RingWindow } from '../../src/model/ring-window.ts';
import type { WindowRule } from '../../src/model/window.ts';
import type { StreamedFrame } from './stream.ts';

type Rings = Record<string, Float32Array>;

/** Runs a streaming graph of the contract's second form on the CPU, for one stream or a batch of them. */
export class RingRunner {
  readonly #session: InferenceSession;
  readonly #windows: readonly RingWindow[];
  #rings: Rings;
  readonly #shapes: Record<string, readonly number[]>;

  static async open(model: Uint8Array, rule: WindowRule, batch = 1): Promise<RingRunner> {
    const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const;
    return new RingRunner(await InferenceSession.create(model, options), rule, batch);
  }

  private constructor(session: InferenceSession, rule: WindowRule, batch: number) {
    this.#session = session;
    this.#windows = Array.from({ length: batch }, () => createRing(rule));
    this.#rings = {};
    this.#shapes = {};
    for (const input of session.inputMetadata)
      if (input.isTensor && /^c\d+(_\d+)?$/.test(input.name)) {
        const shape = input.shape as number[];
        this.#shapes[input.name] = shape;
        this.#rings[input.name] = new Float32Array(shape.reduce((n, side) => n * side, 1));
      }
  }

  /** @param images of each stream of the batch, its own frame @param shape of one, [1, 3, height, width] */
  async run(images: readonly Float32Array[], [, ...shape]: readonly number[]): Promise<StreamedFrame[]> {
    const steps = this.#windows.map((window) => window.step());
    const batch = steps.length;
    const ring = steps[0]!.slots.length;
    const row = batch === 1 ? [ring] : [batch, ring];
    const joined = new Float32Array(batch * images[0]!.length);
    images.forEach((image, b) => {
      joined.set(image, b * image.length);
    });
    const feeds: Record<string, Tensor> = {
      image: new Tensor('float32', joined, [batch, ...shape]),
      slots: new Tensor('int64', BigInt64Array.from(steps.flatMap(({ slots }) => [...slots])), row),
      mask: new Tensor('float32', Float32Array.from(steps.flatMap(({ mask }) => [...mask])), row),
      here: new Tensor('int64', BigInt64Array.from(steps.flatMap(({ here }) => [...here])), [batch]),
      write: new Tensor('bool', Uint8Array.from(steps.flatMap(({ write }) => [...write])), [batch, ring, 1]),
    };
    for (const [name, states] of Object.entries(this.#rings))
      feeds[name] = new Tensor('float32', states, this.#shapes[name]!);
    const out = await this.#session.run(feeds);
    for (const name of Object.keys(this.#rings)) this.#rings[name] = out[`n${name.slice(1)}`]!.data as Float32Array;
    const depth = out['depth']!.data as Float32Array;
    const summary = out['summary']!.data as Float32Array;
    const part = (values: Float32Array, b: number) =>
      values.subarray((b * values.length) / batch, ((b + 1) * values.length) / batch);
    return steps.map((_, b) => ({ depth: part(depth, b), summary: part(summary, b) }));
  }

  reset(stream = 0): void {
    this.#windows[stream]!.reset();
  }

  close(): Promise<void> {
    return this.#session.release();
  }
}
