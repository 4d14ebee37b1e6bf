// npm run build:upsampler [-- --to FILE]: builds src/video/upsampler.wasm (depth enlarged along its picture's edges) from native/upsampler.
import { buildWasm } from './lib-wasm.mjs';

// 512 MiB: pictures of 4096x4096 as floats, with room to spare.
buildWasm({ name: 'upsampler', output: 'src/video/upsampler.wasm', maxMemory: 512 * 2 ** 20 });
