import { InferenceSession, Tensor } from 'onnxruntime-node';
import { isStateType, StateCache } from '../../src/model/state-cache.ts';
import { createWindow, type WindowRule } from '../../src/model/window.ts';

export interface StreamedFrame {
  /** [height * width]. */
  depth: Float32Array;
  summary: Float32Array;
}

/** Runs a streaming graph frame by frame, on one thread: the contract at its plainest. */
export class StreamRunner {
  readonly #session: InferenceSession;
  readonly #window;
  readonly #caches: StateCache[];

  /** @param model Path or bytes of the graph. */
  static async open(model: string | Uint8Array, rule: WindowRule): Promise<StreamRunner> {
    const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const;
    const session = await (typeof model === 'string'
      ? InferenceSession.create(model, options)
      : InferenceSession.create(model, options));
    return new StreamRunner(session, rule);
  }

  private constructor(session: InferenceSession, rule: WindowRule) {
    this.#session = session;
    this.#window = createWindow(rule);
    this.#caches = [];
    for (const input of session.inputMetadata)
      if (input.isTensor && /^c\d+$/.test(input.name)) {
        const [tokens, slots, channels] = input.shape as number[];
        if (slots !== this.#window.slotCount - 1) throw new Error(`${input.name} has ${slots} slots`);
        if (!isStateType(input.type)) throw new Error(`${input.name} is ${input.type}`);
        this.#caches.push(new StateCache(tokens!, channels!, this.#window, input.type));
      }
  }

  async run(image: Float32Array, shape: readonly number[]): Promise<StreamedFrame> {
    const { slots, mask, write } = this.#window.step();
    const feeds: Record<string, Tensor> = {
      image: new Tensor('float32', image, shape),
      slots: new Tensor('int64', slots, [slots.length]),
      mask: new Tensor('float32', mask, [mask.length]),
    };
    const fetches: Record<string, Tensor | null> = { depth: null, summary: null };
    this.#caches.forEach(({ type, cached, incoming, tokens, slots, channels }, i) => {
      feeds[`c${i}`] = new Tensor(type, cached, [tokens, slots, channels]);
      fetches[`h${i}`] = new Tensor(type, incoming, [tokens, 1, channels]);
    });
    const { depth, summary } = await this.#session.run(feeds, fetches);
    for (const cache of this.#caches) cache.store(write, cache.incoming);
    return { depth: depth!.data as Float32Array, summary: summary!.data as Float32Array };
  }

  reset(): void {
    this.#window.reset();
    for (const cache of this.#caches) cache.clear();
  }

  close(): Promise<void> {
    return this.#session.release();
  }
}
