/** Depth maps enlarged along the edges of their pictures, on the GPU of the page. */
export type { Upsampling } from '../../../src/protocol/output.ts';
export type { Size } from './filter.ts';
export { WebGl2Upsampler } from './webgl2.ts';
export { WebGpuUpsampler } from './webgpu.ts';
