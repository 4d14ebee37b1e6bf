import { bad, type CheckpointFile } from './file.ts';
import { type Pickled, readPickle, type StorageRef, TensorRef } from './pickle.ts';
import { prefixesOf } from './prefix.ts';
import { elementBytes, placeTensor, type TensorPlace, type TensorStorage } from './tensor.ts';
import { readMember, readZip, type ZipMember } from './zip.ts';

/** A state dict's pickle holds names and shapes only: 100 kB for Video Depth Anything's large model. */
const MAX_PICKLE_BYTES = 32 * 2 ** 20;
/** Keys under which training code keeps the state dict, the likelier first. */
const WRAPPERS = ['state_dict', 'model', 'model_state_dict', 'module', 'network', 'net', 'weights', 'params'];
/** Dictionaries within dictionaries that are looked through. */
const MAX_LEVELS = 3;

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

type Dictionary = ReadonlyMap<Pickled, Pickled>;

/** The dictionary of tensors that holds the network: the outermost, and of several side by side the one that is usual. */
function stateDict(root: Pickled): Dictionary {
  if (!(root instanceof Map)) throw bad('the checkpoint is no state dict; save model.state_dict()');
  const found = dictionaries(root).filter(({ dictionary }) => holdsTensors(dictionary));
  const networks = found.filter(({ dictionary }) => prefixesOf(dictionary.keys()).length > 0);
  const among = networks.length > 0 ? networks : found;
  const rank = ({ key }: Found) => {
    const at = WRAPPERS.indexOf(String(key));
    return at < 0 ? WRAPPERS.length : at;
  };
  const level = Math.min(...among.map(({ level }) => level));
  const [best, other] = among.filter((one) => one.level === level).sort((a, b) => rank(a) - rank(b));
  if (best === undefined) throw bad('the checkpoint holds no tensors');
  if (other && networks.length > 0 && rank(best) === rank(other))
    throw bad(
      `it holds several networks ("${String(best.key)}", "${String(other.key)}"); save the one that is to run alone`,
    );
  return best.dictionary;
}

/** A dictionary and those within it, each once. */
function dictionaries(root: Dictionary): Found[] {
  const found: Found[] = [{ dictionary: root, level: 0, key: null }];
  const seen = new Set<Dictionary>([root]);
  for (const { dictionary, level } of found)
    if (level < MAX_LEVELS)
      for (const [key, value] of dictionary)
        if (value instanceof Map && !seen.has(value)) {
          seen.add(value);
          found.push({ dictionary: value, level: level + 1, key });
        }
  return found;
}

interface Found {
  dictionary: Dictionary;
  level: number;
  key: Pickled;
}

const holdsTensors = (dictionary: Dictionary): boolean =>
  [...dictionary.values()].some((value) => value instanceof TensorRef);

function findStorage({ type, key, elements }: StorageRef, member: ZipMember | undefined): TensorStorage {
  if (!member) throw bad(`storage ${key} is missing`);
  if (!(elements >= 0) || elements * elementBytes(type) !== member.size)
    throw bad(`storage ${key} holds ${member.size} bytes, not ${elements} elements of ${type}`);
  return { type, position: member.position, elements };
}
