import { bad } from './file.ts';
import type { ElementType } from './tensor.ts';

/**
 * A reader for the pickles of PyTorch state dicts. It is not an unpickler: there is no way to name, build or call
 * anything but the four things below, which become plain data. Every other global and every opcode that state
 * dicts do not need is refused by name.
 *
 * Opcodes: Python's Lib/pickletools.py; protocol 2 and 3, which torch.save writes.
 */
export type Pickled =
  | null
  | boolean
  | number
  | string
  | Tuple
  | readonly Pickled[]
  | ReadonlyMap<Pickled, Pickled>
  | Global
  | StorageRef
  | TensorRef;

export class Tuple {
  readonly items: readonly Pickled[];
  constructor(items: readonly Pickled[]) {
    this.items = items;
  }
}

class Global {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A persistent id ('storage', torch.XStorage, key, location, elements). */
export class StorageRef {
  readonly type: ElementType;
  readonly key: string;
  readonly elements: number;
  constructor(type: ElementType, key: string, elements: number) {
    this.type = type;
    this.key = key;
    this.elements = elements;
  }
}

/** What torch._utils._rebuild_tensor_v2 would make. Nothing in it has been checked against the storage yet. */
export class TensorRef {
  readonly storage: StorageRef;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: StorageRef, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

const STORAGE_TYPES: ReadonlyMap<string, ElementType> = new Map([
  ['torch.FloatStorage', 'f32'],
  ['torch.HalfStorage', 'f16'],
  ['torch.BFloat16Storage', 'bf16'],
  ['torch.DoubleStorage', 'f64'],
  ['torch.LongStorage', 'i64'],
  ['torch.IntStorage', 'i32'],
  ['torch.ShortStorage', 'i16'],
  ['torch.CharStorage', 'i8'],
  ['torch.ByteStorage', 'u8'],
  ['torch.BoolStorage', 'bool'],
]);

const MAX_STACK = 100_000;
const MAX_MEMO = 2_000_000;
const MAX_GLOBAL_NAME = 200;

export function readPickle(bytes: Buffer): Pickled {
  return new PickleReader(bytes).run();
}

class PickleReader {
  /** The opcodes of pickletools.py that state dicts need; STOP is handled in run. */
  static readonly #opcodes: ReadonlyMap<number, (reader: PickleReader) => void> = new Map([
    [0x80, (r) => r.#protocol()],
    [0x28, (r) => r.#mark()],
    [0x4e, (r) => r.#push(null)], // NONE
    [0x88, (r) => r.#push(true)], // NEWTRUE
    [0x89, (r) => r.#push(false)], // NEWFALSE
    [0x4b, (r) => r.#push(r.#unsigned(1))], // BININT1
    [0x4d, (r) => r.#push(r.#unsigned(2))], // BININT2
    [0x4a, (r) => r.#push(r.#take(4).readInt32LE())], // BININT
    [0x8a, (r) => r.#push(r.#long(r.#unsigned(1)))], // LONG1
    [0x47, (r) => r.#push(r.#take(8).readDoubleBE())], // BINFLOAT
    [0x58, (r) => r.#push(r.#take(r.#unsigned(4)).toString('utf8'))], // BINUNICODE
    [0x29, (r) => r.#push(new Tuple([]))], // EMPTY_TUPLE
    [0x85, (r) => r.#push(new Tuple(r.#popMany(1)))], // TUPLE1
    [0x86, (r) => r.#push(new Tuple(r.#popMany(2)))], // TUPLE2
    [0x87, (r) => r.#push(new Tuple(r.#popMany(3)))], // TUPLE3
    [0x74, (r) => r.#push(new Tuple(r.#popToMark()))], // TUPLE
    [0x5d, (r) => r.#push([])], // EMPTY_LIST
    [0x61, (r) => r.#append([r.#pop()])], // APPEND
    [0x65, (r) => r.#append(r.#popToMark())], // APPENDS
    [0x7d, (r) => r.#push(new Map())], // EMPTY_DICT
    [0x73, (r) => r.#setItems(r.#popMany(2))], // SETITEM
    [0x75, (r) => r.#setItems(r.#popToMark())], // SETITEMS
    [0x71, (r) => r.#memoise(r.#unsigned(1))], // BINPUT
    [0x72, (r) => r.#memoise(r.#unsigned(4))], // LONG_BINPUT
    [0x68, (r) => r.#recall(r.#unsigned(1))], // BINGET
    [0x6a, (r) => r.#recall(r.#unsigned(4))], // LONG_BINGET
    [0x63, (r) => r.#push(new Global(`${r.#line()}.${r.#line()}`))], // GLOBAL
    [0x51, (r) => r.#push(storageRef(r.#pop()))], // BINPERSID
    [0x52, (r) => r.#reduce()],
    [0x62, (r) => r.#build()],
  ]);

  readonly #bytes: Buffer;
  #at = 0;
  readonly #stack: Pickled[] = [];
  /** Stack heights at the open MARKs. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Pickled>();

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  run(): Pickled {
    for (;;) {
      const opcode = this.#unsigned(1);
      if (opcode === 0x2e) {
        const result = this.#pop();
        if (this.#stack.length > 0) throw bad('the pickle leaves values behind');
        return result;
      }
      const execute = PickleReader.#opcodes.get(opcode);
      if (!execute) throw bad(`pickle opcode 0x${opcode.toString(16)} at byte ${this.#at - 1} is not allowed`);
      execute(this);
      if (this.#stack.length > MAX_STACK) throw bad('the pickle nests too deep');
    }
  }

  #protocol(): void {
    const protocol = this.#unsigned(1);
    if (protocol > 3) throw bad(`the pickle has protocol ${protocol}; torch.save writes 2`);
  }

  #mark(): void {
    this.#marks.push(this.#stack.length);
    if (this.#marks.length > MAX_STACK) throw bad('the pickle nests too deep');
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw bad('the pickle ends too early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #unsigned(length: number): number {
    return this.#take(length).readUIntLE(0, length);
  }

  #long(length: number): number {
    if (length > 8) throw bad('the pickle holds a number of more than 64 bits');
    if (length === 0) return 0;
    const bytes = this.#take(length);
    const value = Number(
      BigInt.asIntN(
        8 * length,
        bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n),
      ),
    );
    if (!Number.isSafeInteger(value)) throw bad('the pickle holds a number of more than 53 bits');
    return value;
  }

  #line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end < 0 || end - this.#at > MAX_GLOBAL_NAME) throw bad('the pickle names a global without end');
    const line = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return line;
  }

  #push(value: Pickled): void {
    this.#stack.push(value);
  }

  #popMany(count: number): Pickled[] {
    const floor = this.#marks.at(-1) ?? 0;
    if (this.#stack.length - floor < count) throw bad('the pickle takes more values than it has');
    return this.#stack.splice(this.#stack.length - count);
  }

  #pop(): Pickled {
    return this.#popMany(1)[0]!;
  }

  #popToMark(): Pickled[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw bad('the pickle closes a group that it did not open');
    return this.#stack.splice(mark);
  }

  /** The value that an APPEND or SETITEM fills, which stays on the stack. */
  #top(): Pickled {
    const top = this.#pop();
    this.#push(top);
    return top;
  }

  #append(items: readonly Pickled[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw bad('the pickle appends to something that is no list');
    for (const item of items) list.push(item);
  }

  #setItems(items: readonly Pickled[]): void {
    const map = this.#top();
    if (!(map instanceof Map) || items.length % 2 !== 0)
      throw bad('the pickle sets items of something that is no dict');
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  }

  #memoise(index: number): void {
    if (this.#memo.size >= MAX_MEMO) throw bad('the pickle remembers too many values');
    this.#memo.set(index, this.#top());
  }

  #recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw bad('the pickle recalls a value that it did not remember');
    this.#push(value);
  }

  #reduce(): void {
    const [callable, args] = this.#popMany(2);
    if (!(callable instanceof Global) || !(args instanceof Tuple))
      throw bad('the pickle calls something that is no global');
    this.#push(rebuild(callable.name, args.items));
  }

  /** An OrderedDict's attributes (`_metadata` of a state dict) carry nothing that is needed. */
  #build(): void {
    this.#pop();
    if (!(this.#top() instanceof Map)) throw bad('the pickle sets attributes of something that is no dict');
  }
}

function rebuild(name: string, args: readonly Pickled[]): Pickled {
  switch (name) {
    case 'collections.OrderedDict':
      if (args.length > 0) throw bad('OrderedDict with arguments');
      return new Map();
    case 'torch._utils._rebuild_tensor_v2': {
      const [storage, offset, shape, strides] = args;
      if (!(storage instanceof StorageRef) || typeof offset !== 'number') throw bad('a tensor without a storage');
      return new TensorRef(storage, offset, numbers(shape), numbers(strides));
    }
    case 'torch._utils._rebuild_parameter':
      if (!(args[0] instanceof TensorRef)) throw bad('a parameter without a tensor');
      return args[0];
    default:
      throw bad(`pickle global ${name} is not allowed; save the tensors alone: torch.save(model.state_dict(), path)`);
  }
}

function storageRef(id: Pickled): StorageRef {
  const [kind, type, key, , elements] = id instanceof Tuple ? id.items : [];
  if (kind !== 'storage' || !(type instanceof Global) || typeof key !== 'string' || typeof elements !== 'number')
    throw bad('the pickle holds a persistent id that is no storage');
  const elementType = STORAGE_TYPES.get(type.name);
  if (!elementType) throw bad(`storages of type ${type.name} are not supported`);
  return new StorageRef(elementType, key, elements);
}

function numbers(value: Pickled | undefined): number[] {
  const items = value instanceof Tuple ? value.items : [];
  if (!(value instanceof Tuple) || !items.every((n) => typeof n === 'number')) throw bad('a tensor without a shape');
  return items as number[];
}
