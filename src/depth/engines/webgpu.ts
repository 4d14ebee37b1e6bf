import { threadId } from 'node:worker_threads';
import { DepthcastError } from '../../errors.ts';
import type { EngineProvider, PrepareOptions } from '../engine.ts';
import { DeviceLock } from './device-lock.ts';
import { deviceProvider } from './device-provider.ts';
import { NodeRuntime } from './node-runtime.ts';

/** WebGPU as onnxruntime-node brings it: Vulkan on Linux, Metal on macOS, D3D12 on Windows; any vendor's device. */
export const webgpuProvider: EngineProvider = deviceProvider('webgpu', open);

/** @throws DepthcastError DEVICE_UNAVAILABLE, DEVICE_LOST */
async function open({ deviceIndex, shared }: PrepareOptions): Promise<NodeRuntime> {
  // Without it the driver's loader complains on the terminal.
  if (process.platform === 'linux') process.env['XDG_RUNTIME_DIR'] ??= '/tmp';
  const runtime = new NodeRuntime('webgpu', {
    deviceIndex,
    lock: shared && new DeviceLock(shared.lock, threadId + 1),
  });
  try {
    // The smallest of graphs: is there a device at all?
    const [memory] = Object.values(await runtime.allocate([{ name: 'probe', shape: [1] }]));
    memory!.dispose();
    return runtime;
  } catch (thrown) {
    await runtime.release();
    if (thrown instanceof DepthcastError && thrown.code === 'DEVICE_LOST') throw thrown;
    const why =
      thrown instanceof Error ? thrown.message.split('\n')[0]!.replace(/^.*was false\. ?/, '') : String(thrown);
    const detail = `webgpu: ${why}; install a Vulkan driver, as Mesa's or the GPU vendor's, or use --device cpu`;
    throw new DepthcastError('DEVICE_UNAVAILABLE', { detail, cause: thrown });
  }
}
