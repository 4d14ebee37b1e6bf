export type ColourMapName = 'turbo' | 'inferno' | 'gray';

type Polynomial = readonly number[];

/** One polynomial a channel, lowest power first; argument and value in 0..1. */
const POLYNOMIALS: Record<ColourMapName, readonly [Polynomial, Polynomial, Polynomial]> = {
  // Fit of Ruofei Du to Anton Mikhailov's "Turbo, An Improved Rainbow Colormap for Visualization" (Google, 2019).
  turbo: [
    [0.13572138, 4.6153926, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
    [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
    [0.1066733, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
  ],
  // Fit of Matt Zucker (public domain, 2019) to inferno of van der Walt and Smith (matplotlib 1.5).
  inferno: [
    [0.00021894, 0.10651342, 11.60249308, -41.703996131, 77.1629356994, -71.319428245, 25.1311262248],
    [0.001651004631, 0.5639564368, -3.9728539657, 17.4363988821, -33.4023589421, 32.626064264, -12.2426689524],
    [-0.0194808984, 3.9327123889, -15.9423941063, 44.3541451987, -81.8073092574, 73.209519858, -23.0703250029],
  ],
  gray: [
    [0, 1],
    [0, 1],
    [0, 1],
  ],
};

const evaluate = (p: Polynomial, x: number): number =>
  Math.min(
    1,
    Math.max(
      0,
      p.reduceRight((sum, coefficient) => sum * x + coefficient, 0),
    ),
  );

/** Red, green, blue in 0..1 at `nearness` (0 far, 1 near). */
export function colourAt(map: ColourMapName, nearness: number): [number, number, number] {
  const [r, g, b] = POLYNOMIALS[map];
  return [evaluate(r, nearness), evaluate(g, nearness), evaluate(b, nearness)];
}
