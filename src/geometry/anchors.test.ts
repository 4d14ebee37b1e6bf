import { expect, test } from 'vitest';
import { seeded } from '../../test/depth-map.ts';
import { type Anchor, AnchorTracker } from './anchors.ts';
import { metresError } from './points.ts';

const [WIDTH, HEIGHT] = [64, 48];
const random = seeded(11);
/** Normally distributed (Box and Muller). */
const gauss = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const [SCALE, SHIFT] = [0.02, 0.03];

/** A slanted scene of 1 to 10 metres, and the disparity that a network gives of it. */
const truth = Float32Array.from({ length: WIDTH * HEIGHT }, (_, i) => 1 / (0.1 + (0.9 * (i % WIDTH)) / WIDTH));
const disparity = truth.map((z) => (1 / z - SHIFT) / SCALE);
const map = { values: disparity, width: WIDTH, height: HEIGHT, unit: 'disparity', epoch: 0 } as const;

function anchorAt(x: number, wrong = 1, noise = 0): Anchor {
  const metres = truth[10 * WIDTH + Math.floor(x * WIDTH)]! * wrong * (1 + noise * gauss());
  return { x, y: 10.5 / HEIGHT, metres };
}

function errorOf({ scale, shift }: { scale: number; shift: number }): number {
  return truth.reduce((sum, z, i) => sum + Math.abs(1 / (scale * disparity[i]! + shift) / z - 1), 0) / truth.length;
}

test('exact anchors give the scale and shift exactly', () => {
  const tracker = new AnchorTracker();
  tracker.add([0.05, 0.3, 0.5, 0.7, 0.95].map((x) => anchorAt(x)));
  expect(errorOf(tracker.update(map, 0)!)).toBeLessThan(0.03);
});

test('a fifth of wild anchors changes little', () => {
  for (let turn = 0; turn < 20; turn++) {
    const tracker = new AnchorTracker();
    const places = Array.from({ length: 20 }, (_, i) => (i + 0.5) / 20);
    tracker.add(places.map((x, i) => anchorAt(x, i % 5 === turn % 5 ? (turn % 2 ? 3 : 0.3) : 1, 0.02)));
    expect(errorOf(tracker.update(map, 0)!)).toBeLessThan(0.06);
  }
});

test('noise of 5 % is averaged, and the told uncertainty is of its size', () => {
  let [errors, told] = [0, 0];
  const turns = 40;
  for (let turn = 0; turn < turns; turn++) {
    const tracker = new AnchorTracker();
    tracker.add(Array.from({ length: 8 }, (_, i) => anchorAt((i + 0.5) / 8, 1, 0.05)));
    const fit = tracker.update(map, 0)!;
    errors += errorOf(fit) / turns;
    told += metresError({ accuracy: fit }, 3) / 3 / turns;
  }
  expect(errors).toBeLessThan(0.05);
  expect(told / errors).toBeGreaterThan(0.3);
  expect(told / errors).toBeLessThan(3);
});

test('one anchor is enough for a scale; its uncertainty is larger than that of many', () => {
  const one = new AnchorTracker();
  one.add([anchorAt(0.9)]);
  const fit = one.update(map, 0)!;
  expect(fit.anchors).toBe(1);
  expect(1 / (fit.scale * disparity[10 * WIDTH + 57]! + fit.shift)).toBeCloseTo(truth[10 * WIDTH + 57]!, 1);
  const many = new AnchorTracker();
  many.add(Array.from({ length: 20 }, (_, i) => anchorAt((i + 0.5) / 20)));
  expect(metresError({ accuracy: many.update(map, 0)! }, 5)).toBeLessThan(metresError({ accuracy: fit }, 5));
});

test('what says nothing gives nothing: no anchors, pixels without a value, distances the wrong way round', () => {
  expect(new AnchorTracker().update(map, 0)).toBeUndefined();
  const blind = new AnchorTracker();
  blind.add([anchorAt(0.5)]);
  expect(blind.update({ ...map, values: new Float32Array(WIDTH * HEIGHT).fill(Number.NaN) }, 0)).toBeUndefined();
  expect(blind.missed).toBe(1);
  const negative = new AnchorTracker();
  negative.add([anchorAt(0.2), anchorAt(0.8)]);
  const fit = negative.update({ ...map, values: disparity.map((d) => -d) }, 0);
  if (fit) expect(fit.scale).toBeGreaterThan(0);
});

test('values of a network whose 0 is not infinitely far: five anchors at random, most of them at one distance', () => {
  // A normalised network: about 0 in the middle, below it behind that.
  const normalised = { ...map, values: disparity.map((d) => d / 10 - 2.5) };
  let [error, turns] = [0, 0];
  for (let turn = 0; turn < 50; turn++) {
    const tracker = new AnchorTracker();
    const far = turn % 2 === 0;
    tracker.add(Array.from({ length: 5 }, () => anchorAt(far ? 0.15 * random() : random(), 1, 0.05)));
    const fit = tracker.update(normalised, 0)!;
    expect(fit.scale).toBeGreaterThan(0);
    // Where the anchors are they are right, whatever is said of the rest.
    const at = (x: number) => fit.scale * normalised.values[10 * WIDTH + Math.floor(x * WIDTH)]! + fit.shift;
    if (far) {
      error += Math.abs(1 / at(0.07) / truth[10 * WIDTH + 4]! - 1);
      turns++;
    }
  }
  expect(error / turns).toBeLessThan(0.07);
});

