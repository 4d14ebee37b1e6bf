/** Depth maps enlarged along the edges of their pictures, on the GPU of the page. */
export { WebGl2Upsampler } from './webgl2.ts';
