import { DepthcastError } from '../../errors.ts';
import { copyGraph, updateGraph } from '../../model/graph/state-graphs.ts';
import { createRing, type RingWindow } from '../../model/ring-window.ts';
import { type AttentionWindow, createWindow } from '../../model/window.ts';
import { type DeviceSession, isHost } from './device-runtime.ts';
import { DeviceState } from './device-state.ts';
import {
  type MemoryOptions,
  type MemoryShapes,
  type MixedTensors,
  memoryShapes,
  type StateHome,
  stateBytes,
  type Tensors,
} from './state-shapes.ts';

/** The states of the streams of one size: their shapes, and the graphs that make, copy and update them. */
export class StateMemory implements StateHome<DeviceState> {
  readonly users = new Set<DeviceState>();
  readonly options: MemoryOptions;
  readonly shapes: MemoryShapes;
  readonly update: DeviceSession | undefined;
  readonly #bytes: number;
  #copy: DeviceSession | undefined;

  private constructor(options: MemoryOptions, shapes: MemoryShapes, update?: DeviceSession) {
    this.options = options;
    this.shapes = shapes;
    this.update = update;
    this.#bytes = stateBytes(shapes);
  }

  static async open(options: MemoryOptions): Promise<StateMemory> {
    const { manifest, contract, size, runtime } = options;
    const shapes = memoryShapes(manifest, contract, size);
    if (contract.form === 'rings') return new StateMemory(options, shapes);
    const layouts = shapes.held
      .filter(({ name }) => name.startsWith('c'))
      .map(({ shape: [tokens, slots, channels] }) => ({ tokens: tokens!, slots: slots!, channels: channels! }));
    return new StateMemory(options, shapes, await runtime.open(updateGraph(layouts, shapes.delayCount)));
  }

  get liveBytes(): number {
    return this.users.size * this.#bytes;
  }

  /** @throws DepthcastError BUSY where the device's memory, or what is allowed of it, is full */
  async state(): Promise<DeviceState> {
    const { manifest, contract } = this.options;
    const window = contract.form === 'rings' ? createRing(manifest.window) : createWindow(manifest.window);
    return this.#fresh(window);
  }

  /** @throws DepthcastError as `state` */
  async fork(from: Tensors, window: RingWindow | AttentionWindow): Promise<DeviceState> {
    const state = await this.#fresh(window);
    try {
      await this.copy(from, state.current, true);
      return state;
    } catch (thrown) {
      state.dispose();
      throw thrown;
    }
  }

  ended(state: DeviceState): void {
    if (this.users.delete(state)) this.options.ledger.give(this.#bytes);
  }

  async run(session: DeviceSession, feeds: MixedTensors, fetches: MixedTensors): Promise<void> {
    await session.run(feeds, fetches);
    const { traffic } = this.options;
    for (const name of Object.keys(feeds)) {
      const tensor = feeds[name]!;
      if (!isHost(tensor)) continue;
      if (name === 'image') traffic.up += tensor.data.byteLength;
      else traffic.control += tensor.data.byteLength;
    }
    for (const name of Object.keys(fetches)) {
      const tensor = fetches[name]!;
      if (isHost(tensor)) traffic.down += tensor.data.byteLength;
    }
  }

  async copy(from: Tensors, to: MixedTensors, keep: boolean): Promise<void> {
    this.#copy ??= await this.options.runtime.open(copyGraph(this.shapes.held));
    const outputs: MixedTensors = {};
    // As copyGraph names them.
    for (const [name, tensor] of Object.entries(to)) outputs[`to_${name}`] = tensor;
    await this.#copy.run(
      { keep: { type: 'bool', data: Uint8Array.of(keep ? 1 : 0), shape: [1, 1, 1] }, ...from },
      outputs,
    );
  }

  async release(): Promise<void> {
    for (const state of [...this.users]) state.dispose();
    await this.#copy?.release();
    await this.update?.release();
  }

  async #fresh(window: RingWindow | AttentionWindow): Promise<DeviceState> {
    const { runtime, ledger } = this.options;
    if (!ledger.take(this.#bytes)) {
      const room = this.users.size + ledger.fits(this.#bytes);
      const detail = `limits.deviceMemory has room for ${room} such stream${room === 1 ? '' : 's'} beside what else is there`;
      throw new DepthcastError('BUSY', { detail, retryAfter: 10 });
    }
    const { held, incoming } = this.shapes;
    const made: Tensors[] = [];
    try {
      for (const shapes of [held, held, incoming]) made.push(await runtime.allocate(shapes));
    } catch (thrown) {
      for (const tensors of made) for (const tensor of Object.values(tensors)) tensor.dispose();
      ledger.give(this.#bytes);
      throw thrown;
    }
    const state = new DeviceState(this, window, { from: made[0]!, to: made[1]!, incoming: made[2]! });
    this.users.add(state);
    return state;
  }
}
