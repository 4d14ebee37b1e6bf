import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DepthcastError } from '../../errors.ts';

/** `throw bad('..')`: what every reader in this folder says about a file that it will not use. */
export const bad = (detail: string, cause?: unknown): DepthcastError =>
  new DepthcastError('BAD_CHECKPOINT', { detail, cause });

/** A file read by position. Blocking: for a worker thread or a command, not for a thread that serves. */
export class CheckpointFile {
  readonly path: string;
  readonly size: number;
  #fd: number | undefined;

  /** @throws DepthcastError MODEL_NOT_FOUND, or BAD_CHECKPOINT when it is no readable file. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = openSync(path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new DepthcastError('MODEL_NOT_FOUND', { detail: `${path} does not exist`, cause: error });
      throw bad(`${path} cannot be opened`, error);
    }
    const stat = fstatSync(this.#fd);
    if (!stat.isFile()) {
      this.close();
      throw bad(`${path} is not a file`);
    }
    this.size = stat.size;
  }

  /** Fills `target` from byte `position` on. */
  readInto(position: number, target: Uint8Array): void {
    if (this.#fd === undefined) throw bad(`${this.path} is closed`);
    if (!(position >= 0 && position + target.length <= this.size)) throw bad('the file ends too early');
    for (let done = 0; done < target.length; ) {
      // One read call moves at most 2 GiB.
      const wanted = Math.min(target.length - done, 2 ** 30);
      const got = readSync(this.#fd, target, done, wanted, position + done);
      if (got === 0) throw bad('the file ends too early');
      done += got;
    }
  }

  read(position: number, length: number): Buffer {
    if (!(length >= 0 && position + length <= this.size)) throw bad('the file ends too early');
    const bytes = Buffer.allocUnsafe(length);
    this.readInto(position, bytes);
    return bytes;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
