import type { MetricMap } from '../protocol/index.ts';

/** A value of the network beside the distance that is known for it. */
export interface Sample {
  value: number;
  /** Standard deviation of `value`, in its unit: an anchor at an edge is worth little. */
  spread: number;
  metres: number;
  /** Standard deviation of `metres`, as a share of it. */
  error: number;
  /** Seconds since it was told. */
  age: number;
  /** Samples at the same place of the picture, itself among them: they share the network's error there. */
  crowd: number;
}

/** What a network's map as a whole says of its values. */
export interface MapLevels {
  /** Of what is farthest, and in the middle of all. */
  lowest: number;
  middle: number;
  /** Mean distance from the middle. */
  spread: number;
}

/**
 * Inverse depth is M (1 + contrast * u), where u is how many of the map's spreads a value lies above its middle: M is the inverse depth of
 * the middle, and contrast the spread of the scene's inverse depth as a share of it. Of that much is known beforehand: it is positive,
 * about 0.6 (indoors 0.3 to 0.5, streets 0.8, a person before a wall 1.1), and leaves the farthest thing before the horizon.
 */
const CONTRAST = 0.6;
const CONTRAST_DEVIATION = 0.7;
/** The farthest thing's inverse depth as a share of M: from here down it is the less probable, by a Gaussian of this deviation. */
const FARTHEST = 0.1;
const FARTHEST_DEVIATION = 0.1;
/** Where no value is below 0, a network probably means what is infinitely far by 0: deviation of its inverse depth, as a share of M. */
const ZERO_DEVIATION = 0.4;
/** Of a network's own error, as a share of the inverse depth: three suppositions, of which the anchors say how true each is. */
const MODEL_ERRORS = [0.04, 0.1, 0.22];
/** A network's scale drifts by this share in a second, and by the root of the time in more (a random walk). */
const DRIFT = 0.05;
/** Degrees of freedom of Student's t: anchors that are simply wrong hardly count. */
const FREEDOM = 3;
/** Of the grids over log contrast and log M. */
const STEPS = 17;
/** The first grid around the anchors' median, in log M. */
const REACH = 0.7;
const MAX_GRIDS = 4;
/** The least inverse depth, as a share of M, that a value is taken for. */
const MIN_LEVEL = 0.05;
/** A slope so many deviations below 0 says that the anchors contradict the map. */
const CONTRADICTION = -2.5;

/**
 * Scale and shift of disparity so that scale * value + shift is 1 / metres: the mean of what scale and shift may be, given the anchors
 * (Student's t about the network's error and theirs) and what is known of scenes. Summed over grids that close in on it.
 * @returns undefined without anchors, and where nearer places have the smaller disparity
 */
export function fitAffine(told: readonly Sample[], levels: MapLevels): MetricMap | undefined {
  if (told.length === 0) return undefined;
  const { middle } = levels;
  const unit = Math.max(levels.spread, 1e-6 * Math.abs(middle), 1e-12);
  const samples = told.map(({ value, spread, metres, error, age, crowd }) => ({
    u: (value - middle) / unit,
    v: (spread / unit) ** 2,
    q: 1 / metres,
    noise: error ** 2 + DRIFT ** 2 * age,
    crowd,
  }));
  if (contradicts(samples)) return undefined;
  const far = (levels.lowest - middle) / unit;
  const zero = levels.lowest >= 0 ? middle / unit : undefined;
  const belief = (logContrast: number): number => {
    const contrast = Math.exp(logContrast);
    const farthest = Math.min(0, 1 + contrast * far - FARTHEST) / FARTHEST_DEVIATION;
    const shift = zero === undefined ? 0 : (1 - contrast * zero) / ZERO_DEVIATION;
    return -0.5 * (((logContrast - Math.log(CONTRAST)) / CONTRAST_DEVIATION) ** 2 + farthest ** 2 + shift ** 2);
  };
  // Networks whose 0 is infinitely far tell their contrast themselves.
  const expected = zero === undefined ? Math.log(CONTRAST) : Math.log(Math.min(2, Math.max(0.02, 1 / zero)));
  const reach = 2.5 * CONTRAST_DEVIATION;
  let grid: Grid = {
    contrast: {
      from: Math.min(expected, Math.log(CONTRAST)) - reach,
      to: Math.max(expected, Math.log(CONTRAST)) + reach,
    },
    level: (logContrast) => Math.log(medianLevel(samples, Math.exp(logContrast))),
    reach: REACH,
  };
  let found = posterior(samples, belief, grid);
  for (let n = 1; n < MAX_GRIDS; n++) {
    const { logContrast, logLevel, varContrast, covariance, varLevel } = found;
    const step = (grid.contrast.to - grid.contrast.from) / (STEPS - 1);
    const slope = covariance / Math.max(varContrast, 1e-9);
    const contrast = 3 * Math.max(Math.sqrt(varContrast), 0.5 * step);
    const level = 3 * Math.max(Math.sqrt(Math.max(0, varLevel - slope * covariance)), grid.reach / (STEPS - 1));
    const resolved = n > 1 && contrast > 3 * step && level > (6 * grid.reach) / (STEPS - 1);
    if (resolved) break;
    grid = {
      contrast: { from: logContrast - contrast, to: logContrast + contrast },
      level: (at) => logLevel + slope * (at - logContrast),
      reach: level,
    };
    found = posterior(samples, belief, grid);
  }
  return metricOf(found, told.length, middle, unit);
}

