import { DepthcastError } from '../errors.ts';

/** Turns the system's errors about a file that is written into ours: `.catch(diskError(path))`. */
export function diskError(path: string): (thrown: unknown) => never {
  return (thrown) => {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new DepthcastError('DISK_FULL', { detail: path, cause: thrown });
    throw new DepthcastError('BAD_OPTION', { detail: `${path} cannot be written: ${message}`, cause: thrown });
  };
}
