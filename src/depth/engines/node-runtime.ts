import '../no-telemetry.ts';
import ort from 'onnxruntime-node';
import { zerosGraph } from '../../model/graph/state-graphs.ts';
import { bordersOf, type TensorInfo } from './contract.ts';
import { allocationError, openError, runError } from './device-errors.ts';
import type { DeviceLock } from './device-lock.ts';
import {
  type DeviceRuntime,
  type DeviceSession,
  type DeviceTensor,
  type HostTensor,
  isHost,
  type TensorShape,
} from './device-runtime.ts';

/** Lets calls into native code one thread after the other, where it is not made for two. */
type Guard = Pick<DeviceLock, 'hold' | 'holdNow'>;
const UNGUARDED: Guard = { hold: (call) => call(), holdNow: (call) => call() };

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
  /** Graphs that make memory, by its rank. */
  readonly #zeros = new Map<number, NodeSession>();
  readonly #guard: Guard;
  /** Whether tensors may still be disposed of: doing so later crashes. */
  readonly life = { open: true };

  constructor(name: 'cpu' | 'webgpu', options: NodeRuntimeOptions = {}) {
    const { deviceIndex, threads = 1 } = options;
    this.name = name;
    this.#options = options;
    this.#guard = (name === 'webgpu' && options.lock) || UNGUARDED;
    const which = deviceIndex === undefined ? '' : ` ${deviceIndex}`;
    this.device = name === 'webgpu' ? `WebGPU${which}` : `CPU, ${threads} thread${threads === 1 ? '' : 's'}`;
  }

  /** Where an output goes is said by what it is fetched into. */
  open(graph: string | Uint8Array): Promise<NodeSession> {
    return this.#open(graph);
  }

  async allocate(shapes: readonly TensorShape[]): Promise<Record<string, DeviceTensor>> {
    const made: Record<string, DeviceTensor> = {};
    try {
      for (const { name, shape } of shapes) {
        const zeros = await this.#zerosOf(shape.length);
        made[name] = await zeros.make('zeros', {
          zero: { type: 'float32', data: new Float32Array(1), shape: [1] },
          shape: { type: 'int64', data: BigInt64Array.from(shape, BigInt), shape: [shape.length] },
        });
      }
      return made;
    } catch (thrown) {
      for (const tensor of Object.values(made)) tensor.dispose();
      throw thrown;
    }
  }

  async release(): Promise<void> {
    for (const session of this.#zeros.values()) await session.release();
    this.#zeros.clear();
    this.life.open = false;
  }

  async #zerosOf(rank: number): Promise<NodeSession> {
    let zeros = this.#zeros.get(rank);
    if (zeros === undefined) {
      zeros = await this.#open(zerosGraph(rank), { preferredOutputLocation: 'gpu-buffer' });
      this.#zeros.set(rank, zeros);
    }
    return zeros;
  }

  async #open(
    graph: string | Uint8Array,
    more: Pick<ort.InferenceSession.SessionOptions, 'preferredOutputLocation'> = {},
  ): Promise<NodeSession> {
    const { threads = 1, deviceIndex } = this.#options;
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
    try {
      return new NodeSession(await this.#guard.hold(create), this.life, this.#guard, gpu);
    } catch (thrown) {
      throw gpu ? openError(thrown) : thrown;
    }
  }
}

class NodeSession implements DeviceSession {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #session: ort.InferenceSession;
  readonly #life: { open: boolean };
  readonly #guard: Guard;
  readonly #gpu: boolean;
  readonly #tensors = new WeakMap<HostTensor, ort.Tensor>();

  constructor(session: ort.InferenceSession, life: { open: boolean }, guard: Guard, gpu: boolean) {
    const { inputs, outputs } = bordersOf(session);
    this.inputs = inputs;
    this.outputs = outputs;
    this.#session = session;
    this.#life = life;
    this.#guard = guard;
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
    try {
      await this.#guard.hold(async () => {
        const out = await this.#session.run(given, wanted);
        for (const [name, tensor] of Object.entries(fetches))
          if (isHost(tensor)) (tensor.data as Float32Array).set(out[name]!.data as Float32Array);
          // A run hands out handles of its own for the memory that it was given.
          else if (out[name] !== wanted[name]) out[name]!.dispose();
      });
    } catch (thrown) {
      throw runError(thrown);
    }
  }

  /** Runs the graph; its output stays where it was made. @throws DepthcastError BUSY, DEVICE_LOST */
  async make(output: string, feeds: Readonly<Record<string, HostTensor>>): Promise<DeviceTensor> {
    try {
      const out = await this.#guard.hold(() => this.#session.run(this.#mapped(feeds)));
      return new NodeTensor(out[output]!, this.#life, this.#guard, this.#gpu);
    } catch (thrown) {
      throw allocationError(thrown);
    }
  }

  async release(): Promise<void> {
    await this.#guard.hold(() => this.#session.release());
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
  readonly #guard: Guard;
  readonly #gpu: boolean;
  #disposed = false;

  constructor(tensor: ort.Tensor, life: { open: boolean }, guard: Guard, gpu: boolean) {
    this.tensor = tensor;
    this.bytes = 4 * tensor.dims.reduce((n, side) => n * side, 1);
    this.#life = life;
    this.#guard = guard;
    this.#gpu = gpu;
  }

  dispose(): void {
    if (this.#disposed || !this.#life.open) return;
    this.#disposed = true;
    if (!this.#gpu) return;
    try {
      this.#guard.holdNow(() => this.tensor.dispose());
    } catch {
      // Another thread hangs in the driver: the memory goes with this one, whose next run fails by the same.
    }
  }
}