test('several anchors at one distance do not blow up', () => {
  const tracker = new AnchorTracker();
  tracker.add(Array.from({ length: 6 }, () => anchorAt(0.5, 1, 0.05)));
  const fit = tracker.update(map, 0)!;
  expect(Number.isFinite(fit.scale + fit.shift)).toBe(true);
  expect(1 / (fit.scale * disparity[10 * WIDTH + 32]! + fit.shift) / truth[10 * WIDTH + 32]!).toBeCloseTo(1, 1);
});

test('a new epoch forgets; anchors grow old; a new one moves the depth slowly', () => {
  const tracker = new AnchorTracker();
  tracker.add([anchorAt(0.2), anchorAt(0.5), anchorAt(0.8)]);
  const first = tracker.update(map, 0)!;
  // A wrong world from now on: everything twice as far.
  tracker.add(Array.from({ length: 30 }, (_, i) => anchorAt((i + 0.5) / 30, 2)));
  const middle = disparity[24 * WIDTH + 32]!;
  const distance = (fit: { scale: number; shift: number }) => 1 / (fit.scale * middle + fit.shift);
  let before = distance(first);
  for (let n = 1; n <= 100; n++) {
    const now = distance(tracker.update(map, n / 20)!);
    expect(now / before).toBeLessThan(1 + 0.5 / 20 + 0.02);
    before = now;
  }
  expect(before / distance(first)).toBeGreaterThan(1.8);
  expect(tracker.update({ ...map, epoch: 1 }, 6)).toBeUndefined();
});

test('a network that gives metres is scaled, by the median', () => {
  const tracker = new AnchorTracker();
  const metric = { ...map, values: truth.map((z) => z / 1.5), unit: 'metres' } as const;
  tracker.add([anchorAt(0.1), anchorAt(0.4), anchorAt(0.6), anchorAt(0.9, 4), anchorAt(0.7)]);
  expect(tracker.update(metric, 0)).toMatchObject({ shift: 0, scale: expect.closeTo(1.5, 1), anchors: 5 });
});

test('many anchors are fitted with every eighth map, few with each', () => {
  const fits = (count: number) => {
    const tracker = new AnchorTracker();
    const found = new Set<number>();
    for (let n = 0; n < 40; n++) {
      tracker.add(Array.from({ length: count }, (_, i) => anchorAt((i + 0.5) / count, 1 + n / 400)));
      // A fit's variance is its own: what is fitted anew has another.
      found.add(tracker.update(map, n / 30)!.variance[2]);
    }
    return found.size;
  };
  expect(fits(256)).toBe(5);
  expect(fits(1)).toBeGreaterThan(30);
});

test('what anchors say is gathered, also of a network that errs at each place', () => {
  const erring = { ...map, values: disparity.map((d) => d * (1 + 0.15 * gauss())) };
  let [first, last] = [0, 0];
  for (let turn = 0; turn < 10; turn++) {
    const tracker = new AnchorTracker();
    for (let n = 0; n < 20; n++) {
      tracker.add(Array.from({ length: 5 }, () => anchorAt(random(), 1, 0.05)));
      const error = errorOf(tracker.update(erring, n / 10)!);
      if (n === 0) first += error;
      last = n === 19 ? last + error : last;
    }
  }
  expect(last).toBeLessThan(0.5 * first);
});

test('one beam at one place knows that place, and does not claim to know the rest better and better', () => {
  const tracker = new AnchorTracker();
  const told: number[] = [];
  for (let n = 0; n < 60; n++) {
    tracker.add([anchorAt(0.5, 1, 0.05)]);
    const fit = tracker.update(map, n / 10)!;
    told.push(metresError({ accuracy: fit }, 1.2) / 1.2);
  }
  expect(told.at(-1)!).toBeGreaterThan(0.5 * told[5]!);
});

test('one anchor much too near among ten exact ones is an outlier, not a contradiction', () => {
  const tracker = new AnchorTracker();
  tracker.add(Array.from({ length: 10 }, (_, i) => anchorAt((i + 0.5) / 10, i === 1 ? 0.1 : 1)));
  const fit = tracker.update(map, 0);
  expect(fit && errorOf(fit)).toBeLessThan(0.1);
  expect(tracker.takeProblem()).toBeUndefined();
});

test('an anchor on a value at or below 0 gives metres; what cannot come to use is told, once', () => {
  const centred = { ...map, values: disparity.map((d) => (d - 25) / 10) };
  const lone = new AnchorTracker();
  lone.add([anchorAt(0.1)]);
  const fit = lone.update(centred, 0)!;
  expect(centred.values[10 * WIDTH + 6]).toBeLessThan(0);
  expect(1 / (fit.scale * centred.values[10 * WIDTH + 6]! + fit.shift) / truth[10 * WIDTH + 6]!).toBeCloseTo(1, 0);
  expect(lone.takeProblem()).toBeUndefined();
  const cases = [
    [{ ...map, values: disparity.map((d) => -d) }, /contradict/],
    [{ ...map, values: disparity.map(() => Number.NaN) }, /no value at 0\.200, 0\.219/],
    [{ ...map, values: disparity.map(() => 0), unit: 'metres' }, /no distance/],
  ] as const;
  for (const [told, problem] of cases) {
    const tracker = new AnchorTracker();
    tracker.add([anchorAt(0.8), anchorAt(0.2)]);
    expect(tracker.update(told, 0)).toBeUndefined();
    expect(tracker.takeProblem()).toMatch(problem);
    expect(tracker.takeProblem()).toBeUndefined();
  }
});
