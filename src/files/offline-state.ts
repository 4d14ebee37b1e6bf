import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { writeFileAtomically } from '../atomic-file.ts';
import { diskError } from './disk.ts';

const headSchema = z.strictObject({
  format: z.literal(1),
  /** Windows that were run, and frames whose depth they made final. */
  windows: z.int().min(1),
  frames: z.int().min(1),
  /** Moment of the last of these, and the display range there. */
  time: z.number(),
  range: z.strictObject({ low: z.number(), high: z.number(), age: z.number() }),
});

/** What an offline run needs to go on behind a window. */
export interface OfflineState extends Omit<z.infer<typeof headSchema>, 'format'> {
  /** The stitcher's maps, one after the other. */
  maps: Float32Array;
}

/** The last window's and, where the files hold less than that, the one before. */
const pathsOf = (record: string) => {
  const path = record.replace(/\.json$/, '.window');
  return { path, before: `${path}.before` };
};

/** @param record path of the run's record, beside which it stands. @throws DepthcastError DISK_FULL */
export async function writeState(record: string, { maps, ...head }: OfflineState): Promise<void> {
  const { path, before } = pathsOf(record);
  const line = Buffer.from(`${JSON.stringify({ format: 1, ...head })}\n`);
  const bytes = Buffer.from(maps.buffer, maps.byteOffset, maps.byteLength);
  const options = { temporary: `${path}.part`, keep: before };
  await writeFileAtomically(path, Buffer.concat([line, bytes]), options).catch(diskError(path));
}

/** The latest state within so many frames; undefined where there is none, or it does not hold `values` numbers. */
export async function readState(record: string, frames: number, values: number): Promise<OfflineState | undefined> {
  for (const path of Object.values(pathsOf(record))) {
    try {
      const bytes = await readFile(path);
      const end = bytes.indexOf('\n') + 1;
      const { format: _, ...head } = headSchema.parse(JSON.parse(bytes.toString('utf8', 0, end)));
      if (head.frames > frames || bytes.length - end !== 4 * values) continue;
      return {
        ...head,
        maps: new Float32Array(bytes.buffer.slice(bytes.byteOffset + end, bytes.byteOffset + bytes.length)),
      };
    } catch {
      // Absent, or not whole: the one before may do.
    }
  }
  return undefined;
}

export async function removeStates(record: string): Promise<void> {
  const { path, before } = pathsOf(record);
  for (const file of [path, before, `${path}.part`]) await rm(file, { force: true });
}
