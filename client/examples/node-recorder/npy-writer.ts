import { type FileHandle, open } from 'node:fs/promises';

/** Bytes of the header, so that it can be written again with the final count (NumPy's format 1.0: a multiple of 64). */
const HEADER_BYTES = 128;

/** Maps of one size as NumPy's .npy: float32 [frames, height, width]. The file is valid after every frame. */
export class NpyWriter {
  readonly #file: FileHandle;
  readonly width: number;
  readonly height: number;
  frames = 0;

  private constructor(file: FileHandle, width: number, height: number) {
    this.#file = file;
    this.width = width;
    this.height = height;
  }

  /** @throws where the file exists */
  static async create(path: string, width: number, height: number): Promise<NpyWriter> {
    const writer = new NpyWriter(await open(path, 'wx'), width, height);
    await writer.#writeHeader();
    return writer;
  }

  async write(values: Float32Array): Promise<void> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    await this.#file.write(bytes, 0, bytes.length, HEADER_BYTES + this.frames * bytes.length);
    this.frames++;
    await this.#writeHeader();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #writeHeader(): Promise<void> {
    const shape = `(${this.frames}, ${this.height}, ${this.width})`;
    const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
    const header = Buffer.alloc(HEADER_BYTES, ' ');
    header.write('\x93NUMPY\x01\x00', 'latin1');
    header.writeUInt16LE(HEADER_BYTES - 10, 8);
    header.write(text, 10, 'latin1');
    header.write('\n', HEADER_BYTES - 1, 'latin1');
    await this.#file.write(header, 0, HEADER_BYTES, 0);
  }
}
