import { open, readFile } from 'node:fs/promises';
import { NpyFile } from '../../model/npy.ts';
import { bad, checkDepth, depthSize, readDepth } from '../image.ts';

export interface Size {
  width: number;
  height: number;
}

/** A depth map in a file of a benchmark. All throw DepthcastError BAD_DATASET, naming the file. */
export interface DepthFile {
  readonly path: string;
  /** From its first bytes. */
  size(): Promise<Size>;
  /** Looks at both ends, without decoding. */
  check(size: Size): Promise<void>;
  /** [height*width] metres; 0 where nothing was measured. */
  read(size: Size): Promise<Float32Array>;
}

/** 16-bit gray PNG: `unitsPerMetre`, 0 and `unknown` where nothing was measured. */
export function pngDepth(path: string, unitsPerMetre: number, unknown?: number): DepthFile {
  return {
    path,
    size: () => depthSize(path),
    check: (size) => checkDepth(path, size),
    async read(size) {
      const depth = await readDepth(path, size, unitsPerMetre);
      if (unknown === undefined) return depth;
      const value = Math.fround(unknown / unitsPerMetre);
      for (let i = 0; i < depth.length; i++) if (depth[i] === value) depth[i] = 0;
      return depth;
    },
  };
}

const TAG = 202021.25;
const DPT_HEADER = 12;

/** MPI Sintel's .dpt: a tag, width, height, then float32 metres, all little-endian. */
export function dptDepth(path: string): DepthFile {
  const head = async (): Promise<Size & { bytes: number }> => {
    try {
      const file = await open(path);
      try {
        const bytes = Buffer.alloc(DPT_HEADER);
        const { bytesRead } = await file.read(bytes, 0, DPT_HEADER, 0);
        if (bytesRead < DPT_HEADER || bytes.readFloatLE(0) !== TAG) throw bad(path, 'it is no .dpt file');
        return { width: bytes.readInt32LE(4), height: bytes.readInt32LE(8), bytes: (await file.stat()).size };
      } finally {
        await file.close();
      }
    } catch (thrown) {
      throw asBad(path, thrown);
    }
  };
  const check = async ({ width, height }: Size) => {
    const found = await head();
    if (found.width !== width || found.height !== height)
      throw bad(path, `it is ${found.width}x${found.height}, not ${width}x${height} as the first`);
    if (found.bytes !== DPT_HEADER + 4 * width * height) throw bad(path, 'it is cut short');
  };
  return {
    path,
    size: head,
    check,
    async read(size) {
      await check(size);
      const bytes = await readFile(path).catch((thrown: unknown) => {
        throw asBad(path, thrown);
      });
      return new Float32Array(
        bytes.buffer.slice(bytes.byteOffset + DPT_HEADER, bytes.byteOffset + DPT_HEADER + 4 * size.width * size.height),
      );
    },
  };
}

/** NumPy arrays [height,width,1] of metres, and of the same size a mask that is 0 where nothing was measured. */
export function npyDepth(path: string, maskPath: string): DepthFile {
  const load = (file: string): { size: Size; values: () => Float32Array } => {
    try {
      const array = new NpyFile(file, { anyNumber: true });
      try {
        const [height, width, ...rest] = array.shape;
        if (height === undefined || width === undefined || rest.some((side) => side !== 1))
          throw bad(file, `its shape is (${array.shape.join(', ')}), not (height, width)`);
        return { size: { width, height }, values: () => new NpyReader(file).all(width * height) };
      } finally {
        array.close();
      }
    } catch (thrown) {
      throw asBad(file, thrown);
    }
  };
  const both = ({ width, height }: Size) =>
    [load(path), load(maskPath)].map(({ size, values }, n) => {
      if (size.width === width && size.height === height) return values;
      throw bad(n === 0 ? path : maskPath, `it is ${size.width}x${size.height}, not ${width}x${height} as the first`);
    });
  return {
    path,
    size: async () => load(path).size,
    check: async (size) => void both(size),
    async read(size) {
      const [depth, mask] = both(size).map((values) => values());
      return depth!.map((z, i) => (mask![i]! > 0 ? z : 0));
    },
  };
}

/** All values of an array, opened for this alone: a data set has more files than a process may hold open. */
class NpyReader {
  readonly #path: string;
  constructor(path: string) {
    this.#path = path;
  }

  all(length: number): Float32Array {
    const file = new NpyFile(this.#path, { anyNumber: true });
    try {
      const values = new Float32Array(length);
      const each = length / file.shape[0]!;
      for (let index = 0; index < file.shape[0]!; index++) values.set(file.item(index), index * each);
      return values;
    } finally {
      file.close();
    }
  }
}

function asBad(path: string, thrown: unknown): Error {
  const { code, message, detail } = thrown as NodeJS.ErrnoException & { detail?: string };
  if (code === 'BAD_DATASET') return thrown as Error;
  if (code === 'BAD_ARRAY') return bad(path, (detail ?? message).replace(`${path}: `, ''));
  return bad(path, code === 'ENOENT' ? 'it is missing' : message);
}
