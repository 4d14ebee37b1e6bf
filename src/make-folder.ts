import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it. `mkdir` with `recursive` never ends where the system says ENOENT below a folder that is
 * there, as /proc does: Node goes back and forth between the two.
 * @param mode permissions of the folders that are made
 * @throws the system's error
 */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  const make = () => mkdir(path, mode);
  await make().catch(async (thrown: NodeJS.ErrnoException) => {
    const above = dirname(resolve(path));
    if (thrown.code === 'ENOENT' && above !== resolve(path)) {
      await makeFolder(above, mode);
      return make().catch(unlessThere);
    }
    return unlessThere(thrown);
  });

  async function unlessThere(thrown: NodeJS.ErrnoException): Promise<void> {
    const there = await stat(path).catch(() => undefined);
    if (!there?.isDirectory()) throw thrown;
  }
}
