import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { writeFileAtomically } from '../atomic-file.ts';
import { DepthcastError } from '../errors.ts';
import type { ModelPrecision } from '../model/precision.ts';
import { INTRINSICS_SOURCES } from '../protocol/camera.ts';
import type { Fraction } from '../video/media-info.ts';
import { diskError } from './disk.ts';
import type { JobGeometry } from './job-geometry.ts';
import type { JobOptions } from './job-types.ts';

const count = z.int().min(0);
const size = z.strictObject({ width: count, height: count });

/** NAME_depths.json: what the files beside it are, and what a later run needs to continue them. */
const recordSchema = z.strictObject({
  format: z.literal(1),
  input: z.string(),
  /** Bytes and time of change of an input file; null for other inputs. */
  inputState: z.string().nullable(),
  model: z.string(),
  unit: z.enum(['disparity', 'metres']),
  mode: z.enum(['streaming', 'offline']),
  /** Of the maps, and of the network's input. */
  size,
  network: size,
  /** Frames a second, as a fraction. */
  fps: z.tuple([count, count]),
  frames: count,
  /** Whether the input was read to its end, or to --max-len. */
  complete: z.boolean(),
  /** Frames at which temporal memory started anew: relative depth of two epochs is not comparable. */
  epochs: z.array(count),
  /** The camera of the maps' pixels, and how far it can be trusted; see docs/sdk.md. */
  camera: z
    .strictObject({
      fx: z.number(),
      fy: z.number(),
      cx: z.number(),
      cy: z.number(),
      source: z.enum(INTRINSICS_SOURCES),
    })
    .optional(),
  /** What was asked for, as far as it changes what is written. */
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

export type RunRecord = z.infer<typeof recordSchema>;

/** @throws DepthcastError DISK_FULL, BAD_OPTION when it cannot be written */
export async function writeRecord(path: string, record: RunRecord): Promise<void> {
  const text = `${JSON.stringify(record, null, 2)}\n`;
  await writeFileAtomically(path, text, { temporary: `${path}.part` }).catch(diskError(path));
}

/** The record of an earlier run, or undefined when there is none. @throws DepthcastError BAD_OPTION: not one of ours */
export async function readRecord(path: string): Promise<RunRecord | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (thrown) {
    throw new DepthcastError('BAD_OPTION', { detail: `${path} is no record of a run; use --force`, cause: thrown });
  }
}

/** What a run of these options has written. */
export async function recordOf(
  options: JobOptions,
  geometry: JobGeometry,
  {
    fps,
    precision,
    ...made
  }: Pick<RunRecord, 'size' | 'network' | 'frames' | 'complete' | 'epochs'> & {
    fps: Fraction;
    precision: ModelPrecision;
  },
): Promise<RunRecord> {
  const { input, model, mode, maxRes, maxLength, targetFps, grayscale, sceneCuts } = options;
  const { saveNpz, saveExr, savePng16, sideBySide, stacked, upsampling } = options;
  return {
    format: 1,
    input,
    inputState: await inputState(input),
    model: model.manifest.name,
    unit: geometry.anchored ? 'metres' : model.manifest.unit,
    mode,
    size: made.size,
    network: made.network,
    fps: [fps.num, fps.den],
    frames: made.frames,
    complete: made.complete,
    epochs: made.epochs,
    camera: geometry.intrinsics,
    options: {
      maxRes,
      maxLength,
      targetFps,
      grayscale,
      sceneCuts,
      saveNpz,
      saveExr,
      savePng16,
      sideBySide,
      // Earlier versions had none of these; so their results are gone on with.
      ...(stacked ? { stacked } : {}),
      ...(upsampling === 'off' ? {} : { upsampling }),
      ...(precision === 'fp32' ? {} : { precision }),
      ...geometry.options,
    },
  };
}

/** What tells whether an input file is still the same; null where there is no file. */
async function inputState(input: string): Promise<string | null> {
  const file = await stat(input).catch(() => undefined);
  return file?.isFile() ? `${file.size} ${Math.round(file.mtimeMs)}` : null;
}

/** @throws DepthcastError BAD_OPTION naming what differs between an earlier run and this one */
export function checkSame(before: RunRecord, now: RunRecord): void {
  const differing = (
    ['input', 'inputState', 'model', 'unit', 'mode', 'size', 'network', 'fps', 'options'] as const
  ).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]));
  if (differing.length === 0) return;
  const [key] = differing as [(typeof differing)[number]];
  throw new DepthcastError('BAD_OPTION', {
    detail: `--resume needs the same run as before; ${key} was ${JSON.stringify(before[key])}, is ${JSON.stringify(now[key])}`,
  });
}
