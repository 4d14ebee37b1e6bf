import { CheckpointFile } from '../../../src/model/checkpoint/file.ts';
import { readPickle } from '../../../src/model/checkpoint/pickle.ts';
import { readMember, readZip } from '../../../src/model/checkpoint/zip.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';

/** The pickles inside the checkpoints: damaged there, the archive's checksum would stop most of them. */
const PICKLES = ['torch.pth', 'wrapped.pth'].map((name) => {
  const file = new CheckpointFile(new URL(`../../vectors/checkpoint/${name}`, import.meta.url).pathname);
  const pickle = [...readZip(file).values()].find((member) => member.name.endsWith('data.pkl'))!;
  const bytes = readMember(file, pickle, 1 << 20);
  file.close();
  return bytes;
});

export default defineTarget({
  name: 'pickle',
  about: 'the pickles inside .pth files',
  inputs: () => damagedBytes(PICKLES),
  read: (bytes) => readPickle(bytes),
});
