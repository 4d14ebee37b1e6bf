/** Ratios of depth between neighbours that count as an edge, and what each weighs: Depth Pro's. */
const [MIN_RATIO, MAX_RATIO, COUNT] = [1.05, 1.25, 10];
const RATIOS = Float64Array.from({ length: COUNT }, (_, n) => MIN_RATIO + ((MAX_RATIO - MIN_RATIO) * n) / (COUNT - 1));
const WEIGHT = RATIOS.reduce((sum, ratio) => sum + ratio, 0);

/**
 * Boundary F1 of Depth Pro (Bochkovskii et al., ICLR 2025; boundary_metrics.py, SI_boundary_F1), 0 to 1: do neighbours of
 * which one is farther by a ratio in the prediction differ so in the truth, and the other way round? Recall and precision are
 * means over the four directions, F1 a weighted mean over ten ratios from 1.05 to 1.25. No pixel of tolerance. Neighbours of
 * which one has no truth are left out.
 * @param predicted metres. @param truth metres; 0, NaN and Infinity where it is not known
 * @returns undefined where the truth has no edge
 */
export function boundaryF1(
  predicted: Float32Array,
  truth: Float32Array,
  width: number,
  height: number,
): number | undefined {
  const counts = [0, 1, 2, 3].map(() => new Steps());
  const compare = (direction: number, here: number, there: number) => {
    const [before, after] = [truth[here]!, truth[there]!];
    if (!(before > 0 && after > 0 && before + after < Number.POSITIVE_INFINITY)) return;
    counts[direction]!.add(predicted[there]! / predicted[here]!, after / before);
    counts[direction + 1]!.add(predicted[here]! / predicted[there]!, before / after);
  };
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      if (x + 1 < width) compare(0, i, i + 1);
      if (y + 1 < height) compare(2, i, i + width);
    }
  for (const steps of counts) steps.sumUp();
  if (counts.every(({ truth: [first] }) => first === 0)) return undefined;
  let total = 0;
  for (const [n, ratio] of RATIOS.entries()) {
    const mean = (of: 'truth' | 'predicted') =>
      counts.reduce((sum, steps) => sum + steps.both[n]! / Math.max(steps[of][n]!, 1), 0) / counts.length;
    const [recall, precision] = [mean('truth'), mean('predicted')];
    if (recall + precision > 0) total += (ratio * 2 * recall * precision) / (recall + precision);
  }
  return total / WEIGHT;
}

/** Edges in one direction, by ratio. */
class Steps {
  readonly truth = new Uint32Array(COUNT);
  readonly predicted = new Uint32Array(COUNT);
  readonly both = new Uint32Array(COUNT);

  add(predicted: number, truth: number): void {
    // Most neighbours are alike.
    if (!(predicted > MIN_RATIO || truth > MIN_RATIO)) return;
    const [p, t] = [exceeded(predicted), exceeded(truth)];
    if (p > 0) this.predicted[p - 1]!++;
    if (t > 0) this.truth[t - 1]!++;
    if (Math.min(p, t) > 0) this.both[Math.min(p, t) - 1]!++;
  }

  /** Those that exceed a ratio exceed all lower ones. */
  sumUp(): void {
    for (const counts of [this.truth, this.predicted, this.both])
      for (let n = COUNT - 2; n >= 0; n--) counts[n]! += counts[n + 1]!;
  }
}

/** How many of the ratios. */
function exceeded(ratio: number): number {
  let n = 0;
  while (n < COUNT && ratio > RATIOS[n]!) n++;
  return n;
}
