import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import * as z from 'zod';
import { DepthcastError } from '../errors.ts';
import { type AnchoredMap, AnchorTracker } from '../geometry/anchors.ts';
import { type Anchor, floorAnchor } from '../geometry/index.ts';
import type { Camera, MetricMap } from '../protocol/index.ts';

const MAX_BYTES = 64 * 1024 * 1024;
const share = z.number().min(0).max(1);
const when = { frame: z.int().min(0).optional(), time: z.number().min(0).optional() };
const entry = z
  .union([
    z.strictObject({
      ...when,
      x: share,
      y: share,
      metres: z.number().min(0.01).max(10_000),
      error: z.number().min(0.001).max(1).optional(),
    }),
    z.strictObject({
      ...when,
      x: share,
      y: share,
      height: z.number().min(0.01).max(10_000),
      pitch: z.number().min(-90).max(90).optional(),
    }),
  ])
  .refine(({ frame, time }) => frame === undefined || time === undefined, 'either frame or time');
type Entry = z.infer<typeof entry>;

/** Anchors of a file, in the order of their frames. */
export interface AnchorFile {
  entries: readonly Entry[];
  /** Tells whether the file is still the same. */
  hash: string;
}

/**
 * Anchors as a JSON array, or one object a line: `{x, y, metres, error?}` or `{x, y, height, pitch?}`, each with `frame` or `time` in
 * seconds; the first frame where neither is told.
 * @throws DepthcastError BAD_OPTION that says where it is wrong
 */
export async function readAnchors(path: string): Promise<AnchorFile> {
  const bad = (detail: string, cause?: unknown) =>
    new DepthcastError('BAD_OPTION', { detail: `--anchors ${path}: ${detail}`, cause });
  let text: string;
  try {
    if ((await stat(path)).size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 1024 ** 2} MiB`);
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    throw bad((thrown as Error).message, thrown);
  }
  let tree: unknown[];
  try {
    const lines = text.trim().split('\n');
    tree = /^\s*\[/.test(text)
      ? (JSON.parse(text) as unknown[])
      : lines.filter((line) => line.trim()).map((line) => JSON.parse(line) as unknown);
  } catch (thrown) {
    throw bad(`no JSON array, and no JSON object a line: ${(thrown as Error).message}`, thrown);
  }
  const entries = tree.map((one, n) => {
    const parsed = entry.safeParse(one);
    if (parsed.success) return parsed.data;
    const { message } = parsed.error.issues[0]!;
    const wanted =
      message === 'either frame or time'
        ? message
        : '{x, y, metres} or {x, y, height} is expected, x and y from 0 to 1';
    throw bad(`anchor ${n + 1}: ${wanted}`);
  });
  if (entries.length === 0) throw bad('it holds no anchor');
  return { entries, hash: createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 16) };
}

/** Makes metres of a job's maps, frame by frame, by the anchors of a file. */
export class FileAnchors {
  readonly #tracker = new AnchorTracker();
  readonly #camera: Camera;
  readonly #halfFrame: number;
  #left: Entry[];
  #began = false;
  #without = 0;
  #unused: string | undefined;

  /** @param fps of the frames that are given */
  constructor({ entries }: AnchorFile, camera: Camera, fps: number) {
    this.#left = [...entries];
    this.#camera = camera;
    this.#halfFrame = 0.5 / fps;
  }

  /**
   * The next map; a job that goes on begins with the first of the last epoch.
   * @param index of the frame. @param time of it, in seconds
   * @returns what makes metres of its values; undefined where no anchor of its epoch came yet
   * @throws DepthcastError BAD_OPTION for a floor above the horizon
   */
  update(map: AnchoredMap, index: number, time: number): MetricMap | undefined {
    const due = (one: Entry, slack: number) =>
      one.time === undefined ? (one.frame ?? 0) <= index - (slack < 0 ? 1 : 0) : one.time <= time + slack;
    // Those of frames before the first one are forgotten, as a new epoch forgets them.
    if (!this.#began && index > 0) this.#left = this.#left.filter((one) => !due(one, -this.#halfFrame));
    this.#began = true;
    const now = this.#left.filter((one) => due(one, this.#halfFrame));
    if (now.length > 0) {
      this.#left = this.#left.filter((one) => !due(one, this.#halfFrame));
      this.#tracker.add(now.map((one) => this.#anchorOf(one, map)));
    }
    const { missed } = this.#tracker;
    const metric = this.#tracker.update(map, time);
    if (metric === undefined) this.#without++;
    const problem = this.#tracker.takeProblem();
    if (problem !== undefined && this.#tracker.missed === missed) this.#unused = problem;
    return metric;
  }

  /** What did not come to use, for people. */
  get notes(): string[] {
    const { missed } = this.#tracker;
    return [
      ...(this.#without > 0
        ? [`${this.#without} frames have no metres: no anchor of their epoch came to use before them`]
        : []),
      ...(missed > 0 ? [`${missed} anchors lie where depth has no value`] : []),
      ...(this.#unused ? [`anchors did not come to use: ${this.#unused}`] : []),
      ...(this.#left.length > 0 ? [`${this.#left.length} anchors are of later frames than there are`] : []),
    ];
  }

  #anchorOf(one: Entry, { width, height }: AnchoredMap): Anchor {
    if ('metres' in one) return one;
    try {
      return floorAnchor(this.#camera.intrinsics(width, height), { width, height }, one);
    } catch (thrown) {
      throw new DepthcastError('BAD_OPTION', { detail: `--anchors: ${(thrown as Error).message}`, cause: thrown });
    }
  }
}
