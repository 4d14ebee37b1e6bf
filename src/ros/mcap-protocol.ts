import type { DepthUnit, MetricMap } from '../protocol/index.ts';
import type { RosFrame } from './frame-topics.ts';

/** A frame on its way to a file. Its memory moves along: that of `values` comes back. */
export interface McapFrame extends Omit<RosFrame, 'values' | 'unit'> {
  /** [height*width] as the network gave them. */
  values: Float32Array<ArrayBuffer>;
  unit: DepthUnit;
  /** What makes metres of them. */
  metric: Pick<MetricMap, 'scale' | 'shift'> | undefined;
  /** ms since the Unix epoch at which it is logged. */
  at: number;
}

export interface McapState {
  /** In the file; what is in the present chunk comes later. */
  bytes: number;
}

// A type, not an interface: the channel takes what has an index signature.
export type McapCalls = {
  /** Begins a file, which must not be there. */
  open: (value: { path: string; camera: string; at: number }) => McapState;
  write: (value: McapFrame) => McapState & { values: Float32Array<ArrayBuffer> };
  /** Ends the file with its index. */
  close: (value: undefined) => McapState;
};
