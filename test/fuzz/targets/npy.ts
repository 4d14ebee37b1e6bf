import { NpyFile } from '../../../src/model/npy.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { ScratchFile } from './scratch-file.ts';

function npy(shape: string, values: number, version = 1): Buffer {
  const header = Buffer.from(
    `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117).concat('\n'),
  );
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  return Buffer.concat([
    Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1'),
    length,
    header,
    Buffer.alloc(4 * values, 63),
  ]);
}
const VALID = [npy('2, 3, 4', 24), npy('5,', 5), npy('3, 4', 12, 2)];
let file: ScratchFile;

export default defineTarget({
  name: 'npy',
  about: '.npy arrays',
  inputs: () => damagedBytes(VALID),
  open: () => {
    file = new ScratchFile('array.npy');
  },
  read: (bytes) => {
    const array = new NpyFile(file.write(bytes));
    try {
      array.item(0);
    } finally {
      array.close();
    }
  },
  close: () => file.remove(),
});
