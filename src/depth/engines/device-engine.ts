import { DepthcastError } from '../../errors.ts';
import { copyGraph, updateGraph } from '../../model/graph/state-graphs.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import { createRing, type RingStep, type RingWindow, ringLength } from '../../model/ring-window.ts';
import type { Size } from '../../model/size.ts';
import { type AttentionWindow, createWindow, FAR_SLOT } from '../../model/window.ts';
import type { DeviceMemory, Engine, EngineCapabilities, EngineCheck, EngineState } from '../engine.ts';
import { badModel, type Contract, checkContract } from './contract.ts';
import { streamsThatFit } from './device-memory.ts';
import type { DeviceRuntime, DeviceSession, DeviceTensor, HostTensor, TensorShape } from './device-runtime.ts';

/** Bytes that runs copied between this process and the device. */
export interface Traffic {
  frames: number;
  /** Pictures up, maps and features down. */
  up: number;
  down: number;
  /** Slots, masks and write places up: some hundred bytes a frame. */
  control: number;
}

/** Sizes of one open network whose helper graphs stay loaded without a stream. */
const MAX_IDLE_SIZES = 2;

type Tensors = Record<string, DeviceTensor>;

/** A network whose streams' states never leave the device. Of either form of the contract. */
export class DeviceEngine implements Engine {
  capabilities: EngineCapabilities;
  readonly traffic: Traffic = { frames: 0, up: 0, down: 0, control: 0 };
  readonly #manifest: ModelManifest;
  readonly #runtime: DeviceRuntime;
  readonly #session: DeviceSession;
  readonly #contract: Contract;
  readonly #memories = new Map<string, StateMemory>();
  #released = false;
  #limit = Infinity;

  private constructor(
    manifest: ModelManifest,
    runtime: DeviceRuntime,
    session: DeviceSession,
    contract: Contract,
    capabilities: EngineCapabilities,
  ) {
    this.#manifest = manifest;
    this.#runtime = runtime;
    this.#session = session;
    this.#contract = contract;
    this.capabilities = capabilities;
  }

  /**
   * Loads a graph. Takes the runtime over: it is released with the engine, or when this throws.
   * @throws DepthcastError BAD_MODEL, DEVICE_LOST
   */
  static async load(
    manifest: ModelManifest,
    runtime: DeviceRuntime,
    graph: string,
    capabilities: Partial<EngineCapabilities> = {},
  ): Promise<DeviceEngine> {
    let session: DeviceSession | undefined;
    try {
      session = await runtime.open(graph);
      const contract = checkContract(manifest, session);
      const odd = contract.caches.findIndex(({ type }) => type !== 'float32');
      if (odd >= 0)
        throw badModel(`c${odd} is ${contract.caches[odd]!.type}; on a device states are float32: use the checkpoint`);
      const { name: kind, device } = runtime;
      return new DeviceEngine(manifest, runtime, session, contract, {
        kind,
        device,
        threads: 1,
        summary: contract.summary,
        parity: undefined,
        precision: manifest.precision,
        memory: undefined,
        check: undefined,
        ...capabilities,
      });
    } catch (thrown) {
      await session?.release();
      await runtime.release();
      if (thrown instanceof DepthcastError) throw thrown;
      const detail = `${graph}: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      throw new DepthcastError('BAD_MODEL', { detail, cause: thrown });
    }
  }

  /**
   * Says how its check went.
   * @param limit most bytes of the network and its streams together
   * @throws DepthcastError DEVICE_UNAVAILABLE where not even one stream fits
   */
  trusted(check: EngineCheck, memory: DeviceMemory, limit = Infinity): void {
    this.#limit = limit;
    if (streamsThatFit(limit, memory) < 1) {
      const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
      const detail = `${this.capabilities.device}: the network takes ${mib(memory.model)} and a stream ${mib(memory.stream)}, limits.deviceMemory is ${mib(limit)}`;
      throw new DepthcastError('DEVICE_UNAVAILABLE', { detail });
    }
    const parity = this.capabilities.precision === 'fp32' ? undefined : check.depth;
    this.capabilities = { ...this.capabilities, check, memory, parity };
  }

  /** Bytes that a stream of this size takes on the device. */
  stateBytes(size: Size): number {
    const shapes = memoryShapes(this.#manifest, this.#contract, size);
    const bytes = (all: readonly TensorShape[]) =>
      all.reduce((sum, { shape }) => sum + 4 * shape.reduce((n, side) => n * side, 1), 0);
    return 2 * bytes(shapes.held) + bytes(shapes.incoming);
  }

  /** Bytes of streams' states that are on the device. */
  get liveBytes(): number {
    return [...this.#memories.values()].reduce((sum, memory) => sum + memory.liveBytes, 0);
  }

  async createState(size: Size): Promise<DeviceState> {
    const stream = this.stateBytes(size);
    const model = this.capabilities.memory?.model ?? 0;
    if (model + this.liveBytes + stream > this.#limit) {
      const detail = `the device's memory, ${streamsThatFit(this.#limit, { model, stream })} such streams fit in limits.deviceMemory`;
      throw new DepthcastError('BUSY', { detail, retryAfter: 10 });
    }
    const memory = await this.#memory(size);
    const state = await memory.state();
    return state;
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    for (const memory of this.#memories.values()) await memory.release();
    await this.#session.release();
    await this.#runtime.release();
  }

  async #memory(size: Size): Promise<StateMemory> {
    const key = `${size.width}x${size.height}`;
    let memory = this.#memories.get(key);
    if (memory === undefined) {
      await this.#dropIdle();
      const { caches } = this.#contract;
      if (caches.length === 0) throw badModel('it has no caches');
      memory = await StateMemory.open({
        manifest: this.#manifest,
        runtime: this.#runtime,
        session: this.#session,
        contract: this.#contract,
        traffic: this.traffic,
        size,
      });
    }
    // The last used last.
    this.#memories.delete(key);
    this.#memories.set(key, memory);
    return memory;
  }

