import { bad, CheckpointFile } from './file.ts';
import { withoutPrefix } from './prefix.ts';
import { readPth } from './pth.ts';
import { readSafetensors } from './safetensors.ts';
import { readFloats, type TensorInfo, type TensorPlace } from './tensor.ts';

/** Bytes that tell what a file is. */
const HEAD_BYTES = 64;

/**
 * The tensors of a PyTorch or safetensors file, whatever its name; of a network within another module, under its own names. Opening reads names and shapes; values are read from disk
 * when asked for, one tensor at a time. No code in the file ever runs. Blocking: not for a thread that serves.
 */
export class Checkpoint {
  readonly #file: CheckpointFile;
  readonly #tensors: ReadonlyMap<string, TensorPlace>;

  /** @throws DepthcastError MODEL_NOT_FOUND, BAD_CHECKPOINT. */
  static open(path: string): Checkpoint {
    const file = new CheckpointFile(path);
    try {
      return new Checkpoint(file, withoutPrefix(readTensors(file)));
    } catch (error) {
      file.close();
      throw error;
    }
  }

  private constructor(file: CheckpointFile, tensors: ReadonlyMap<string, TensorPlace>) {
    this.#file = file;
    this.#tensors = tensors;
  }

  get path(): string {
    return this.#file.path;
  }

  /** By name, in the file's order. */
  get tensors(): ReadonlyMap<string, TensorInfo> {
    return this.#tensors;
  }

  /**
   * A floating point tensor's values, row-major; a new array each time.
   * @throws DepthcastError BAD_CHECKPOINT when there is none of that name or it holds integers.
   */
  read(name: string): Float32Array {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw bad(`there is no tensor ${name}`);
    return readFloats(this.#file, tensor);
  }

  close(): void {
    this.#file.close();
  }
}

function readTensors(file: CheckpointFile): Map<string, TensorPlace> {
  if (file.size === 0) throw bad('the file is empty');
  const head = file.read(0, Math.min(file.size, HEAD_BYTES));
  const text = head.toString('latin1').trimStart().toLowerCase();
  if (text.startsWith('version https://git-lfs'))
    throw bad('the file is a Git LFS pointer and not the checkpoint itself; fetch that with: git lfs pull');
  if (/^<(!doctype|html|\?xml|head)/.test(text)) throw bad('the file is a web page; the download gave no checkpoint');
  if (head.length < 10) throw bad('the file is too short');
  if (head.readUInt32LE(0) === 0x04034b50) return readPth(file);
  // A pickle (0x80, protocol) whose first value is torch's old magic number, or any other pickle.
  if (head[0] === 0x80 && head[1]! <= 5)
    throw bad('the file was written before PyTorch 1.6; load and save it again with torch.save');
  if (head[8] === 0x7b && head.readUInt32LE(4) === 0) return readSafetensors(file);
  if (head.readUInt16BE(0) === 0x1f8b) throw bad('the file is compressed by gzip; unpack it first');
  throw bad('the file is neither a PyTorch archive nor safetensors');
}
