import '../no-telemetry.ts';
import ort from 'onnxruntime-node';
import { DepthcastError } from '../../errors.ts';
import { zerosGraph } from '../../model/graph/state-graphs.ts';
import { bordersOf, type TensorInfo } from './contract.ts';
import type { DeviceLock } from './device-lock.ts';
import {
  type DeviceRuntime,
  type DeviceSession,
  type DeviceTensor,
  type HostTensor,
  isHost,
  type TensorShape,
} from './device-runtime.ts';

/** What a lost device is called: by Dawn in WebGPU's terms, by the driver in Vulkan's, D3D12's or Metal's. */
const LOST =
  /device\]?\s*(was|is|has been)?\s*lost|DEVICE_LOST|DEVICE_REMOVED|DEVICE_HUNG|OUT_OF_(DEVICE|HOST)_MEMORY|out of memory/i;

export interface NodeRuntimeOptions {
  /** Which of several devices; the provider's own choice when undefined. */
  deviceIndex?: number | undefined;
  /** Of the CPU. */
  threads?: number;
  /** Held around every call: two threads at once in WebGPU crash the process. */
  lock?: DeviceLock | undefined;
}

/**
 * onnxruntime-node's own execution providers: WebGPU, on Vulkan, Metal or D3D12, and the CPU, where device memory is
 * this process's. CUDA is not among them: this binding keeps none of its tensors on the device.
 */
export class NodeRuntime implements DeviceRuntime {
  readonly name: 'cpu' | 'webgpu';
  readonly device: string;
  readonly #options: NodeRuntimeOptions;
  /** By the shapes that they make. */
  readonly #zeros = new Map<string, NodeSession>();
  /** Whether tensors may still be disposed of: doing so later crashes. */
  readonly life = { open: true };

  constructor(name: 'cpu' | 'webgpu', options: NodeRuntimeOptions = {}) {
    const { deviceIndex, threads = 1 } = options;
    this.name = name;
    this.#options = options;
    const which = deviceIndex === undefined ? '' : ` ${deviceIndex}`;
    this.device = name === 'webgpu' ? `WebGPU${which}` : `CPU, ${threads} thread${threads === 1 ? '' : 's'}`;
  }

  /** Where an output goes is said by what it is fetched into. */
  open(graph: string | Uint8Array): Promise<NodeSession> {
    return this.#open(graph);
  }

  async allocate(shapes: readonly TensorShape[]): Promise<Record<string, DeviceTensor>> {
    const key = JSON.stringify(shapes);
    let zeros = this.#zeros.get(key);
    if (zeros === undefined) {
      zeros = await this.#open(zerosGraph(shapes), { preferredOutputLocation: 'gpu-buffer' });
      this.#zeros.set(key, zeros);
    }
    return zeros.make({ zero: { type: 'float32', data: new Float32Array(1), shape: [1] } });
  }

  async release(): Promise<void> {
    for (const session of this.#zeros.values()) await session.release();
    this.#zeros.clear();
    this.life.open = false;
  }

  async #open(
    graph: string | Uint8Array,
    more: Pick<ort.InferenceSession.SessionOptions, 'preferredOutputLocation'> = {},
  ): Promise<NodeSession> {
    const { threads = 1, deviceIndex, lock } = this.#options;
    const gpu = this.name === 'webgpu';
    const provider = gpu ? { name: 'webgpu', ...(deviceIndex !== undefined && { deviceId: deviceIndex }) } : 'cpu';
    const options: ort.InferenceSession.SessionOptions = {
      executionProviders: [provider as ort.InferenceSession.ExecutionProviderConfig],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
      ...(gpu && more),
    };
    const create = () =>
      typeof graph === 'string'
        ? ort.InferenceSession.create(graph, options)
        : ort.InferenceSession.create(graph, options);
    const hold = gpu && lock ? lock.hold.bind(lock) : <T>(call: () => Promise<T>) => call();
    try {
      return new NodeSession(await hold(create), this.life, hold, gpu);
    } catch (thrown) {
      throw gpu ? deviceError(thrown) : thrown;
    }
  }
}

