import koffi from 'koffi';
import { DepthcastError } from '../../../errors.ts';
import { bundledLibrary } from '../present.ts';

/** The C API that is asked for: of onnxruntime 1.17, the first that runs graphs of opset 20. */
const API_VERSION = 17;

/**
 * Places in the table of functions, OrtApi of onnxruntime_c_api.h. It only ever grows at its end, so that they hold for
 * every later library.
 */
const PLACES = {
  GetErrorMessage: 2,
  CreateEnv: 3,
  CreateSession: 7,
  CreateSessionFromArray: 8,
  CreateSessionOptions: 10,
  DisableMemPattern: 17,
  SetIntraOpNumThreads: 24,
  SessionGetInputCount: 30,
  SessionGetOutputCount: 31,
  SessionGetInputTypeInfo: 33,
  SessionGetOutputTypeInfo: 34,
  SessionGetInputName: 36,
  SessionGetOutputName: 37,
  CreateRunOptions: 39,
  CreateTensorAsOrtValue: 48,
  CreateTensorWithDataAsOrtValue: 49,
  CastTypeInfoToTensorInfo: 55,
  GetTensorElementType: 60,
  GetDimensionsCount: 61,
  GetDimensions: 62,
  GetSymbolicDimensions: 63,
  CreateMemoryInfo: 68,
  AllocatorFree: 76,
  GetAllocatorWithDefaultOptions: 78,
  ReleaseStatus: 93,
  ReleaseMemoryInfo: 94,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseRunOptions: 97,
  ReleaseTypeInfo: 98,
  ReleaseSessionOptions: 100,
  CreateAllocator: 131,
  ReleaseAllocator: 132,
  RunWithBinding: 133,
  CreateIoBinding: 134,
  ReleaseIoBinding: 135,
  BindInput: 136,
  BindOutput: 137,
  ClearBoundInputs: 141,
  ClearBoundOutputs: 142,
  SessionOptionsAppendExecutionProvider_TensorRT_V2: 170,
  CreateTensorRTProviderOptions: 171,
  UpdateTensorRTProviderOptions: 172,
  ReleaseTensorRTProviderOptions: 174,
  SessionOptionsAppendExecutionProvider_CUDA_V2: 204,
  CreateCUDAProviderOptions: 205,
  UpdateCUDAProviderOptions: 206,
  ReleaseCUDAProviderOptions: 208,
} as const;

type FunctionName = keyof typeof PLACES;
/** A pointer that the library gave out; nothing here looks behind it. */
export type Handle = object;

const P = 'void *';
const OUT = '_Out_ void **';

/** onnxruntime's shared library, called by its C API: what onnxruntime-node's binding lacks is IoBinding. */
export class OrtLibrary {
  readonly path: string;
  /** "1.30.0". */
  readonly version: string;
  readonly env: Handle;
  readonly #api: Handle;
  readonly #functions = new Map<string, (...args: unknown[]) => unknown>();

  private constructor(path: string, version: string, api: Handle) {
    this.path = path;
    this.version = version;
    this.#api = api;
    this.env = this.make('CreateEnv', ['int', 'const char *'], 3, 'depthcast');
  }

  /** @param path the library; that of onnxruntime-node when absent @throws DepthcastError DEVICE_UNAVAILABLE */
  static open(path = bundledLibrary()): OrtLibrary {
    const known = libraries.get(path);
    if (known) return known;
    try {
      const base = koffi.decode(koffi.load(path).func('void *OrtGetApiBase()')(), baseType()) as Record<string, Handle>;
      const version = call<string>(base['GetVersionString']!, 'const char *', [])();
      const api = call<Handle | null>(base['GetApi']!, P, ['uint32_t'])(API_VERSION);
      if (api === null) throw new Error(`it is onnxruntime ${version}; 1.${API_VERSION} or later is needed`);
      const library = new OrtLibrary(path, version, api);
      libraries.set(path, library);
      return library;
    } catch (thrown) {
      const detail = `${path}: ${(thrown as Error).message}; depth.onnxruntimeLibrary names onnxruntime's shared library`;
      throw new DepthcastError('DEVICE_UNAVAILABLE', { detail, cause: thrown });
    }
  }

  /** Calls a function that returns a status. @throws Error the library's message */
  call(name: FunctionName, types: readonly string[], ...args: unknown[]): void {
    const status = this.#function(name, P, types)(...args) as Handle | null;
    if (status === null) return;
    const message = this.#function('GetErrorMessage', 'const char *', [P])(status) as string;
    this.release('ReleaseStatus', status);
    throw new Error(message);
  }

  /** Calls a function whose last argument is a pointer that it fills. */
  make(name: FunctionName, types: readonly string[], ...args: unknown[]): Handle {
    const out: [Handle | null] = [null];
    this.call(name, [...types, OUT], ...args, out);
    return out[0]!;
  }

  /** Calls a function whose last argument is a number that it fills. */
  read(name: FunctionName, type: 'size_t' | 'int', ...args: unknown[]): number {
    const out: [number] = [0];
    this.call(name, [...args.map((arg) => (typeof arg === 'number' ? 'size_t' : P)), `_Out_ ${type} *`], ...args, out);
    return Number(out[0]);
  }

  release(name: FunctionName, handle: Handle): void {
    this.#function(name, 'void', [P])(handle);
  }

  #function(name: FunctionName, result: string, types: readonly string[]): (...args: unknown[]) => unknown {
    let known = this.#functions.get(name);
    if (known === undefined) {
      const pointer = koffi.decode(this.#api, PLACES[name] * koffi.sizeof(P), P) as Handle;
      known = call(pointer, result, types);
      this.#functions.set(name, known);
    }
    return known;
  }
}

const libraries = new Map<string, OrtLibrary>();
let base: ReturnType<typeof koffi.struct> | undefined;
const baseType = () => {
  base ??= koffi.struct('OrtApiBase', { GetApi: P, GetVersionString: P });
  return base;
};

let prototypes = 0;
const call = <R>(pointer: Handle, result: string, types: readonly string[]): ((...args: unknown[]) => R) =>
  koffi.decode(pointer, koffi.proto(`${result} ort_${prototypes++}(${types.join(', ')})`)) as (...args: unknown[]) => R;
