import { benchmarkProtocol, validMask } from '../src/evaluation/align.ts';
import { clipErrors, spearman } from '../src/evaluation/metrics.ts';
import type { FrameCode } from '../test/support/load/frame-code.ts';
import type { Film } from './film.ts';
import type { TruthCheck } from './protocol.ts';

/** Scenes are rooms and streets: what lies further away does not count. */
const TRUTH = benchmarkProtocol(20);
/** Enough for two digits, and little work for the process that also keeps the time. */
const RANK_SAMPLES = 2000;
/** Every fourth pixel of a gray picture is looked at, each way. */
const STEP = 4;

/** A disparity map, up to scale and shift, against the exact depth of a frame. */
export function checkDepth(
  film: Film,
  code: FrameCode,
  prediction: Float32Array,
  width: number,
  height: number,
): TruthCheck {
  const depth = film.truth(code, width, height);
  const disparity = depth.map((z) => (z > 0 ? 1 / z : 0));
  const rank = spearman(prediction, disparity, validMask(depth, TRUTH), RANK_SAMPLES);
  return { rank, delta1: clipErrors([{ prediction, depth }], 'frame', TRUTH)?.delta1 ?? Number.NaN };
}

/** A gray picture (I420) against the exact depth of a frame: luma is linear in disparity. */
export function checkGray(
  film: Film,
  code: FrameCode,
  { width, height, data }: { width: number; height: number; data: Uint8Array },
): TruthCheck {
  const [columns, rows] = [Math.floor(width / STEP), Math.floor(height / STEP)];
  const luma = new Float32Array(columns * rows);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      luma[y * columns + x] = data[(STEP * y + STEP / 2) * width + STEP * x + STEP / 2]!;
  return checkDepth(film, code, luma, columns, rows);
}
