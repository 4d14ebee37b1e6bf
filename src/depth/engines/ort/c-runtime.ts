import '../../no-telemetry.ts';
import koffi from 'koffi';
import type { DeviceKind } from '../../engine.ts';
import type { TensorInfo } from '../contract.ts';
import { allocationError, openError, runError } from '../device-errors.ts';
import {
  type DeviceRuntime,
  type DeviceSession,
  type DeviceTensor,
  type HostTensor,
  isHost,
  type TensorShape,
} from '../device-runtime.ts';
import type { Handle, OrtLibrary } from './library.ts';

/** ONNXTensorElementDataType by the contract's names. */
const ELEMENT = { float32: 1, int8: 3, int16: 5, int64: 7, bool: 9, float16: 10 } as const;
const ELEMENT_NAMES = new Map<number, string>(Object.entries(ELEMENT).map(([name, type]) => [type, name]));
const P = 'void *';
const DEVICE_ALLOCATOR = 0;
const DEFAULT_MEMORY = 0;
export interface CRuntimeOptions {
  /** What the session options are given before a graph is loaded: an execution provider. */
  provide(library: OrtLibrary, options: Handle): void;
  /** onnxruntime's name of the device's memory, as `Cuda`, and which device. */
  memory: { readonly name: string; readonly device: number };
  threads?: number;
}

/**
 * An execution provider by onnxruntime's C API: inputs and outputs are bound by IoBinding, so that tensors which lie on the
 * device stay there. What it does is the same for every provider; CUDA's is what it is for.
 */
export class CRuntime implements DeviceRuntime {
  readonly name: DeviceKind;
  readonly device: string;
  readonly life = { open: true };
  readonly #library: OrtLibrary;
  readonly #options: CRuntimeOptions;
  readonly #host: Handle;
  readonly #memory: Handle;
  readonly #runOptions: Handle;
  /** Of the first session; every session of a provider has the same memory. */
  #allocator: Handle | undefined;

  constructor(name: DeviceKind, device: string, library: OrtLibrary, options: CRuntimeOptions) {
    this.name = name;
    this.device = device;
    this.#library = library;
    this.#options = options;
    const info = (memory: string, id: number) =>
      library.make(
        'CreateMemoryInfo',
        ['const char *', 'int', 'int', 'int'],
        memory,
        DEVICE_ALLOCATOR,
        id,
        DEFAULT_MEMORY,
      );
    this.#host = info('Cpu', 0);
    this.#memory = info(options.memory.name, options.memory.device);
    this.#runOptions = library.make('CreateRunOptions', []);
  }

