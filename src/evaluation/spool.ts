import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DepthcastError } from '../errors.ts';

/**
 * Maps of one size in a temporary file: a clip is read twice, once to fit its scale and shift and once to be judged, and
 * long clips of large maps would not fit into memory.
 */
export class MapSpool {
  readonly #folder: string;
  readonly #file: number;
  #length = 0;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'depthcast-eval-'));
    this.#file = openSync(join(this.#folder, 'maps'), 'w+');
  }

  /** @throws DepthcastError DISK_FULL */
  write(index: number, map: Float32Array): void {
    this.#length ||= map.length;
    if (map.length !== this.#length)
      throw new DepthcastError('INTERNAL', { detail: `${map.length} values where maps have ${this.#length}` });
    const bytes = new Uint8Array(map.buffer, map.byteOffset, map.byteLength);
    try {
      for (let at = 0; at < bytes.length; )
        at += writeSync(this.#file, bytes, at, bytes.length - at, index * bytes.length + at);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') throw thrown;
      throw new DepthcastError('DISK_FULL', { detail: `${tmpdir()}; TMPDIR names another folder`, cause: thrown });
    }
  }

  /** Into memory that the next call overwrites when `out` is the same. */
  read(index: number, out: Float32Array = new Float32Array(this.#length)): Float32Array {
    const bytes = new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(this.#file, bytes, at, bytes.length - at, index * bytes.length + at);
      if (read === 0) throw new DepthcastError('INTERNAL', { detail: `map ${index} was not written` });
      at += read;
    }
    return out;
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
