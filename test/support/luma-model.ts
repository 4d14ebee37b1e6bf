import { GraphBuilder } from '../../src/model/graph/builder.ts';
import { type ToyUnit, writeToyModel } from './toy-model.ts';

/**
 * Writes a network whose depth is the red of its picture, so that a test reads in a depth map which picture it was made of.
 * It keeps the streaming contract and remembers nothing.
 * @returns the path of its manifest
 */
export function writeLumaModel(folder: string, width: number, height: number, unit: ToyUnit = 'disparity'): string {
  const b = new GraphBuilder();
  const image = b.input('image', 'float32', [1, 3, height, width]);
  b.input('slots', 'int64', [2]);
  b.input('mask', 'float32', [2]);
  b.output('depth', b.reshape(b.slice(image, 1, 0, 1), [1, height, width]));
  return writeToyModel(b, folder, { name: 'luma', title: 'The picture itself', unit, width, height });
}
