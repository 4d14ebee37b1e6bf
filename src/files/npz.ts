import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { DepthcastError } from '../errors.ts';
import { combineCrc32 } from './crc32.ts';
import { diskError } from './disk.ts';

const MEMBER = Buffer.from('depths.npy', 'latin1');
/** The local header of the only member: 30 bytes, its name, 20 bytes of zip64 sizes. */
const LOCAL_SIZE = 30 + MEMBER.length + 20;
/** Of the .npy header; room for any shape. */
const NPY_SIZE = 192;
const DATA_AT = LOCAL_SIZE + NPY_SIZE;
/** Bytes read at a time where the checksum of written values must be found again. */
const BLOCK = 1 << 20;
const MAX_32 = 0xffffffff;

/**
 * Writes maps to an uncompressed .npz archive that numpy.load opens: one member `depths`, float32 [N, H, W]. The values go
 * straight to disk; what is known at the end only (N, sizes, checksum) is filled in by `finish`. Uncompressed because
 * float32 depth shrinks by 14 % only, for 40 ms of deflate a frame of 960x540 against 1 ms to write it.
 */
export class NpzWriter {
  readonly #file: FileHandle;
  readonly #width: number;
  readonly #height: number;
  #frames = 0;
  #failure: unknown;
  /** Of the values, without the .npy header. */
  #crc = 0;

  private constructor(file: FileHandle, width: number, height: number) {
    this.#file = file;
    this.#width = width;
    this.#height = height;
  }

  /**
   * @param keep frames of an earlier run that stay; the rest of the file is replaced
   * @throws DepthcastError DISK_FULL, BAD_ARRAY when the file does not hold so many frames
   */
  static async create(path: string, width: number, height: number, keep = 0): Promise<NpzWriter> {
    const file = await open(path, keep > 0 ? 'r+' : 'w').catch(diskError(path));
    const writer = new NpzWriter(file, width, height);
    try {
      if (keep > 0) await writer.#resume(path, keep);
      else await writer.#write(writer.#head(), 0);
      return writer;
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /** Whole frames in a file that this class wrote, finished or not; undefined when it is another's. */
  static async count(path: string, width: number, height: number): Promise<number | undefined> {
    const file = await open(path, 'r').catch(() => undefined);
    if (file === undefined) return undefined;
    try {
      const head = Buffer.alloc(DATA_AT);
      const { bytesRead } = await file.read(head, 0, DATA_AT, 0);
      const name = head.subarray(30, 30 + MEMBER.length);
      const written = new RegExp(`'shape': \\((\\d+), ${height}, ${width}\\)`).exec(head.toString('latin1'));
      if (bytesRead < DATA_AT || head.readUInt32LE(0) !== 0x04034b50 || !name.equals(MEMBER) || !written)
        return undefined;
      // The count is filled in at the end; until then it is 0 and the size tells.
      if (Number(written[1]) > 0) return Number(written[1]);
      return Math.floor(((await file.stat()).size - DATA_AT) / (4 * width * height));
    } finally {
      await file.close();
    }
  }

  /** @param map [height * width]; not read any more once this resolves. @throws DepthcastError DISK_FULL */
  async write(map: Float32Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    const bytes = new Uint8Array(map.buffer, map.byteOffset, map.byteLength);
    await this.#write(bytes, this.#end).catch((thrown: unknown) => {
      // A later map would stand in this one's place.
      this.#failure = thrown;
      throw thrown;
    });
    // Not of what did not fit on the disk.
    this.#crc = crc32(bytes, this.#crc);
    this.#frames++;
  }

  /** Completes the archive and closes the file. @throws DepthcastError DISK_FULL */
  async finish(): Promise<void> {
    try {
      // On a full disk the part of a map that was begun makes room for the end.
      await this.#file.truncate(this.#end);
      await this.#write(this.#directory(), this.#end);
      await this.#write(this.#head(), 0);
    } finally {
      await this.#file.close();
    }
  }

