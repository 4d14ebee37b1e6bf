import { readdirSync, readFileSync } from 'node:fs';
import { DepthcastError } from '../../errors.ts';
import { zerosGraph } from '../../model/graph/state-graphs.ts';
import type { EngineProvider, PrepareOptions } from '../engine.ts';
import { deviceProvider } from './device-provider.ts';
import type { DeviceRuntime } from './device-runtime.ts';
import { CRuntime } from './ort/c-runtime.ts';
import { type Handle, OrtLibrary } from './ort/library.ts';
import { hasProvider } from './present.ts';

const P = 'void *';
const WHAT = {
  cuda: [
    'CreateCUDAProviderOptions',
    'UpdateCUDAProviderOptions',
    'SessionOptionsAppendExecutionProvider_CUDA_V2',
    'ReleaseCUDAProviderOptions',
  ],
  tensorrt: [
    'CreateTensorRTProviderOptions',
    'UpdateTensorRTProviderOptions',
    'SessionOptionsAppendExecutionProvider_TensorRT_V2',
    'ReleaseTensorRTProviderOptions',
  ],
} as const;
const INSTALL =
  "it needs an NVIDIA driver, CUDA 12, cuDNN 9 and onnxruntime's CUDA provider: node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12, or depth.onnxruntimeLibrary (docs/devices.md)";

/** CUDA, with TensorRT in front where its provider is there. Not onnxruntime-node's binding, which brings states back each frame. */
export const cudaProvider: EngineProvider = deviceProvider('cuda', open);

/** @throws DepthcastError DEVICE_UNAVAILABLE */
async function open({ deviceIndex = 0, onnxruntime: path }: PrepareOptions): Promise<DeviceRuntime> {
  const library = OrtLibrary.open(path);
  if (!hasProvider(library.path, 'cuda'))
    throw new DepthcastError('DEVICE_UNAVAILABLE', {
      detail: `cuda: there is no CUDA provider beside ${library.path}; ${INSTALL}`,
    });
  const tensorrt = hasProvider(library.path, 'tensorrt') && appends(library, 'tensorrt', deviceIndex);
  const device = `${tensorrt ? 'TensorRT' : 'CUDA'}, ${nvidiaName(deviceIndex)}`;
  const runtime = new CRuntime('cuda', device, library, {
    memory: { name: 'Cuda', device: deviceIndex },
    provide(_, options) {
      if (tensorrt) append(library, options, 'tensorrt', deviceIndex);
      append(library, options, 'cuda', deviceIndex);
    },
  });
  try {
    const probe = await runtime.open(zerosGraph(1));
    await probe.release();
    return runtime;
  } catch (thrown) {
    await runtime.release();
    const detail = `cuda: ${(thrown as Error).message.split('\n')[0]}; ${INSTALL}`;
    throw new DepthcastError('DEVICE_UNAVAILABLE', { detail, cause: thrown });
  }
}

function append(library: OrtLibrary, session: Handle, provider: 'cuda' | 'tensorrt', device: number): void {
  const [create, update, add, release] = WHAT[provider];
  const options = library.make(create, []);
  try {
    library.call(update, [P, 'const char **', 'const char **', 'size_t'], options, ['device_id'], [String(device)], 1);
    library.call(add, [P, P], session, options);
  } finally {
    library.release(release, options);
  }
}

function appends(library: OrtLibrary, provider: 'cuda' | 'tensorrt', device: number): boolean {
  const options = library.make('CreateSessionOptions', []);
  try {
    append(library, options, provider, device);
    return true;
  } catch {
    return false;
  } finally {
    library.release('ReleaseSessionOptions', options);
  }
}

function nvidiaName(device: number): string {
  const folder = '/proc/driver/nvidia/gpus';
  try {
    const card = readdirSync(folder).sort()[device];
    const model = /Model:\s*(.+)/.exec(readFileSync(`${folder}/${card}/information`, 'utf8'))?.[1];
    if (model) return model.trim();
  } catch {
    // Not Linux, or no driver.
  }
  return `device ${device}`;
}