interface Point {
  u: number;
  v: number;
  q: number;
  noise: number;
  crowd: number;
}

interface Grid {
  /** Log contrast. */
  contrast: { from: number; to: number };
  /** Log M in the middle of the grid, and how far it reaches to both sides. */
  level(logContrast: number): number;
  reach: number;
}

/** Means and (co)variances of log contrast and log M, and of M and the slope contrast * M. */
interface Posterior {
  logContrast: number;
  logLevel: number;
  varContrast: number;
  covariance: number;
  varLevel: number;
  level: number;
  slope: number;
  moments: { level: number; both: number; slope: number };
}

/** Log contrast, log M and log probability of each node of a grid. */
const nodes = new Float64Array(3 * STEPS * STEPS * MODEL_ERRORS.length);

function posterior(points: readonly Point[], belief: (logContrast: number) => number, grid: Grid): Posterior {
  const { from, to } = grid.contrast;
  let [most, n] = [Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < STEPS; i++) {
    const k = from + ((to - from) * i) / (STEPS - 1);
    const [before, centre] = [belief(k), grid.level(k)];
    for (let j = 0; j < STEPS; j++) {
      const m = centre + grid.reach * ((2 * j) / (STEPS - 1) - 1);
      for (const model of MODEL_ERRORS) {
        const log = before + likelihood(points, Math.exp(k), Math.exp(m), model ** 2);
        most = Math.max(most, log);
        nodes[n++] = k;
        nodes[n++] = m;
        nodes[n++] = log;
      }
    }
  }
  let [total, k1, m1, k2, km, m2, l1, s1, l2, ls, s2] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < nodes.length; i += 3) {
    const [k, m] = [nodes[i]!, nodes[i + 1]!];
    const weight = Math.exp(nodes[i + 2]! - most);
    const [level, slope] = [Math.exp(m), Math.exp(k + m)];
    total += weight;
    k1 += weight * k;
    m1 += weight * m;
    k2 += weight * k * k;
    km += weight * k * m;
    m2 += weight * m * m;
    l1 += weight * level;
    s1 += weight * slope;
    l2 += weight * level * level;
    ls += weight * level * slope;
    s2 += weight * slope * slope;
  }
  const [logContrast, logLevel, level, slope] = [k1 / total, m1 / total, l1 / total, s1 / total];
  return {
    logContrast,
    logLevel,
    varContrast: Math.max(0, k2 / total - logContrast ** 2),
    covariance: km / total - logContrast * logLevel,
    varLevel: Math.max(0, m2 / total - logLevel ** 2),
    level,
    slope,
    moments: {
      level: Math.max(0, l2 / total - level ** 2),
      both: ls / total - level * slope,
      slope: Math.max(0, s2 / total - slope ** 2),
    },
  };
}

