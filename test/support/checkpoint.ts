import { contiguousStrides } from '../../src/model/checkpoint/tensor.ts';
import { type Dimensions, formulaWeights } from './formula.ts';
import { pickledDict, pickledTensor, pth } from './pth.ts';

/**
 * A network by formula as torch.save would write it.
 * @param change May alter a tensor's values in place.
 */
export function formulaCheckpoint(
  dimensions: Dimensions,
  change: (name: string, values: Float32Array) => void = () => {},
): Buffer {
  const { tensors, read } = formulaWeights(dimensions);
  const storages: Record<string, Uint8Array> = {};
  const values: Record<string, Buffer> = {};
  for (const [name, { shape }] of tensors) {
    const data = read(name);
    change(name, data);
    storages[name] = new Uint8Array(data.buffer);
    values[name] = pickledTensor({ key: name, elements: data.length, shape, strides: contiguousStrides(shape) });
  }
  return pth(pickledDict(values), storages);
}
