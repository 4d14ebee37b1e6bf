import { GraphBuilder } from '../../src/model/graph/builder.ts';
import { type ToyUnit, writeToyModel } from './toy-model.ts';

/**
 * Writes a network that goes by the camera: depth is the red of its picture times the horizontal focal length, and the vertical one of the
 * frame before is added.
 * @returns the path of its manifest
 */
export function writeFocalModel(folder: string, width: number, height: number, unit: ToyUnit = 'metres'): string {
  const b = new GraphBuilder();
  const image = b.input('image', 'float32', [1, 3, height, width]);
  b.input('slots', 'int64', [2]);
  b.input('mask', 'float32', [2]);
  const focal = b.input('focal', 'float32', [2]);
  const before = b.input('c0', 'float32', [1, 1, 1]);
  const [across, down] = [0, 1].map((axis) => b.reshape(b.slice(focal, 0, axis, axis + 1), [1, 1, 1]));
  const red = b.reshape(b.slice(image, 1, 0, 1), [1, height, width]);
  b.output('depth', b.add(b.mul(red, across!), before));
  b.output(
    'h0',
    b.mul(
      down!,
      b.weight('one', [1, 1, 1], () => Float32Array.of(1), 'float32'),
    ),
  );
  return writeToyModel(b, folder, {
    name: 'focal',
    title: 'The picture times its focal length',
    unit,
    width,
    height,
  });
}
