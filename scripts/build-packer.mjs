// npm run build:packer [-- --to FILE]: builds src/sinks/packer.wasm (payloads of depth packets) from native/packer.
import { buildWasm } from './lib-wasm.mjs';

// 64 MiB: maps of half a million pixels, with room to spare.
buildWasm({ name: 'packer', output: 'src/sinks/packer.wasm', maxMemory: 64 * 2 ** 20 });
