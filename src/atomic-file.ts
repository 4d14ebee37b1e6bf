import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';

export interface AtomicWriteOptions {
  /** Permissions, such as 0o600. */
  mode?: number;
  /**
   * Where the bytes stand until they are whole, on the same file system. By default a name that no other writer has;
   * a fixed one leaves nothing behind if the process dies, and is for files with one writer.
   */
  temporary?: string;
  /** What stood there is kept under this name. */
  keep?: string;
}

/** Writes a file that is whole whenever it is there: readers find what stood there before, or all of `data`. */
export async function writeFileAtomically(
  path: string,
  data: string | Uint8Array,
  { mode, temporary = `${path}.${randomBytes(4).toString('hex')}.part`, keep }: AtomicWriteOptions = {},
): Promise<void> {
  try {
    await writeFile(temporary, data, mode === undefined ? {} : { mode });
    if (keep !== undefined) await rename(path, keep).catch(() => {});
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}