  async #dropIdle(): Promise<void> {
    const idle = [...this.#memories].filter(([, { users }]) => users.size === 0);
    for (const [key, memory] of idle.slice(0, Math.max(0, idle.length - MAX_IDLE_SIZES))) {
      this.#memories.delete(key);
      await memory.release();
    }
  }
}

interface MemoryOptions {
  manifest: ModelManifest;
  runtime: DeviceRuntime;
  session: DeviceSession;
  contract: Contract;
  traffic: Traffic;
  size: Size;
}

/** What a stream holds on the device: `held` twice, read and written in turn, and `incoming` once. */
function memoryShapes(manifest: ModelManifest, { form, caches }: Contract, { width, height }: Size) {
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

/** The states of the streams of one size: their shapes, and the graphs that make, copy and update them. */
class StateMemory {
  readonly users = new Set<DeviceState>();
  readonly options: MemoryOptions;
  readonly shapes: ReturnType<typeof memoryShapes>;
  /** Takes a frame's states into the caches, of a network that does not do it itself. */
  readonly update: DeviceSession | undefined;
  #copy: DeviceSession | undefined;

  private constructor(options: MemoryOptions, shapes: ReturnType<typeof memoryShapes>, update?: DeviceSession) {
    this.options = options;
    this.shapes = shapes;
    this.update = update;
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
    return [...this.users].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async state(): Promise<DeviceState> {
    const { manifest, contract } = this.options;
    const window = contract.form === 'rings' ? createRing(manifest.window) : createWindow(manifest.window);
    return this.#fresh(window);
  }

  async fork(from: Tensors, window: RingWindow | AttentionWindow): Promise<DeviceState> {
    const state = await this.#fresh(window);
    await this.copy(from, state.current, true);
    return state;
  }

  /** @param keep false writes zeros */
  async copy(from: Tensors, to: Tensors | Record<string, HostTensor>, keep: boolean): Promise<void> {
    this.#copy ??= await this.options.runtime.open(copyGraph(this.shapes.held));
    await this.#copy.run({ keep: flag(keep), ...from }, renamed<HostTensor | DeviceTensor>(to));
  }

  async release(): Promise<void> {
    for (const state of [...this.users]) state.dispose();
    await this.#copy?.release();
    await this.update?.release();
  }

  async #fresh(window: RingWindow | AttentionWindow): Promise<DeviceState> {
    const { runtime } = this.options;
    const { held, incoming } = this.shapes;
    const made: Tensors[] = [];
    try {
      made.push(await runtime.allocate(held), await runtime.allocate(held));
      made.push(incoming.length > 0 ? await runtime.allocate(incoming) : {});
    } catch (thrown) {
      for (const tensors of made) for (const tensor of Object.values(tensors)) tensor.dispose();
      throw thrown;
    }
    const state = new DeviceState(this, window, made[0]!, made[1]!, made[2]!);
    this.users.add(state);
    return state;
  }
}

const host = (type: HostTensor['type'], data: HostTensor['data'], shape: readonly number[]): HostTensor => ({
  type,
  data,
  shape,
});
const flag = (on: boolean): HostTensor => host('bool', Uint8Array.of(on ? 1 : 0), [1, 1, 1]);
/** As copyGraph names its outputs. */
const renamed = <T>(all: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(all).map(([name, tensor]) => [`to_${name}`, tensor]));
const isRing = (window: RingWindow | AttentionWindow): window is RingWindow => 'ringLength' in window;

/** One stream's states on a device. Nothing of them is made anew from frame to frame. */
export class DeviceState implements EngineState {
  readonly #memory: StateMemory;
  readonly #window: RingWindow | AttentionWindow;
  readonly #incoming: Tensors;
  readonly #feeds: Record<string, HostTensor | DeviceTensor> = {};
  readonly #fetches: Record<string, HostTensor | DeviceTensor> = {};
  readonly #summary: HostTensor | undefined;
  #from: Tensors;
  #to: Tensors;
  #image: HostTensor | undefined;
  #depth: HostTensor | undefined;
  #step: unknown;
  /** Holds what must not be read: zeros are written before the next frame. */
  #dirty = true;
  #disposed = false;

  constructor(
    memory: StateMemory,
    window: RingWindow | AttentionWindow,
    from: Tensors,
    to: Tensors,
    incoming: Tensors,
  ) {
    this.#memory = memory;
    this.#window = window;
    this.#from = from;
    this.#to = to;
    this.#incoming = incoming;
    const { session, contract } = memory.options;
    if (!contract.summary) return;
    const axes = session.outputs.find(({ name }) => name === 'summary')!.shape;
    const shape = axes.map((axis) => (typeof axis === 'number' ? axis : 1));
    const length = shape.reduce((n, side) => n * side, 1);
    this.#summary = host('float32', new Float32Array(length), shape);
  }

  /** On the device. */
  get bytes(): number {
    const all = [this.#from, this.#to, this.#incoming].flatMap((tensors) => Object.values(tensors));
    return all.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The states as the last frame left them. */
  get current(): Tensors {
    return this.#from;
  }

  async run(image: Float32Array, depth: Float32Array): Promise<Float32Array | undefined> {
    if (this.#disposed) throw new DepthcastError('INFERENCE_FAILED', { detail: 'the stream has ended' });
    const { session, contract, size, traffic } = this.#memory.options;
    const { width, height } = size;
    if (this.#image?.data !== image) this.#image = host('float32', image, [1, 3, height, width]);
    if (this.#depth?.data !== depth) this.#depth = host('float32', depth, [...contract.depthBatch, height, width]);
    this.#feeds['image'] = this.#image;
    this.#fetches['depth'] = this.#depth;
    if (this.#summary) this.#fetches['summary'] = this.#summary;
    if (isRing(this.#window)) await this.#runRing(session, this.#window);
    else await this.#runStates(session, this.#window);
    traffic.frames++;
    traffic.up += image.byteLength;
    traffic.down += depth.byteLength + (this.#summary?.data.byteLength ?? 0);
    return this.#summary?.data as Float32Array | undefined;
  }

  async fork(): Promise<EngineState> {
    const fork = await this.#memory.fork(this.#from, this.#window.fork());
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
    this.#memory.users.delete(this);
    for (const tensors of [this.#from, this.#to, this.#incoming])
      for (const tensor of Object.values(tensors)) tensor.dispose();
  }

  /**
   * A copy of the states in this process's memory, by the names of the contract, for checks: it is as large as the stream.
   * Of a network of the first form also e0..: the states that wait.
   */
  async read(): Promise<Record<string, Float32Array>> {
    const copies = Object.fromEntries(
      this.#memory.shapes.held.map(({ name, shape }) => {
        const data = new Float32Array(shape.reduce((n, side) => n * side, 1));
        return [name, host('float32', data, shape)];
      }),
    );
    await this.#memory.copy(this.#from, copies, true);
    return Object.fromEntries(Object.entries(copies).map(([name, { data }]) => [name, data as Float32Array]));
  }

  async #runRing(session: DeviceSession, window: RingWindow): Promise<void> {
    const step: RingStep = window.step();
    // The first frame is written to every place: what was there before is not read.
    this.#dirty = false;
    if (step !== this.#step) {
      this.#step = step;
      const { length } = step.slots;
      this.#feeds['slots'] = host('int64', step.slots, [length]);
      this.#feeds['mask'] = host('float32', step.mask, [length]);
      this.#feeds['here'] = host('int64', step.here, [1]);
      this.#feeds['write'] = host('bool', step.write, [1, length, 1]);
    }
    for (const name of Object.keys(this.#from)) {
      this.#feeds[name] = this.#from[name]!;
      this.#fetches[`n${name.slice(1)}`] = this.#to[name]!;
    }
    await session.run(this.#feeds, this.#fetches);
    this.#memory.options.traffic.control += step.slots.length * 13 + 8;
    this.#turn();
  }

  async #runStates(session: DeviceSession, window: AttentionWindow): Promise<void> {
    if (this.#dirty) {
      await this.#memory.copy(this.#from, this.#to, false);
      this.#turn();
      this.#dirty = false;
    }
    const step = window.step();
    if (step !== this.#step) {
      this.#step = step;
      this.#feeds['slots'] = host('int64', step.slots, [step.slots.length]);
      this.#feeds['mask'] = host('float32', step.mask, [step.mask.length]);
    }
    for (const [name, tensor] of Object.entries(this.#from)) if (name.startsWith('c')) this.#feeds[name] = tensor;
    for (const [name, tensor] of Object.entries(this.#incoming)) this.#fetches[name] = tensor;
    await session.run(this.#feeds, this.#fetches);
    await this.#store(step.write, step.slots.length - 1, window.delayCount);
    this.#turn();
  }

  async #store(write: ReturnType<AttentionWindow['step']>['write'], slots: number, delay: number): Promise<void> {
    const places = new Uint8Array(slots);
    if (write.everywhere) places.fill(1);
    else places[write.slot] = 1;
    const feeds: Record<string, HostTensor | DeviceTensor> = {
      ...this.#incoming,
      ...this.#from,
      write: host('bool', places, [1, slots, 1]),
    };
    if (delay > 0) {
      const far = new Uint8Array(slots);
      if (write.fromDelay >= 0) far[FAR_SLOT] = 1;
      const keep = new Uint8Array(delay);
      if (write.toDelay >= 0) keep[write.toDelay] = 1;
      feeds['far'] = host('bool', far, [1, slots, 1]);
      feeds['keep'] = host('bool', keep, [1, delay, 1]);
      feeds['from'] = host('int64', BigInt64Array.of(BigInt(Math.max(0, write.fromDelay))), [1]);
      feeds['slot'] = host('int64', BigInt64Array.of(BigInt(write.slot)), [1]);
    }
    const fetches: Record<string, DeviceTensor> = {};
    for (const [name, tensor] of Object.entries(this.#to))
      fetches[`${name.startsWith('c') ? 'n' : 'm'}${name.slice(1)}`] = tensor;
    await this.#memory.update!.run(feeds, fetches);
    this.#memory.options.traffic.control += (slots + 1) * 12 + slots * 2 + delay + (delay > 0 ? 16 : 0);
  }

  /** What was written is read next. */
  #turn(): void {
    [this.#from, this.#to] = [this.#to, this.#from];
  }
}
