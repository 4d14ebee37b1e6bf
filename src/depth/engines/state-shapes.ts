import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { WEIGHTS_FILE } from '../../model/graph/write.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import { type RingWindow, ringLength } from '../../model/ring-window.ts';
import type { Size } from '../../model/size.ts';
import { type AttentionWindow, createWindow } from '../../model/window.ts';
import { badModel, type Contract } from './contract.ts';
import type { DeviceLedger } from './device-ledger.ts';
import type { DeviceRuntime, DeviceSession, DeviceTensor, HostTensor, TensorShape } from './device-runtime.ts';

/** Bytes that frames' runs copied between this process and the device. */
export interface Traffic {
  frames: number;
  /** Pictures up, maps and features down. */
  up: number;
  down: number;
  /** Slots, masks and write places up: some hundred bytes a frame. */
  control: number;
}

export interface MemoryOptions {
  manifest: ModelManifest;
  runtime: DeviceRuntime;
  session: DeviceSession;
  contract: Contract;
  traffic: Traffic;
  ledger: DeviceLedger;
  size: Size;
}

export type Tensors = Record<string, DeviceTensor>;
export type MixedTensors = Record<string, HostTensor | DeviceTensor>;

export interface MemoryShapes {
  /** Twice, read and written in turn. */
  readonly held: readonly TensorShape[];
  /** Once. */
  readonly incoming: readonly TensorShape[];
  readonly delayCount: number;
}

/** What a stream has on the device. */
export interface StateTensors {
  /** Read by the next frame, and written by it: they change places after each. */
  from: Tensors;
  to: Tensors;
  /** A frame's own states, where the network does not write its caches itself. */
  readonly incoming: Tensors;
}

/** Where a stream's states are at home: StateMemory. */
export interface StateHome<State> {
  readonly options: MemoryOptions;
  readonly shapes: MemoryShapes;
  /** Takes a frame's states into the caches, of a network that does not do it itself. */
  readonly update: DeviceSession | undefined;
  /** Runs a graph for a frame and counts what it copies between this process and the device. */
  run(session: DeviceSession, feeds: MixedTensors, fetches: MixedTensors): Promise<void>;
  /** @param keep false writes zeros */
  copy(from: Tensors, to: MixedTensors, keep: boolean): Promise<void>;
  /** @throws DepthcastError BUSY */
  fork(from: Tensors, window: RingWindow | AttentionWindow): Promise<State>;
  /** Of a state that gave its tensors back. */
  ended(state: State): void;
}

/** What a stream holds on the device. */
export function memoryShapes(
  manifest: ModelManifest,
  { form, caches }: Contract,
  { width, height }: Size,
): MemoryShapes {
  const held: TensorShape[] = [];
  const incoming: TensorShape[] = [];
  const rule = manifest.window;
  const { slotCount, delayCount } = createWindow(rule);
  caches.forEach(({ tokens: count, channels }, i) => {
    const tokens = count(width, height);
    if (!(Number.isInteger(tokens) && tokens > 0)) throw badModel(`c${i} has ${tokens} tokens for ${width}x${height}`);
    if (form === 'rings') {
      held.push({ name: `c${i}`, shape: [tokens, ringLength(rule), channels] });
      return;
    }
    held.push({ name: `c${i}`, shape: [tokens, slotCount - 1, channels] });
    if (delayCount > 0) held.push({ name: `e${i}`, shape: [tokens, delayCount, channels] });
    incoming.push({ name: `h${i}`, shape: [tokens, 1, channels] });
  });
  return { held, incoming, delayCount };
}

export function stateBytes({ held, incoming }: MemoryShapes): number {
  const bytes = (all: readonly TensorShape[]) =>
    all.reduce((sum, { shape }) => sum + 4 * shape.reduce((n, side) => n * side, 1), 0);
  return 2 * bytes(held) + bytes(incoming);
}

/** Of the weights, which lie on the device as they lie on the disk. */
export function graphBytes(graph: string): number {
  const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return size(graph) + size(join(dirname(graph), WEIGHTS_FILE));
}

export const hostTensor = (
  type: HostTensor['type'],
  data: HostTensor['data'],
  shape: readonly number[],
): HostTensor => ({ type, data, shape });
