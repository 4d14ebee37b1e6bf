import type { DeviceKind } from '../engine.ts';
import type { TensorInfo } from './contract.ts';

/** Element types that pass between this process and a device. */
export type HostType = 'float32' | 'int64' | 'bool';

/**
 * An array of this process as a graph's input or output. A runtime may keep what it makes of one by identity: whoever
 * feeds the same array again should feed the same object.
 */
export interface HostTensor {
  readonly type: HostType;
  readonly data: Float32Array | BigInt64Array | Uint8Array;
  readonly shape: readonly number[];
}

/** Memory on a device. */
export interface DeviceTensor {
  readonly bytes: number;
  /** Idempotent; does nothing once its runtime is released. */
  dispose(): void;
}

export interface TensorShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A graph that is loaded on a device. Runs may not overlap, nor those of two sessions of one runtime. */
export interface DeviceSession {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /**
   * Runs the graph; every output that is named in `fetches` is written where it says, by name.
   * @throws DepthcastError DEVICE_LOST when the device is gone, onnxruntime's error otherwise
   */
  run(
    feeds: Readonly<Record<string, HostTensor | DeviceTensor>>,
    fetches: Readonly<Record<string, HostTensor | DeviceTensor>>,
  ): Promise<void>;
  release(): Promise<void>;
}

/** A way to a device: an execution provider of onnxruntime. */
export interface DeviceRuntime {
  readonly name: DeviceKind;
  /** For people: "Vulkan, AMD Radeon RX 7900". */
  readonly device: string;
  /**
   * @param graph path, or the bytes of a small one
   * @throws onnxruntime's error when it cannot be loaded
   */
  open(graph: string | Uint8Array): Promise<DeviceSession>;
  /** float32 memory; what it holds is undefined. */
  allocate(shapes: readonly TensorShape[]): Promise<Record<string, DeviceTensor>>;
  /** Its sessions and tensors are released before. */
  release(): Promise<void>;
}

export const isHost = (tensor: HostTensor | DeviceTensor): tensor is HostTensor => 'data' in tensor;
