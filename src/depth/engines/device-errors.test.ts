import { expect, it } from 'vitest';
import { DepthcastError } from '../../errors.ts';
import { allocationError, openError, runError } from './device-errors.ts';

const code = (error: unknown) => (error instanceof DepthcastError ? error.code : 'as it is');

// As onnxruntime 1.30 says them on software Vulkan, and as CUDA's headers and onnxruntime's sources have them.
it.each([
  ['[Device] is lost.', 'DEVICE_LOST', 'DEVICE_LOST', 'DEVICE_LOST'],
  ['vkQueueSubmit failed with VK_ERROR_DEVICE_LOST', 'DEVICE_LOST', 'DEVICE_LOST', 'DEVICE_LOST'],
  ['CUDA failure 700: an illegal memory access was encountered', 'DEVICE_LOST', 'DEVICE_LOST', 'DEVICE_LOST'],
  ['CUDA failure 2: out of memory ; GPU=0', 'DEVICE_LOST', 'DEVICE_UNAVAILABLE', 'BUSY'],
  ['vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY', 'DEVICE_LOST', 'DEVICE_UNAVAILABLE', 'BUSY'],
  ['Failed to allocate memory for requested buffer of size 1610612736', 'DEVICE_LOST', 'DEVICE_UNAVAILABLE', 'BUSY'],
  ['[Invalid Buffer (unlabeled)] is invalid due to a previous error.', 'DEVICE_LOST', 'DEVICE_UNAVAILABLE', 'BUSY'],
  ['Buffer size (3221225472) exceeds the max buffer size limit', 'DEVICE_LOST', 'DEVICE_UNAVAILABLE', 'BUSY'],
  ['Program Cast requires f16 but the device does not support it.', 'DEVICE_UNAVAILABLE', 'as it is', 'BUSY'],
  ['Got invalid dimensions for input: image', 'as it is', 'as it is', 'BUSY'],
])('%s: in a run %s, loading a network %s, making room for a stream %s', (message, run, open, allocation) => {
  const thrown = new Error(message);
  expect([code(runError(thrown)), code(openError(thrown)), code(allocationError(thrown))]).toEqual([
    run,
    open,
    allocation,
  ]);
});

it('keeps the code of an error that has one', () => {
  const given = new DepthcastError('DEVICE_LOST', { detail: 'by another thread' });
  expect([runError(given), openError(given), allocationError(given)].map(code)).toEqual(Array(3).fill('DEVICE_LOST'));
});
