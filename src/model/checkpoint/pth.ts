import { bad, type CheckpointFile } from './file.ts';
import { type Pickled, readPickle, type StorageRef, TensorRef } from './pickle.ts';
import { elementBytes, placeTensor, type TensorPlace, type TensorStorage } from './tensor.ts';
import { readMember, readZip, type ZipMember } from './zip.ts';

/** A state dict's pickle holds names and shapes only: 100 kB for Video Depth Anything's large model. */
const MAX_PICKLE_BYTES = 32 * 2 ** 20;
/** Keys under which training code keeps the state dict. */
const WRAPPERS = ['state_dict', 'model'];

/**
 * Finds the tensors of a checkpoint written by torch.save (PyTorch 1.6 and later: a zip archive with `data.pkl`
 * and one `data/KEY` member per storage).
 */
export function readPth(file: CheckpointFile): Map<string, TensorPlace> {
  const members = readZip(file);
  const pickles = [...members.keys()].filter((name) => name === 'data.pkl' || name.endsWith('/data.pkl'));
  if (pickles.length !== 1) throw bad('the archive holds no data.pkl: it was not written by torch.save');
  const folder = pickles[0]!.slice(0, -'data.pkl'.length);
  const order = members.get(`${folder}byteorder`);
  if (order && readMember(file, order, 16).toString('latin1') !== 'little') throw bad('the tensors are big-endian');
  const root = readPickle(readMember(file, members.get(pickles[0]!)!, MAX_PICKLE_BYTES));

  const tensors = new Map<string, TensorPlace>();
  for (const [name, value] of stateDict(root)) {
    if (!(value instanceof TensorRef)) continue;
    if (typeof name !== 'string') throw bad('the state dict has a key that is no string');
    const storage = findStorage(value.storage, members.get(`${folder}data/${value.storage.key}`));
    tensors.set(name, placeTensor(name, storage, value.offset, value.shape, value.strides));
  }
  return tensors;
}

function stateDict(root: Pickled): ReadonlyMap<Pickled, Pickled> {
  if (!(root instanceof Map)) throw bad('the checkpoint is no state dict');
  if ([...root.values()].some((value) => value instanceof TensorRef)) return root;
  for (const key of WRAPPERS) {
    const inner = root.get(key);
    if (inner instanceof Map) return inner;
  }
  throw bad('the checkpoint holds no tensors');
}

function findStorage({ type, key, elements }: StorageRef, member: ZipMember | undefined): TensorStorage {
  if (!member) throw bad(`storage ${key} is missing`);
  if (!(elements >= 0) || elements * elementBytes(type) !== member.size)
    throw bad(`storage ${key} holds ${member.size} bytes, not ${elements} elements of ${type}`);
  return { type, position: member.position, elements };
}