class NodeSession implements DeviceSession {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #session: ort.InferenceSession;
  readonly #life: { open: boolean };
  readonly #hold: <T>(call: () => Promise<T>) => Promise<T>;
  readonly #gpu: boolean;
  readonly #tensors = new WeakMap<HostTensor, ort.Tensor>();

  constructor(
    session: ort.InferenceSession,
    life: { open: boolean },
    hold: <T>(call: () => Promise<T>) => Promise<T>,
    gpu: boolean,
  ) {
    const { inputs, outputs } = bordersOf(session);
    this.inputs = inputs;
    this.outputs = outputs;
    this.#session = session;
    this.#life = life;
    this.#hold = hold;
    this.#gpu = gpu;
  }

  async run(
    feeds: Readonly<Record<string, HostTensor | DeviceTensor>>,
    fetches: Readonly<Record<string, HostTensor | DeviceTensor>>,
  ): Promise<void> {
    const given = this.#mapped(feeds);
    if (!this.#gpu) {
      await this.#session.run(given, this.#mapped(fetches));
      return;
    }
    const wanted: Record<string, ort.Tensor | null> = {};
    // The binding takes no memory of this process's for what comes from a device: it makes an array of each, once a frame.
    for (const [name, tensor] of Object.entries(fetches))
      wanted[name] = isHost(tensor) ? null : (tensor as NodeTensor).tensor;
    const out = await this.#guarded(() => this.#session.run(given, wanted));
    for (const [name, tensor] of Object.entries(fetches))
      if (isHost(tensor)) (tensor.data as Float32Array).set(out[name]!.data as Float32Array);
      // A run hands out handles of its own for the memory that it was given.
      else if (out[name] !== wanted[name]) out[name]!.dispose();
  }

  /** Runs the graph; its outputs stay where they were made. */
  async make(feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, DeviceTensor>> {
    const out = await this.#guarded(() => this.#session.run(this.#mapped(feeds)));
    return Object.fromEntries(
      Object.entries(out).map(([name, tensor]) => [name, new NodeTensor(tensor, this.#life, this.#gpu)]),
    );
  }

  async release(): Promise<void> {
    await this.#hold(() => this.#session.release());
  }

  async #guarded<T>(call: () => Promise<T>): Promise<T> {
    if (!this.#gpu) return call();
    try {
      return await this.#hold(call);
    } catch (thrown) {
      throw deviceError(thrown);
    }
  }

  #mapped(all: Readonly<Record<string, HostTensor | DeviceTensor>>): Record<string, ort.Tensor> {
    const mapped: Record<string, ort.Tensor> = {};
    for (const name of Object.keys(all)) {
      const tensor = all[name]!;
      mapped[name] = isHost(tensor) ? this.#host(tensor) : (tensor as NodeTensor).tensor;
    }
    return mapped;
  }

  #host(host: HostTensor): ort.Tensor {
    let tensor = this.#tensors.get(host);
    if (tensor === undefined) {
      tensor = new ort.Tensor(host.type as 'float32', host.data as Float32Array, host.shape);
      this.#tensors.set(host, tensor);
    }
    return tensor;
  }
}

class NodeTensor implements DeviceTensor {
  readonly tensor: ort.Tensor;
  readonly bytes: number;
  readonly #life: { open: boolean };
  readonly #gpu: boolean;
  #disposed = false;

  constructor(tensor: ort.Tensor, life: { open: boolean }, gpu: boolean) {
    this.tensor = tensor;
    this.bytes = 4 * tensor.dims.reduce((n, side) => n * side, 1);
    this.#life = life;
    this.#gpu = gpu;
  }

  dispose(): void {
    if (this.#disposed || !this.#life.open) return;
    this.#disposed = true;
    if (this.#gpu) this.tensor.dispose();
  }
}

/** DEVICE_LOST for what says so; anything else as it is. */
export function deviceError(thrown: unknown): unknown {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return LOST.test(message)
    ? new DepthcastError('DEVICE_LOST', { detail: message.slice(0, 300), cause: thrown })
    : thrown;
}
