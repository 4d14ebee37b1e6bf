import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In memory where there is such a place: millions of writes are no good for a disk. */
const HOME = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** One file that is written over and over, for readers that take a path. */
export class ScratchFile {
  readonly path: string;
  readonly #folder = mkdtempSync(join(HOME, 'depthcast-fuzz-'));

  constructor(name: string) {
    this.path = join(this.#folder, name);
  }

  write(content: Uint8Array | string): string {
    writeFileSync(this.path, content);
    return this.path;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