  get #end(): number {
    return DATA_AT + 4 * this.#width * this.#height * this.#frames;
  }

  async #resume(path: string, keep: number): Promise<void> {
    const found = (await NpzWriter.count(path, this.#width, this.#height)) ?? 0;
    if (found < keep) throw new DepthcastError('BAD_ARRAY', { detail: `${path} holds ${found} frames, not ${keep}` });
    this.#frames = keep;
    const block = Buffer.alloc(BLOCK);
    for (let at = DATA_AT; at < this.#end; ) {
      const { bytesRead } = await this.#file.read(block, 0, Math.min(BLOCK, this.#end - at), at);
      if (bytesRead === 0) throw new DepthcastError('BAD_ARRAY', { detail: `${path} ends too soon` });
      this.#crc = crc32(block.subarray(0, bytesRead), this.#crc);
      at += bytesRead;
    }
    await this.#file.truncate(this.#end);
    // Unfinished again, until `finish`.
    const frames = this.#frames;
    this.#frames = 0;
    const head = this.#head();
    this.#frames = frames;
    await this.#write(head, 0);
  }

  async #write(bytes: Uint8Array, at: number): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const { bytesWritten } = await this.#file
        .write(bytes, from, bytes.length - from, at + from)
        .catch(diskError('the .npz file'));
      from += bytesWritten;
    }
  }

  #npyHeader(): Buffer {
    const shape = `(${this.#frames}, ${this.#height}, ${this.#width})`;
    const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
    const header = Buffer.alloc(NPY_SIZE, 0x20);
    header.write('\x93NUMPY\x01\x00', 'latin1');
    header.writeUInt16LE(NPY_SIZE - 10, 8);
    header.write(text, 10, 'latin1');
    header.write('\n', NPY_SIZE - 1, 'latin1');
    return header;
  }

  /** The two headers before the values; sizes in the zip64 field, which any size fits (APPNOTE 6.3, 4.3.7 and 4.5.3). */
  #head(): Buffer {
    const npy = this.#npyHeader();
    const local = Buffer.alloc(LOCAL_SIZE);
    local.writeUInt32LE(0x04034b50, 0);
    this.#common(local, 4, npy);
    local.writeUInt16LE(20, 28);
    MEMBER.copy(local, 30);
    this.#zip64(local, 30 + MEMBER.length);
    return Buffer.concat([local, npy]);
  }

  /** The field of the two sizes, which both headers end with: stored as it is. */
  #zip64(into: Buffer, at: number): void {
    const size = BigInt(this.#end - LOCAL_SIZE);
    into.writeUInt16LE(1, at);
    into.writeUInt16LE(16, at + 2);
    into.writeBigUInt64LE(size, at + 4);
    into.writeBigUInt64LE(size, at + 12);
  }

  /** From "version needed" to "file name length", which local and central headers share. */
  #common(into: Buffer, at: number, npy: Buffer): void {
    into.writeUInt16LE(45, at);
    into.writeUInt16LE(0, at + 2);
    into.writeUInt16LE(0, at + 4);
    into.writeUInt16LE(0, at + 6);
    into.writeUInt16LE(0x21, at + 8);
    into.writeUInt32LE(combineCrc32(crc32(npy), this.#crc, this.#end - DATA_AT), at + 10);
    into.writeUInt32LE(MAX_32, at + 14);
    into.writeUInt32LE(MAX_32, at + 18);
    into.writeUInt16LE(MEMBER.length, at + 22);
  }

  /** Central directory, zip64 end record and locator, end record (4.3.12, 4.3.14 to 4.3.16). */
  #directory(): Buffer {
    const central = Buffer.alloc(46 + MEMBER.length + 20);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(45, 4);
    this.#common(central, 6, this.#npyHeader());
    central.writeUInt16LE(20, 30);
    MEMBER.copy(central, 46);
    this.#zip64(central, 46 + MEMBER.length);

    const end64 = Buffer.alloc(56 + 20 + 22);
    end64.writeUInt32LE(0x06064b50, 0);
    end64.writeBigUInt64LE(44n, 4);
    end64.writeUInt16LE(45, 12);
    end64.writeUInt16LE(45, 14);
    end64.writeBigUInt64LE(1n, 24);
    end64.writeBigUInt64LE(1n, 32);
    end64.writeBigUInt64LE(BigInt(central.length), 40);
    end64.writeBigUInt64LE(BigInt(this.#end), 48);
    end64.writeUInt32LE(0x07064b50, 56);
    end64.writeBigUInt64LE(BigInt(this.#end + central.length), 64);
    end64.writeUInt32LE(1, 72);
    end64.writeUInt32LE(0x06054b50, 76);
    end64.writeUInt16LE(1, 84);
    end64.writeUInt16LE(1, 86);
    end64.writeUInt32LE(central.length, 88);
    end64.writeUInt32LE(MAX_32, 92);
    return Buffer.concat([central, end64]);
  }
}
