import type ort from 'onnxruntime-node';
import { DepthcastError } from '../../errors.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import { isStateType, type StateType } from '../../model/state-cache.ts';
import { createWindow } from '../../model/window.ts';

export interface CacheShape {
  /** Tokens of the cache for a network size. */
  tokens(width: number, height: number): number;
  channels: number;
  type: StateType;
}

export function badModel(detail: string): DepthcastError {
  return new DepthcastError('BAD_MODEL', { detail });
}

type Meta = { name: string; type: string; shape: readonly (number | string)[] };

/**
 * Checks a graph's inputs and outputs against the streaming contract (docs/models.md).
 * @returns the shape of each cache, in order
 * @throws DepthcastError BAD_MODEL
 */
export function checkContract(manifest: ModelManifest, session: ort.InferenceSession): CacheShape[] {
  const inputs = new Map(session.inputMetadata.map((m) => [m.name, m as Meta]));
  const outputs = new Set(session.outputNames);
  const slotCount = createWindow(manifest.window).slotCount;
  expectInput(inputs.get('image'), 'image', 'float32', 4);
  for (const [name, type] of [
    ['slots', 'int64'],
    ['mask', 'float32'],
  ] as const) {
    const [length] = expectInput(inputs.get(name), name, type, 1);
    if (typeof length === 'number' && length !== slotCount)
      throw badModel(`${name} has ${length} slots, the manifest's window makes ${slotCount}`);
  }
  if (!outputs.has('depth')) throw badModel('there is no output named depth');
  const caches: CacheShape[] = [];
  for (let i = 0; inputs.has(`c${i}`); i++) {
    const { type } = inputs.get(`c${i}`)!;
    if (!isStateType(type)) throw badModel(`c${i} is ${type}, which no state is kept in`);
    const [tokens, , channels] = expectInput(inputs.get(`c${i}`), `c${i}`, type, 3);
    if (typeof channels !== 'number') throw badModel(`c${i} leaves its channels open`);
    if (!outputs.has(`h${i}`)) throw badModel(`c${i} has no output h${i} to be filled from`);
    caches.push({ tokens: tokenRule(tokens!, `c${i}`), channels, type });
  }
  return caches;
}

function expectInput(meta: Meta | undefined, name: string, type: string, rank: number): readonly (number | string)[] {
  if (meta === undefined) throw badModel(`there is no input named ${name}`);
  if (meta.type !== type || meta.shape.length !== rank)
    throw badModel(`${name} is ${meta.type} of rank ${meta.shape.length}, not ${type} of rank ${rank}`);
  return meta.shape;
}

/** A graph of open size names its token axes T16, N32...: one token for each such square of pixels. */
function tokenRule(axis: number | string, cache: string): CacheShape['tokens'] {
  if (typeof axis === 'number') return () => axis;
  const stride = Number(/^[A-Z](\d+)$/.exec(axis)?.[1]);
  if (!(stride > 0))
    throw badModel(`the token axis of ${cache} is named ${axis}; expected a letter and a stride, such as T32`);
  return (width, height) => Math.ceil(width / stride) * Math.ceil(height / stride);
}
