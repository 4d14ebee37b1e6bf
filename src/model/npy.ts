import { DepthcastError } from '../errors.ts';
import { CheckpointFile } from './checkpoint/file.ts';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const MAX_HEADER = 65536;

/**
 * A float32 array in NumPy's .npy format (little-endian, C order), read from disk one item of its first axis at a time.
 * Blocking: for a command, not for a thread that serves.
 */
export class NpyFile {
  readonly shape: readonly number[];
  readonly #file: CheckpointFile;
  readonly #start: number;

  /** @throws DepthcastError BAD_ARRAY, naming the file and what is wrong with it */
  constructor(path: string) {
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
      if (type !== '<f4') throw bad(`it holds ${type ?? 'no known type'}, float32 (<f4) is needed`);
      if (!/'fortran_order':\s*False/.test(header))
        throw bad('it is in Fortran order; save np.ascontiguousarray of it');
      const sides = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
      this.shape = (sides ?? '')
        .split(',')
        .filter((side) => side.trim() !== '')
        .map(Number);
      const bytes = 4 * this.shape.reduce((a, b) => a * b, 1);
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
    const values = new Float32Array(length);
    this.#file.readInto(this.#start + 4 * length * index, new Uint8Array(values.buffer));
    return values;
  }

  close(): void {
    this.#file.close();
  }
}
