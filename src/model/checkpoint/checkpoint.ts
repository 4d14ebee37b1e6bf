import { bad, CheckpointFile } from './file.ts';
import { readPth } from './pth.ts';
import { readSafetensors } from './safetensors.ts';
import { readFloats, type TensorInfo, type TensorPlace } from './tensor.ts';

/**
 * The tensors of a PyTorch (.pth) or .safetensors file. Opening reads names and shapes; values are read from disk
 * when asked for, one tensor at a time. No code in the file ever runs. Blocking: not for a thread that serves.
 */
export class Checkpoint {
  readonly #file: CheckpointFile;
  readonly #tensors: ReadonlyMap<string, TensorPlace>;

  /** @throws DepthcastError MODEL_NOT_FOUND, BAD_CHECKPOINT. */
  static open(path: string): Checkpoint {
    const file = new CheckpointFile(path);
    try {
      return new Checkpoint(file, readTensors(file));
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
  if (file.size < 10) throw bad('the file is too short');
  const head = file.read(0, 10);
  if (head.readUInt32LE(0) === 0x04034b50) return readPth(file);
  // A pickle (0x80, protocol) whose first value is torch's old magic number, or any other pickle.
  if (head[0] === 0x80 && head[1]! <= 5)
    throw bad('the file was written before PyTorch 1.6; load and save it again with torch.save');
  if (head[8] === 0x7b && head.readUInt32LE(4) === 0) return readSafetensors(file);
  throw bad('the file is neither a PyTorch archive nor safetensors');
}