/** The anchors' log likelihood, up to a constant. @param model variance of the network's relative error */
function likelihood(points: readonly Point[], contrast: number, level: number, model: number): number {
  let [sum, residuals, variances] = [0, 1, 1];
  for (let i = 0; i < points.length; i++) {
    const { u, v, q, noise, crowd } = points[i]!;
    const expected = level * Math.max(MIN_LEVEL, 1 + contrast * u);
    // The network's error grows with the root of the inverse depth: neither alike everywhere nor in proportion to it.
    const variance = noise * expected * expected + crowd * model * level * expected + v * (contrast * level) ** 2;
    residuals *= 1 + (q - expected) ** 2 / (FREEDOM * variance);
    variances *= variance;
    // Logarithms of products of a few: they take most of the time.
    if (i % 8 === 7) {
      sum += (FREEDOM + 1) * Math.log(residuals) + Math.log(variances);
      [residuals, variances] = [1, 1];
    }
  }
  return -0.5 * (sum + (FREEDOM + 1) * Math.log(residuals) + Math.log(variances));
}

/** M by which half of the anchors are nearer. */
function medianLevel(points: readonly Point[], contrast: number): number {
  const levels = points.map(({ u, q }) => q / Math.max(MIN_LEVEL, 1 + contrast * u)).sort((a, b) => a - b);
  return levels[levels.length >> 1]!;
}

/** Whether the anchors rise, beyond doubt, where the map falls. */
function contradicts(points: readonly Point[]): boolean {
  const mean = (of: (point: Point) => number) => points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [u0, q0] = [mean(({ u }) => u), mean(({ q }) => q)];
  const [uu, uq] = [mean(({ u }) => (u - u0) ** 2), mean(({ u, q }) => (u - u0) * (q - q0))];
  const deviation = MODEL_ERRORS.at(-1)! * q0 * Math.sqrt(uu / points.length);
  return uq < CONTRADICTION * deviation && concordance(points) < 0;
}

/** Pairs of anchors that agree with the map about which is nearer, less those that do not: a few wrong ones do not decide it. */
function concordance(points: readonly Point[]): number {
  let sum = 0;
  for (const [i, one] of points.entries())
    for (let j = 0; j < i; j++) sum += Math.sign((one.u - points[j]!.u) * (one.q - points[j]!.q));
  return sum;
}

function metricOf({ level, slope, moments }: Posterior, anchors: number, middle: number, unit: number): MetricMap {
  const scale = slope / unit;
  const shift = level - scale * middle;
  // Of scale and shift; then the variance of q = scale * d + shift, with d = (q - shift) / scale put in.
  const varScale = moments.slope / unit ** 2;
  const covariance = moments.both / unit - varScale * middle;
  const varShift = moments.level - 2 * (middle / unit) * moments.both + varScale * middle ** 2;
  const steep = varScale / scale ** 2;
  return {
    scale,
    shift,
    anchors: Math.min(anchors, 0xffff),
    variance: [
      varShift - (2 * covariance * shift) / scale + steep * shift ** 2,
      (2 * covariance) / scale - 2 * steep * shift,
      steep,
    ],
  };
}

/** Of a network that gives metres: its scale alone, by a median of the ratios weighted by age. */
export function fitScale(samples: readonly Sample[]): MetricMap | undefined {
  const usable = samples
    .filter(({ value }) => value > 0)
    .map((sample) => ({ ...sample, weight: 1 / (1 + sample.age / FADE) }));
  if (usable.length === 0) return undefined;
  const ratios = usable.map(({ metres, value }) => metres / value);
  const scale = weightedMedian(ratios, usable);
  const off = ratios.map((ratio) => Math.abs(ratio / scale - 1));
  const told = weightedMedian(
    usable.map(({ error }) => error),
    usable,
  );
  const sigma = Math.max(1.4826 * weightedMedian(off, usable), Math.hypot(told, MODEL_ERRORS[0]!));
  // A median needs pi / 2 times the samples of a mean.
  const variance = (sigma ** 2 * (Math.PI / 2)) / usable.length;
  return { scale, shift: 0, anchors: Math.min(usable.length, 0xffff), variance: [0, 0, variance] };
}

/** Seconds in which an anchor's weight falls to half. */
const FADE = 15;

function weightedMedian(values: readonly number[], samples: readonly { weight: number }[]): number {
  const order = values.map((value, i) => ({ value, weight: samples[i]!.weight })).sort((a, b) => a.value - b.value);
  const half = order.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let below = 0;
  for (const { value, weight } of order) {
    below += weight;
    if (below >= half) return value;
  }
  return order.at(-1)?.value ?? 0;
}
