import type { DepthMap, DisplayRange, InferenceStream } from '../depth/types.ts';
import type { ModelManifest } from '../model/manifest.ts';
import type { Size } from '../model/size.ts';
import type { Prepared } from './prepare.ts';

/** One frame's depth on its way to the files. */
export interface DepthResult {
  prepared: Prepared;
  /** [size.height * size.width]; valid until `release`. */
  values: Float32Array;
  size: Size;
  range: DisplayRange;
  /** Temporal memory started anew at this frame. */
  reset: boolean;
  /** Of the network and what belongs to it, in ms. */
  milliseconds: number;
  release(): void;
}

/**
 * Temporal attentions that follow one another in a network, each of which looks a window further back: two in each of
 * Video Depth Anything's four motion modules.
 */
const ANCHORED_DEPTH = 8;
const RECENT_DEPTH = 4;

/**
 * The frames that a run which goes on at frame `keep` shows to the network again, without writing them: the first of the
 * present epoch, which Video Depth Anything's window keeps for good, and the last ones, as far as they can reach through
 * all of its windows: memory is then what it would have been.
 */
export function replayed(
  { window }: ModelManifest,
  keep: number,
  epochs: readonly number[],
): (index: number) => boolean {
  const reach = window.rule === 'anchored' ? ANCHORED_DEPTH * window.farAge : RECENT_DEPTH * window.frames;
  const start = epochs.findLast((epoch) => epoch < keep) ?? 0;
  return (index) => index < keep && (index === start || (index > start && index >= keep - reach));
}

/** Frames at the network: one that it works on, and one that waits, so that it never does. */
export const MAX_IN_FLIGHT = 2;

/** Depth of each prepared frame that has an image; the network works on the next ones while one is written. */
export async function* streamingDepth(
  frames: AsyncIterable<Prepared>,
  stream: InferenceStream,
  keep: number,
  sceneCuts: boolean,
): AsyncGenerator<DepthResult> {
  const inFlight: { prepared: Prepared; map: Promise<DepthMap> }[] = [];
  const next = async () => {
    const { prepared, map } = inFlight[0]!;
    const done = await map;
    inFlight.shift();
    return result(prepared, done);
  };
  try {
    for await (const prepared of frames) {
      if (prepared.image === undefined) continue;
      const done = inFlight.length === MAX_IN_FLIGHT ? await next() : undefined;
      if (prepared.resized) stream.reset();
      // Between the frames that are shown again lies a jump, which is no cut.
      stream.setOptions({ sceneCuts: sceneCuts && prepared.index >= keep });
      const map = stream.infer(prepared.image, prepared.time);
      // Awaited in its turn; until then nobody may be told of a failure twice.
      map.catch(() => {});
      inFlight.push({ prepared, map });
      if (done) yield done;
    }
    while (inFlight.length > 0) yield await next();
  } finally {
    for (const { prepared, map } of inFlight) {
      (await map.catch(() => undefined))?.release();
      prepared.frame?.free();
    }
  }
}

function result(prepared: Prepared, map: DepthMap): DepthResult {
  const { values, width, height, range, reset, timings } = map;
  const milliseconds = timings.preprocess + timings.inference + timings.postprocess;
  return {
    prepared,
    values,
    size: { width, height },
    range,
    reset: reset !== undefined,
    milliseconds,
    release: () => map.release(),
  };
}
