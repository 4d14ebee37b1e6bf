import type { GraphCache } from '../model/graph-cache.ts';
import type { InstalledModel } from '../model/library.ts';
import type { ModelPrecision } from '../model/precision.ts';
import type { Size } from '../model/size.ts';
import type { Focal } from './focal.ts';

/** What networks run on. */
export type DeviceKind = 'cpu' | 'webgpu' | 'cuda';

/** How an engine's answers to the trial clip compare with the CPU's: worst of its frames, by parityError. */
export interface EngineCheck {
  readonly frames: number;
  readonly depth: number;
  readonly states: number;
  /** Least deviation of a map over the CPU's. */
  readonly deviation: number;
  /** Milliseconds of a frame here, once warm, and on the CPU. */
  readonly milliseconds: number;
  readonly cpuMilliseconds: number;
}

/** Bytes on the device. */
export interface DeviceMemory {
  readonly model: number;
  /** Of one stream at the size that was loaded. */
  readonly stream: number;
}

/** What an engine is and can do; known once it is prepared. */
export interface EngineCapabilities {
  readonly kind: DeviceKind;
  /** Where it runs, for people: "CPU, 2 threads". */
  readonly device: string;
  /** CPU threads that a frame keeps busy: how many such engines the cores carry. */
  readonly threads: number;
  /** CPU threads that a frame may have while the cores have room for a frame of each stream on so many; undefined where there are never more than `threads`. */
  readonly threadsAlone: number | undefined;
  /** Whether the network tells a feature of the frame to find scene cuts by. */
  readonly summary: boolean;
  /** Whether a stream's memory may go on at another size: its states have `resampled`. */
  readonly resamples: boolean;
  /** Whether the network goes by the camera: its graph asks for `focal`. */
  readonly usesCamera: boolean;
  /** How far the network is from its float32 self, by parityError; undefined where there is nothing to compare with. */
  readonly parity: number | undefined;
  readonly precision: ModelPrecision;
  /** Why the network runs in fp32, where its own precision is another that this CPU does not compute rightly. */
  readonly instead: string | undefined;
  /** Of a device that is not the CPU. */
  readonly memory: DeviceMemory | undefined;
  /** Of a device that is not the CPU: the check that it passed when it was loaded. */
  readonly check: EngineCheck | undefined;
}

/**
 * The temporal memory of one stream in an engine, for one network size. The engine owns the window and where the states
 * lie (this process's memory, a ring on a device): nothing but pictures and maps passes here. Calls may not overlap, nor
 * those of two states of one engine.
 */
export interface EngineState {
  /**
   * Runs one frame and takes it into memory.
   * @param image [1, 3, height, width] normalised; read during the call alone
   * @param depth [height, width]: takes the map
   * @param focal of the camera, where the engine `usesCamera`; assumed when absent
   * @returns the feature of the frame, [D], valid until the next call; undefined without `summary`
   * @throws onnxruntime's error, or DepthcastError; the state is of no more use then but for `reset` and `dispose`
   */
  run(image: Float32Array, depth: Float32Array, focal?: Focal): Promise<Float32Array | undefined>;
  /** How many times as long the latest frame would have taken beside other streams, where it had the threads of a stream alone; 1 when absent. */
  readonly sharedFactor?: number;
  /** A second memory that goes on from here by itself. */
  fork(): Promise<EngineState>;
  /**
   * A memory for another size of the network that goes on from here: each state is interpolated between the tokens of the new grid.
   * This one is as it was. Where the engine `resamples`.
   */
  resampled?(size: Size): Promise<EngineState>;
  /** The next frame is the first again. */
  reset(): void;
  /** Gives the memory back. Idempotent. */
  dispose(): void;
}

/** A network on a device: of one size, or of every size where the graph leaves it open. `run` may block its thread. */
export interface Engine {
  readonly capabilities: EngineCapabilities;
  /** Fresh memory for a stream. */
  createState(size: Size): Promise<EngineState>;
  /** Unloads the network; its states are disposed of before. */
  release(): Promise<void>;
}

/** What the threads of a process share of its device, and of its CPU. */
export interface SharedDevice {
  /** Of DeviceLock. */
  readonly lock: SharedArrayBuffer;
  /** Of DeviceLedger. */
  readonly ledger: SharedArrayBuffer;
  /** Of StreamCount. */
  readonly streams: SharedArrayBuffer;
}

export interface PrepareOptions extends Size {
  /** CPU threads; 0 measures what suits the network. */
  threads: number;
  /** Of EngineCapabilities, where it is known beforehand. */
  threadsAlone?: number | undefined;
  /** Which of several devices; the provider's own choice when absent. */
  deviceIndex?: number | undefined;
  /** onnxruntime's library for CUDA, where it is not the one that came with the program. */
  onnxruntime?: string | undefined;
  /** Most bytes of the process's networks and their streams' states on a device; no bound when absent. */
  deviceMemory?: number | undefined;
  /** What the process's threads share of the device. */
  shared?: SharedDevice | undefined;
}

/** One way to run networks: a file in engines/. */
export interface EngineProvider {
  readonly name: DeviceKind;
  /**
   * Loads the model's network for one size and tries it.
   * @param graphs where graphs of a checkpoint are built and kept
   * @throws DepthcastError BAD_MODEL when the file is no graph or does not meet the contract, BAD_OUTPUT when the map of
   *   a textured picture is flat, not finite, or not what the float32 network says, BAD_CHECKPOINT, BAD_SIZE,
   *   DEVICE_UNAVAILABLE, DEVICE_LOST
   */
  prepare(model: InstalledModel, graphs: GraphCache, options: PrepareOptions): Promise<Engine>;
}
