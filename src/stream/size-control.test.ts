import { describe, expect, it } from 'vitest';
import { seeded } from '../../test/depth-map.ts';
import { SizeControl } from './size-control.ts';

/** 256, 224, 192 and 160 wide. */
const COSTS = [1, 0.77, 0.56, 0.39];

/** A server that is asked for `demand(second)` workers at full size, and drops what it cannot do. */
function serve(control: SizeControl, seconds: number, demand: (second: number) => number): number[] {
  return Array.from({ length: seconds }, (_, second) => {
    const utilisation = demand(second) * COSTS[control.steps]!;
    return control.tick({ utilisation, dropped: Math.max(0, 1 - 1 / utilisation) });
  });
}
const changes = (steps: readonly number[]) => steps.filter((step, i) => i > 0 && step !== steps[i - 1]).length;

describe('SizeControl', () => {
  it('leaves a server alone that has the time', () => {
    expect(new Set(serve(new SizeControl(COSTS), 600, () => 0.8))).toEqual(new Set([0]));
  });

  it('goes down in one step as far as the load says, before frames are dropped, and stays', () => {
    const steps = serve(new SizeControl(COSTS), 600, (second) => (second < 10 ? 0.5 : 1.2));
    expect(steps.slice(0, 10)).toEqual(Array(10).fill(0));
    expect(steps[13]).toBe(2);
    expect(changes(steps)).toBe(1);
    // The workers keep up, but hardly: no frame is lost yet.
    expect(serve(new SizeControl(COSTS), 30, () => 0.9).at(-1)).toBe(1);
    expect(serve(new SizeControl(COSTS), 60, () => 5).at(-1)).toBe(3);
  });

  it('goes up again step by step when the load has gone', () => {
    const control = new SizeControl(COSTS);
    expect(serve(control, 20, () => 2).at(-1)).toBe(3);
    const steps = serve(control, 60, () => 0.3);
    expect(steps.slice(0, 9)).toEqual(Array(9).fill(3));
    expect([...new Set(steps)]).toEqual([3, 2, 1, 0]);
  });

  it('does not swing between two sizes: a step up that was a mistake is tried ever less often', () => {
    // What a larger network takes is not what its area says: it never pays.
    const control = new SizeControl(COSTS);
    const steps: number[] = [];
    for (let second = 0; second < 3600; second++) {
      const utilisation = control.steps === 0 ? 1.3 : 0.45;
      steps.push(control.tick({ utilisation, dropped: control.steps === 0 ? 0.2 : 0 }));
    }
    const mistakes = (from: number, to: number) =>
      steps.slice(from, to).filter((step, i, all) => i > 0 && step === 0 && all[i - 1] === 1).length;
    expect(mistakes(0, 300)).toBeLessThanOrEqual(5);
    expect(mistakes(1800, 3600)).toBeLessThanOrEqual(10);
  });

  it('takes neither a second of trouble nor a noisy load for more than it is', () => {
    const random = seeded(3);
    expect(new Set(serve(new SizeControl(COSTS), 300, (second) => (second % 40 === 7 ? 3 : 0.5)))).toEqual(
      new Set([0]),
    );
    const noisy = serve(new SizeControl(COSTS), 600, () => 1.1 * (0.9 + 0.2 * random()));
    expect(changes(noisy)).toBeLessThanOrEqual(3);
  });

  it('goes by the frames that are dropped where the workers seem to have time', () => {
    const control = new SizeControl(COSTS);
    for (let second = 0; second < 4; second++) control.tick({ utilisation: 0.5, dropped: 0.1 });
    expect(control.steps).toBe(1);
  });
});
