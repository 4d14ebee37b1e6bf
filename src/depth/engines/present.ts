import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

// What the disk shows of devices, before any driver is asked.

/** What names a Vulkan driver that is not among the system's. */
const DRIVERS = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'VK_ADD_DRIVER_FILES'];

/** Whether there is anything that could be one, by what the system shows; asking a driver may take seconds, or crash. */
export function mayHaveWebgpu(): boolean {
  if (process.platform !== 'linux') return true;
  if (DRIVERS.some((name) => process.env[name])) return true;
  const nodes = existsSync('/dev/dri') ? readdirSync('/dev/dri') : [];
  return nodes.some((name) => name.startsWith('renderD')) || existsSync('/dev/nvidia0');
}

/** Whether CUDA's provider and a device are there, by what the disk shows. */
export function mayHaveCuda(library = bundledLibrary()): boolean {
  if (!hasProvider(library, 'cuda')) return false;
  return process.platform !== 'linux' || existsSync('/dev/nvidia0') || existsSync('/dev/dxg');
}

/** Of onnxruntime-node's package. */
export function bundledLibrary(): string {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const name = { win32: 'onnxruntime.dll', darwin: 'libonnxruntime.1.dylib' }[process.platform as string];
  return join(root, 'bin', 'napi-v6', process.platform, process.arch, name ?? 'libonnxruntime.so.1');
}

/** Whether a provider's own library lies beside onnxruntime's. */
export function hasProvider(library: string, provider: 'cuda' | 'tensorrt'): boolean {
  const name = `onnxruntime_providers_${provider}`;
  return existsSync(join(dirname(library), process.platform === 'win32' ? `${name}.dll` : `lib${name}.so`));
}
