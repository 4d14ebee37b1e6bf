import { DepthcastError } from '../../errors.ts';

/**
 * What a lost device is called: by Dawn in WebGPU's terms, by the driver in Vulkan's, D3D12's or Metal's; and CUDA's errors
 * after which no call of the process's context works.
 */
const LOST =
  /device\]?\s*(was|is|has been)?\s*lost|DEVICE_LOST|DEVICE_REMOVED|DEVICE_HUNG|CUDA_ERROR_(?!OUT_OF_MEMORY)|CUDA failure (100|214|700|702|710|719|999)\b|illegal memory access|unspecified launch failure/i;
/** Memory that is full: by drivers, by onnxruntime's allocator, by WebGPU's limits. */
const FULL =
  /out.of.memory|OUT_OF_(DEVICE|HOST)_MEMORY|CUDA failure 2\b|failed to allocate memory|smaller than requested bytes|\[Invalid Buffer|max buffer size/i;
/** Half precision that the device does not have: by WebGPU's provider when it makes a shader. */
const NO_HALF = /requires f16 but the device does not support/i;
const MAX_DETAIL = 300;
const RETRY_SECONDS = 10;

/** DEVICE_LOST for what says so, full memory in the middle of a run included; anything else as it is. */
export function runError(thrown: unknown): unknown {
  if (thrown instanceof DepthcastError) return thrown;
  const message = textOf(thrown);
  if (NO_HALF.test(message)) return failed('DEVICE_UNAVAILABLE', 'it has no 16-bit floats: use fp32', thrown);
  return LOST.test(message) || FULL.test(message) ? failed('DEVICE_LOST', message, thrown) : thrown;
}

/** DEVICE_UNAVAILABLE where a network does not fit in what memory is left. */
export function openError(thrown: unknown): unknown {
  if (thrown instanceof DepthcastError) return thrown;
  const message = textOf(thrown);
  if (LOST.test(message)) return failed('DEVICE_LOST', message, thrown);
  return FULL.test(message) ? failed('DEVICE_UNAVAILABLE', `its memory is full: ${message}`, thrown) : thrown;
}

/** BUSY: the others on the device go on, and leave memory when they end. Nothing else can go wrong with an allocation. */
export function allocationError(thrown: unknown): DepthcastError {
  if (thrown instanceof DepthcastError) return thrown;
  const message = textOf(thrown);
  if (LOST.test(message)) return failed('DEVICE_LOST', message, thrown);
  return failed('BUSY', `the device's memory is full: ${message}`, thrown);
}

const textOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

function failed(code: 'DEVICE_LOST' | 'DEVICE_UNAVAILABLE' | 'BUSY', message: string, cause: unknown): DepthcastError {
  const detail = message.slice(0, MAX_DETAIL);
  return new DepthcastError(code, { detail, cause, ...(code === 'BUSY' && { retryAfter: RETRY_SECONDS }) });
}
