import { parseContender } from '../../src/evaluation/contender.ts';
import type { Predictor } from '../../src/evaluation/predictor.ts';

/** What a network once said, played back: [height*width] maps by the number of their frame. */
export const playedBack = (
  [height, width]: readonly [number, number],
  unit: Predictor['unit'],
  map: (index: number) => Float32Array,
): Predictor => ({
  contender: { ...parseContender('constant', ''), label: unit },
  unit,
  signed: false,
  description: '',
  start: () => ({
    take: async () => {},
    predict: async (index) => ({ values: map(index), width, height, milliseconds: undefined, epoch: 0, release() {} }),
    close() {},
  }),
});
