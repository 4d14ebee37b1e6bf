import { readFileSync } from 'node:fs';
import { Checkpoint } from '../../../src/model/checkpoint/checkpoint.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { ScratchFile } from './scratch-file.ts';

const vector = (name: string): Buffer => readFileSync(new URL(`../../vectors/checkpoint/${name}`, import.meta.url));
const VALID = ['torch.pth', 'wrapped.pth', 'torch.safetensors'].map(vector);
let file: ScratchFile;

export default defineTarget({
  name: 'checkpoint',
  about: '.pth and .safetensors files: names, shapes and values',
  inputs: () => damagedBytes(VALID),
  open: () => {
    file = new ScratchFile('weights');
  },
  read: (bytes) => {
    const checkpoint = Checkpoint.open(file.write(bytes));
    try {
      for (const name of checkpoint.tensors.keys()) checkpoint.read(name);
    } finally {
      checkpoint.close();
    }
  },
  close: () => file.remove(),
});
