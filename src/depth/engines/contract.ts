import type ort from 'onnxruntime-node';
import { DepthcastError } from '../../errors.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import { ringLength } from '../../model/ring-window.ts';
import type { Size } from '../../model/size.ts';
import { isStateType, type StateType } from '../../model/state-cache.ts';
import { createWindow } from '../../model/window.ts';

export interface CacheShape {
  /** Tokens of the cache for a network size. */
  tokens(width: number, height: number): number;
  /** How they lie over the picture, row by row; undefined where the graph has one size. */
  grid: ((size: Size) => Size) | undefined;
  channels: number;
  type: StateType;
}

export function badModel(detail: string): DepthcastError {
  return new DepthcastError('BAD_MODEL', { detail });
}

/** A graph's input or output; an axis that is left open has a name. */
export interface TensorInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

export interface GraphBorders {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/**
 * `states`: the graph reads cached states and puts out this frame's. `rings`: it writes its own rings of states (the
 * contract's second form).
 */
export type ContractForm = 'states' | 'rings';

export interface Contract {
  readonly form: ContractForm;
  /** In the order of their numbers. */
  readonly caches: readonly CacheShape[];
  readonly summary: boolean;
  /** It asks for the camera's focal lengths. */
  readonly focal: boolean;
  /** Axes of the map before its height and width: ones. */
  readonly depthBatch: readonly number[];
}

/** What a session of onnxruntime-node says of its graph. */
export function bordersOf({ inputMetadata, outputMetadata }: ort.InferenceSession): GraphBorders {
  const infos = (all: readonly ort.InferenceSession.ValueMetadata[]) =>
    all.flatMap((one) => (one.isTensor ? [{ name: one.name, type: one.type as string, shape: one.shape }] : []));
  return { inputs: infos(inputMetadata), outputs: infos(outputMetadata) };
}

/**
 * Checks a graph's inputs and outputs against the streaming contract (docs/models.md).
 * @throws DepthcastError BAD_MODEL
 */
export function checkContract(manifest: ModelManifest, borders: GraphBorders): Contract {
  const inputs = new Map(borders.inputs.map((info) => [info.name, info]));
  const outputs = new Map(borders.outputs.map((info) => [info.name, info]));
  const form: ContractForm = outputs.has('n0') ? 'rings' : 'states';
  const slotCount = form === 'rings' ? ringLength(manifest.window) : createWindow(manifest.window).slotCount;
  expectInput(inputs.get('image'), 'image', 'float32', 4);
  for (const [name, type] of [
    ['slots', 'int64'],
    ['mask', 'float32'],
  ] as const) {
    const [length] = expectInput(inputs.get(name), name, type, 1);
    if (typeof length === 'number' && length !== slotCount)
      throw badModel(`${name} has ${length} slots, the manifest's window makes ${slotCount}`);
  }
  if (form === 'rings') {
    expectInput(inputs.get('here'), 'here', 'int64', 1);
    const [, places] = expectInput(inputs.get('write'), 'write', 'bool', 3);
    if (typeof places === 'number' && places !== slotCount)
      throw badModel(`write has ${places} places, the manifest's window makes ${slotCount}`);
  }
  const focal = inputs.get('focal');
  if (focal !== undefined) {
    const [axes] = expectInput(focal, 'focal', 'float32', 1);
    if (typeof axes === 'number' && axes !== 2) throw badModel(`focal holds ${axes} numbers, not 2`);
  }
  const map = outputs.get('depth');
  if (map === undefined) throw badModel('there is no output named depth');
  const next = form === 'rings' ? 'n' : 'h';
  const caches: CacheShape[] = [];
  for (let i = 0; inputs.has(`c${i}`); i++) {
    const { type } = inputs.get(`c${i}`)!;
    if (!isStateType(type)) throw badModel(`c${i} is ${type}, which no state is kept in`);
    const [tokens, places, channels] = expectInput(inputs.get(`c${i}`), `c${i}`, type, 3);
    if (typeof channels !== 'number') throw badModel(`c${i} leaves its channels open`);
    if (form === 'rings' && typeof places === 'number' && places !== slotCount)
      throw badModel(`c${i} is a ring of ${places}, the manifest's window makes ${slotCount}`);
    if (!outputs.has(`${next}${i}`)) throw badModel(`c${i} has no output ${next}${i} to be filled from`);
    caches.push({ ...tokenRule(tokens!, `c${i}`), channels, type });
  }
  const depthBatch = Array<number>(Math.max(0, map.shape.length - 2)).fill(1);
  return { form, caches, summary: outputs.has('summary'), focal: focal !== undefined, depthBatch };
}

function expectInput(
  info: TensorInfo | undefined,
  name: string,
  type: string,
  rank: number,
): readonly (number | string)[] {
  if (info === undefined) throw badModel(`there is no input named ${name}`);
  if (info.type !== type || info.shape.length !== rank)
    throw badModel(`${name} is ${info.type} of rank ${info.shape.length}, not ${type} of rank ${rank}`);
  return info.shape;
}

/** A graph of open size names its token axes T16, N32...: one token for each such square of pixels. */
function tokenRule(axis: number | string, cache: string): Pick<CacheShape, 'tokens' | 'grid'> {
  // One token stands for the picture as a whole, whatever its size.
  if (typeof axis === 'number')
    return { tokens: () => axis, grid: axis === 1 ? () => ({ width: 1, height: 1 }) : undefined };
  const stride = Number(/^[A-Z](\d+)$/.exec(axis)?.[1]);
  if (!(stride > 0))
    throw badModel(`the token axis of ${cache} is named ${axis}; expected a letter and a stride, such as T32`);
  const grid = ({ width, height }: Size) => ({ width: Math.ceil(width / stride), height: Math.ceil(height / stride) });
  return { grid, tokens: (width, height) => Math.ceil(width / stride) * Math.ceil(height / stride) };
}