  async open(graph: string | Uint8Array): Promise<DeviceSession> {
    const library = this.#library;
    const options = library.make('CreateSessionOptions', []);
    try {
      library.call('SetIntraOpNumThreads', [P, 'int'], options, this.#options.threads ?? 1);
      library.call('DisableMemPattern', [P], options);
      this.#options.provide(library, options);
      const session =
        typeof graph === 'string'
          ? library.make(
              'CreateSession',
              [P, process.platform === 'win32' ? 'str16' : 'const char *', P],
              library.env,
              graph,
              options,
            )
          : library.make('CreateSessionFromArray', [P, P, 'size_t', P], library.env, graph, graph.byteLength, options);
      this.#allocator ??= library.make('CreateAllocator', [P, P], session, this.#memory);
      return new CSession(library, session, { host: this.#host, runOptions: this.#runOptions });
    } catch (thrown) {
      throw openError(thrown);
    } finally {
      library.release('ReleaseSessionOptions', options);
    }
  }

  async allocate(shapes: readonly TensorShape[]): Promise<Record<string, DeviceTensor>> {
    const allocator = this.#allocator;
    if (allocator === undefined) throw new Error('memory is allocated for a session');
    const made: Record<string, CTensor> = {};
    try {
      for (const { name, shape } of shapes) {
        const sides = BigInt64Array.from(shape, BigInt);
        const value = this.#library.make(
          'CreateTensorAsOrtValue',
          [P, 'int64_t *', 'size_t', 'int'],
          allocator,
          sides,
          sides.length,
          ELEMENT.float32,
        );
        const bytes = 4 * shape.reduce((n, side) => n * side, 1);
        made[name] = new CTensor(value, bytes, this.life, this.#library);
      }
      return made;
    } catch (thrown) {
      for (const tensor of Object.values(made)) tensor.dispose();
      throw allocationError(thrown);
    }
  }

  async release(): Promise<void> {
    if (!this.life.open) return;
    this.life.open = false;
    if (this.#allocator) this.#library.release('ReleaseAllocator', this.#allocator);
    this.#library.release('ReleaseRunOptions', this.#runOptions);
    for (const info of [this.#memory, this.#host]) this.#library.release('ReleaseMemoryInfo', info);
  }
}

class CSession implements DeviceSession {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #library: OrtLibrary;
  readonly #session: Handle;
  readonly #binding: Handle;
  readonly #shared: { readonly host: Handle; readonly runOptions: Handle };

  constructor(library: OrtLibrary, session: Handle, shared: { host: Handle; runOptions: Handle }) {
    this.#library = library;
    this.#session = session;
    this.#shared = shared;
    this.#binding = library.make('CreateIoBinding', [P], session);
    this.inputs = borders(library, session, 'Input');
    this.outputs = borders(library, session, 'Output');
  }

  async run(
    feeds: Readonly<Record<string, HostTensor | DeviceTensor>>,
    fetches: Readonly<Record<string, HostTensor | DeviceTensor>>,
  ): Promise<void> {
    const library = this.#library;
    const values: Handle[] = [];
    const bind = (how: 'BindInput' | 'BindOutput', all: Readonly<Record<string, HostTensor | DeviceTensor>>) => {
      for (const name of Object.keys(all)) {
        const tensor = all[name]!;
        let value: Handle;
        if (isHost(tensor)) {
          value = this.#overArray(tensor);
          values.push(value);
        } else value = (tensor as CTensor).value;
        library.call(how, [P, 'const char *', P], this.#binding, name, value);
      }
    };
    try {
      bind('BindInput', feeds);
      bind('BindOutput', fetches);
      library.call('RunWithBinding', [P, P, P], this.#session, this.#shared.runOptions, this.#binding);
    } catch (thrown) {
      throw runError(thrown);
    } finally {
      // The arrays of this process are the caller's again.
      library.release('ClearBoundInputs', this.#binding);
      library.release('ClearBoundOutputs', this.#binding);
      for (const value of values) library.release('ReleaseValue', value);
    }
  }

  async release(): Promise<void> {
    this.#library.release('ReleaseIoBinding', this.#binding);
    this.#library.release('ReleaseSession', this.#session);
  }

  #overArray({ type, data, shape }: HostTensor): Handle {
    // A small array lies among JavaScript's objects, which move, until its buffer is asked for.
    void data.buffer;
    const sides = BigInt64Array.from(shape, BigInt);
    return this.#library.make(
      'CreateTensorWithDataAsOrtValue',
      [P, P, 'size_t', 'int64_t *', 'size_t', 'int'],
      this.#shared.host,
      data,
      data.byteLength,
      sides,
      sides.length,
      ELEMENT[type],
    );
  }
}

class CTensor implements DeviceTensor {
  readonly value: Handle;
  readonly bytes: number;
  readonly #life: { open: boolean };
  readonly #library: OrtLibrary;
  #disposed = false;

  constructor(value: Handle, bytes: number, life: { open: boolean }, library: OrtLibrary) {
    this.value = value;
    this.bytes = bytes;
    this.#life = life;
    this.#library = library;
  }

  dispose(): void {
    if (this.#disposed || !this.#life.open) return;
    this.#disposed = true;
    this.#library.release('ReleaseValue', this.value);
  }
}

/** Names, types and shapes of a session's inputs or outputs. */
function borders(library: OrtLibrary, session: Handle, side: 'Input' | 'Output'): TensorInfo[] {
  const allocator = library.make('GetAllocatorWithDefaultOptions', []);
  const count = library.read(`SessionGet${side}Count`, 'size_t', session);
  return Array.from({ length: count }, (_, i) => {
    const text = library.make(`SessionGet${side}Name`, [P, 'size_t', P], session, i, allocator);
    const name = koffi.decode(text, 'char', -1) as string;
    library.call('AllocatorFree', [P, P], allocator, text);
    const info = library.make(`SessionGet${side}TypeInfo`, [P, 'size_t'], session, i);
    const tensor = library.make('CastTypeInfoToTensorInfo', [P], info);
    const type = ELEMENT_NAMES.get(library.read('GetTensorElementType', 'int', tensor)) ?? 'unknown';
    const rank = library.read('GetDimensionsCount', 'size_t', tensor);
    const sides = new BigInt64Array(rank);
    library.call('GetDimensions', [P, '_Out_ int64_t *', 'size_t'], tensor, sides, rank);
    const names = new Array<string | null>(rank).fill(null);
    library.call('GetSymbolicDimensions', [P, '_Out_ const char **', 'size_t'], tensor, names, rank);
    library.release('ReleaseTypeInfo', info);
    return {
      name,
      type,
      shape: Array.from(sides, (length, axis) => (length < 0n ? (names[axis] ?? '') : Number(length))),
    };
  });
}
