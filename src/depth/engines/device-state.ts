import { DepthcastError } from '../../errors.ts';
import type { RingStep, RingWindow } from '../../model/ring-window.ts';
import type { AttentionWindow } from '../../model/window.ts';
import type { EngineState } from '../engine.ts';
import { assumedFocal, type Focal, setFocal } from '../focal.ts';
import type { HostTensor } from './device-runtime.ts';
import { hostTensor, type MixedTensors, type StateHome, type StateTensors, type Tensors } from './state-shapes.ts';
import { StateUpdate } from './state-update.ts';

const isRing = (window: RingWindow | AttentionWindow): window is RingWindow => 'ringLength' in window;

/** One stream's states on a device. Nothing of them is made anew from frame to frame. */
export class DeviceState implements EngineState {
  readonly #memory: StateHome<DeviceState>;
  readonly #window: RingWindow | AttentionWindow;
  readonly #tensors: StateTensors;
  readonly #update: StateUpdate | undefined;
  readonly #feeds: MixedTensors = {};
  readonly #fetches: MixedTensors = {};
  readonly #summary: HostTensor | undefined;
  /** Of the network's input `focal`. */
  readonly #focal = new Float32Array(2);
  #image: HostTensor | undefined;
  #depth: HostTensor | undefined;
  #step: unknown;
  /** Holds what must not be read: zeros are written before the next frame. */
  #dirty = true;
  #disposed = false;

  constructor(memory: StateHome<DeviceState>, window: RingWindow | AttentionWindow, tensors: StateTensors) {
    this.#memory = memory;
    this.#window = window;
    this.#tensors = tensors;
    const { session, contract } = memory.options;
    if (memory.update && !isRing(window)) this.#update = new StateUpdate(memory, memory.update, window);
    if (contract.focal) this.#feeds['focal'] = hostTensor('float32', this.#focal, [2]);
    if (!contract.summary) return;
    const axes = session.outputs.find(({ name }) => name === 'summary')!.shape;
    const shape = axes.map((axis) => (typeof axis === 'number' ? axis : 1));
    const length = shape.reduce((n, side) => n * side, 1);
    this.#summary = hostTensor('float32', new Float32Array(length), shape);
  }

  /** The states as the last frame left them. */
  get current(): Tensors {
    return this.#tensors.from;
  }

  async run(image: Float32Array, depth: Float32Array, focal?: Focal): Promise<Float32Array | undefined> {
    if (this.#disposed) throw new DepthcastError('INFERENCE_FAILED', { detail: 'the stream has ended' });
    const { contract, size, traffic } = this.#memory.options;
    const { width, height } = size;
    if (contract.focal) setFocal(this.#focal, focal ?? assumedFocal(size));
    if (this.#image?.data !== image) this.#image = hostTensor('float32', image, [1, 3, height, width]);
    if (this.#depth?.data !== depth)
      this.#depth = hostTensor('float32', depth, [...contract.depthBatch, height, width]);
    this.#feeds['image'] = this.#image;
    this.#fetches['depth'] = this.#depth;
    if (this.#summary) this.#fetches['summary'] = this.#summary;
    if (isRing(this.#window)) await this.#runRing(this.#window);
    else await this.#runStates(this.#window);
    traffic.frames++;
    return this.#summary?.data as Float32Array | undefined;
  }

  async fork(): Promise<EngineState> {
    const fork = await this.#memory.fork(this.current, this.#window.fork());
    fork.#dirty = this.#dirty;
    return fork;
  }

  reset(): void {
    this.#window.reset();
    this.#dirty = true;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const { from, to, incoming } = this.#tensors;
    for (const tensors of [from, to, incoming]) for (const tensor of Object.values(tensors)) tensor.dispose();
    this.#memory.ended(this);
  }

  /**
   * A copy of the states in this process's memory, by the names of the contract, for checks: it is as large as the stream.
   * Of a network of the first form also e0..: the states that wait.
   */
  async read(): Promise<Record<string, Float32Array>> {
    const copies = Object.fromEntries(
      this.#memory.shapes.held.map(({ name, shape }) => {
        const data = new Float32Array(shape.reduce((n, side) => n * side, 1));
        return [name, hostTensor('float32', data, shape)];
      }),
    );
    await this.#memory.copy(this.current, copies, true);
    return Object.fromEntries(Object.entries(copies).map(([name, { data }]) => [name, data as Float32Array]));
  }

  async #runRing(window: RingWindow): Promise<void> {
    const step: RingStep = window.step();
    // The first frame is written to every place: what was there before is not read.
    this.#dirty = false;
    if (step !== this.#step) {
      this.#step = step;
      const { length } = step.slots;
      this.#feeds['slots'] = hostTensor('int64', step.slots, [length]);
      this.#feeds['mask'] = hostTensor('float32', step.mask, [length]);
      this.#feeds['here'] = hostTensor('int64', step.here, [1]);
      this.#feeds['write'] = hostTensor('bool', step.write, [1, length, 1]);
    }
    const { from, to } = this.#tensors;
    for (const name of Object.keys(from)) {
      this.#feeds[name] = from[name]!;
      this.#fetches[`n${name.slice(1)}`] = to[name]!;
    }
    await this.#memory.run(this.#memory.options.session, this.#feeds, this.#fetches);
    this.#turn();
  }

  async #runStates(window: AttentionWindow): Promise<void> {
    const { incoming } = this.#tensors;
    if (this.#dirty) {
      await this.#memory.copy(this.#tensors.from, this.#tensors.to, false);
      this.#turn();
      this.#dirty = false;
    }
    const step = window.step();
    if (step !== this.#step) {
      this.#step = step;
      this.#feeds['slots'] = hostTensor('int64', step.slots, [step.slots.length]);
      this.#feeds['mask'] = hostTensor('float32', step.mask, [step.mask.length]);
    }
    const { from } = this.#tensors;
    for (const name of Object.keys(from)) if (name.startsWith('c')) this.#feeds[name] = from[name]!;
    for (const name of Object.keys(incoming)) this.#fetches[name] = incoming[name]!;
    await this.#memory.run(this.#memory.options.session, this.#feeds, this.#fetches);
    await this.#update!.run(step.write, this.#tensors);
    this.#turn();
  }

  /** What was written is read next. */
  #turn(): void {
    const { from, to } = this.#tensors;
    this.#tensors.from = to;
    this.#tensors.to = from;
  }
}
