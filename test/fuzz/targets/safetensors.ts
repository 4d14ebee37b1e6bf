import fc from 'fast-check';
import { Checkpoint } from '../../../src/model/checkpoint/checkpoint.ts';
import { damagedJson } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { ScratchFile } from './scratch-file.ts';

const HEADERS = [
  {
    a: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
    b: { dtype: 'F16', shape: [4], data_offsets: [24, 32] },
  },
  { __metadata__: { format: 'pt' }, w: { dtype: 'BF16', shape: [], data_offsets: [0, 2] } },
  { e: { dtype: 'F64', shape: [0, 7], data_offsets: [0, 0] }, f: { dtype: 'I64', shape: [4], data_offsets: [0, 32] } },
];
let file: ScratchFile;

export default defineTarget({
  name: 'safetensors',
  about: 'headers of .safetensors files',
  inputs: () => fc.tuple(damagedJson(HEADERS), fc.integer({ min: -1, max: 20 })),
  open: () => {
    file = new ScratchFile('weights.safetensors');
  },
  read: ([header, lie]) => {
    const text = Buffer.from(header);
    const length = Buffer.alloc(8);
    length.writeUInt32LE(Math.max(0, text.length + (lie > 10 ? 0 : lie)));
    const checkpoint = Checkpoint.open(file.write(Buffer.concat([length, text, Buffer.alloc(32, 1)])));
    try {
      for (const name of checkpoint.tensors.keys()) checkpoint.read(name);
    } finally {
      checkpoint.close();
    }
  },
  close: () => file.remove(),
});
