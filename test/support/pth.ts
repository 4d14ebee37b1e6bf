import { crc32 } from 'node:zlib';

/** Writes archives in the form of torch.save, whole or broken on purpose. */

export interface ZipEntry {
  name: string;
  data: Uint8Array;
  /** Compression method to claim; 0 = stored. */
  method?: number;
  /** Uncompressed size to claim. */
  claimedSize?: number;
}

/** A zip archive of stored members; `zip64` puts every size and offset into zip64 fields. */
export function zip(entries: readonly ZipEntry[], { zip64 = false } = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  const put = (bytes: Buffer) => {
    parts.push(bytes);
    at += bytes.length;
  };
  for (const { name, data, method = 0, claimedSize = data.length } of entries) {
    const label = Buffer.from(name);
    const crc = crc32(data);
    const extra = zip64 ? u(2, 1, 2, 24, 8, claimedSize, 8, data.length, 8, at) : Buffer.alloc(0);
    const sizes = zip64 ? u(4, 0xffffffff, 4, 0xffffffff) : u(4, data.length, 4, claimedSize);
    const common = Buffer.concat([u(2, 45, 2, 0, 2, method, 4, 0, 4, crc), sizes, u(2, label.length)]);
    directory.push(
      Buffer.concat([
        u(4, 0x02014b50, 2, 45),
        common,
        u(2, extra.length, 2, 0, 2, 0, 2, 0, 4, 0, 4, zip64 ? 0xffffffff : at),
        label,
        extra,
      ]),
    );
    put(Buffer.concat([u(4, 0x04034b50), common, u(2, 0), label]));
    put(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  const offset = at;
  for (const entry of directory) put(entry);
  const size = at - offset;
  const count = entries.length;
  if (zip64) {
    const record = at;
    put(u(4, 0x06064b50, 8, 44, 2, 45, 2, 45, 4, 0, 4, 0, 8, count, 8, count, 8, size, 8, offset));
    put(u(4, 0x07064b50, 4, 0, 8, record, 4, 1));
    put(u(4, 0x06054b50, 2, 0, 2, 0, 2, 0xffff, 2, 0xffff, 4, 0xffffffff, 4, 0xffffffff, 2, 0));
  } else put(u(4, 0x06054b50, 2, 0, 2, 0, 2, count, 2, count, 4, size, 4, offset, 2, 0));
  return Buffer.concat(parts);
}

/** Little-endian unsigned integers, given as width, value, width, value, .. */
function u(...pairs: number[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(pairs[i + 1]!));
    parts.push(bytes.subarray(0, pairs[i]!));
  }
  return Buffer.concat(parts);
}

/** Pickle fragments; join them with Buffer.concat. */
export const pickle = {
  start: Buffer.of(0x80, 2),
  stop: Buffer.from('.'),
  mark: Buffer.from('('),
  tuple: Buffer.from('t'),
  setItems: Buffer.from('u'),
  reduce: Buffer.from('R'),
  emptyTuple: Buffer.from(')'),
  emptyDict: Buffer.from('}'),
  persistentId: Buffer.from('Q'),
  none: Buffer.from('N'),
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  text: (text: string) => Buffer.concat([Buffer.from('X'), u(4, Buffer.byteLength(text)), Buffer.from(text)]),
  int: (value: number) => {
    if (value >= -(2 ** 31) && value < 2 ** 31) {
      const bytes = Buffer.alloc(5);
      bytes.write('J');
      bytes.writeInt32LE(value, 1);
      return bytes;
    }
    const bytes = Buffer.alloc(10);
    bytes.set([0x8a, 8]);
    bytes.writeBigInt64LE(BigInt(value), 2);
    return bytes;
  },
};

export interface PickledTensor {
  /** Storage type without `torch.`; FloatStorage by default. */
  storage?: string;
  key: string;
  elements: number;
  offset?: number;
  shape: readonly number[];
  strides: readonly number[];
}

const ints = (values: readonly number[]) => Buffer.concat([pickle.mark, ...values.map(pickle.int), pickle.tuple]);

export function pickledTensor({
  storage = 'FloatStorage',
  key,
  elements,
  offset = 0,
  shape,
  strides,
}: PickledTensor): Buffer {
  const { mark, tuple, reduce, emptyTuple, persistentId, global, text, int } = pickle;
  const id = [
    mark,
    text('storage'),
    global('torch', storage),
    text(key),
    text('cpu'),
    int(elements),
    tuple,
    persistentId,
  ];
  const hooks = [global('collections', 'OrderedDict'), emptyTuple, reduce];
  const args = [mark, ...id, int(offset), ints(shape), ints(strides), Buffer.of(0x89), ...hooks, tuple];
  return Buffer.concat([global('torch._utils', '_rebuild_tensor_v2'), ...args, reduce]);
}

/** The pickle of a dict from names to pickled values. */
export function pickledDict(values: Record<string, Buffer>): Buffer {
  const items = Object.entries(values).flatMap(([name, value]) => [pickle.text(name), value]);
  return Buffer.concat([pickle.start, pickle.emptyDict, pickle.mark, ...items, pickle.setItems, pickle.stop]);
}

/** The archive of a state dict whose pickle is given. */
export function pth(dataPkl: Uint8Array, storages: Record<string, Uint8Array> = {}, options = {}): Buffer {
  const entries = Object.entries(storages).map(([key, data]) => ({ name: `archive/data/${key}`, data }));
  const version = { name: 'archive/version', data: Buffer.from('3\n') };
  return zip([{ name: 'archive/data.pkl', data: dataPkl }, version, ...entries], options);
}
