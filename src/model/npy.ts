import { DepthcastError } from '../errors.ts';
import { CheckpointFile } from './checkpoint/file.ts';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const MAX_HEADER = 65536;
/** Bytes of a value, by NumPy's name of its type. */
const ITEM_BYTES: Readonly<Record<string, number>> = { '<f4': 4, '<f8': 8, '|u1': 1, '|b1': 1 };

/**
 * A float32 array in NumPy's .npy format (little-endian, C order), read from disk one item of its first axis at a time.
 * Blocking: for a command, not for a thread that serves.
 */
export class NpyFile {
  readonly shape: readonly number[];
  readonly #file: CheckpointFile;
  readonly #start: number;
  readonly #type: string;

  /**
   * @param options.anyNumber take float64, uint8 and booleans, too, and make float32 of them
   * @throws DepthcastError BAD_ARRAY, naming the file and what is wrong with it
   */
  constructor(path: string, { anyNumber = false } = {}) {
    const bad = (detail: string, cause?: unknown) =>
      new DepthcastError('BAD_ARRAY', { detail: `${path}: ${detail}`, cause });
    try {
      this.#file = new CheckpointFile(path);
    } catch (thrown) {
      throw bad('it cannot be read', thrown);
    }
    try {
      const head = this.#file.read(0, Math.min(12, this.#file.size));
      if (head.length < 12 || !head.subarray(0, 6).equals(MAGIC)) throw bad('it is no .npy file');
      const wide = head[6]! >= 2;
      const length = wide ? head.readUInt32LE(8) : head.readUInt16LE(8);
      this.#start = (wide ? 12 : 10) + length;
      if (length > MAX_HEADER || this.#start > this.#file.size) throw bad('its header is broken');
      const header = this.#file.read(wide ? 12 : 10, length).toString('latin1');
      const type = /'descr':\s*'([^']*)'/.exec(header)?.[1];
      if (type === undefined || !(anyNumber ? type in ITEM_BYTES : type === '<f4'))
        throw bad(`it holds ${type ?? 'no known type'}, float32 (<f4) is needed`);
      this.#type = type;
      if (!/'fortran_order':\s*False/.test(header))
        throw bad('it is in Fortran order; save np.ascontiguousarray of it');
      const sides = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
      this.shape = (sides ?? '')
        .split(',')
        .filter((side) => side.trim() !== '')
        .map(Number);
      const bytes = ITEM_BYTES[type]! * this.shape.reduce((a, b) => a * b, 1);
      if (this.shape.length === 0 || !this.shape.every((side) => Number.isSafeInteger(side) && side > 0))
        throw bad(`its shape is (${sides ?? ''})`);
      if (this.#file.size - this.#start !== bytes) throw bad(`it should hold ${bytes} bytes of values`);
    } catch (thrown) {
      this.#file.close();
      throw thrown;
    }
  }

  /** Item `index` of the first axis; a new array each time. */
  item(index: number): Float32Array {
    const length = this.shape.slice(1).reduce((a, b) => a * b, 1);
    const bytes = new Uint8Array(ITEM_BYTES[this.#type]! * length);
    this.#file.readInto(this.#start + bytes.length * index, bytes);
    if (this.#type === '<f4') return new Float32Array(bytes.buffer);
    return Float32Array.from(this.#type === '<f8' ? new Float64Array(bytes.buffer) : bytes);
  }

  close(): void {
    this.#file.close();
  }
}
