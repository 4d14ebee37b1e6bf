import { metresOf } from '../geometry/metric-values.ts';
import { type MetricFrame, pointCloud } from '../geometry/points.ts';
import type { DepthUnit, Intrinsics, MetricMap } from '../protocol/index.ts';

// ROS 2 messages of one depth frame, as plain objects that their definitions serialise.

export interface RosTime {
  sec: number;
  nsec: number;
}
export interface Header {
  stamp: RosTime;
  frame_id: string;
}

const FLOAT32 = 7;
const POINT_BYTES = 12;

export const rosTime = (unixMs: number): RosTime => {
  const microseconds = Math.round(unixMs * 1000);
  return { sec: Math.floor(microseconds / 1e6), nsec: (microseconds % 1e6) * 1000 };
};

/** A network's values in metres, written into `out`, where that is known; else as they are. */
export function valuesOf(
  values: Float32Array,
  unit: DepthUnit,
  metric: Pick<MetricMap, 'scale' | 'shift'> | undefined,
  out: Float32Array,
): { values: Float32Array; unit: DepthUnit } {
  if (!metric) return { values, unit };
  metresOf(values, unit, metric, out);
  return { values: out, unit: 'metres' };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);

/** sensor_msgs/msg/Image, 32FC1: metres along the optical axis (REP 118), or relative disparity. */
export const depthImage = (header: Header, values: Float32Array, width: number, height: number) => ({
  header,
  height,
  width,
  encoding: '32FC1',
  is_bigendian: 0,
  step: 4 * width,
  data: bytesOf(values),
});

/** The same as 16UC1: millimetres, up to 65.535 m; 0 where there is no distance, or a greater one (REP 118). */
export function millimetreImage(header: Header, metres: Float32Array, width: number, height: number) {
  const data = new Uint16Array(metres.length);
  for (let i = 0; i < metres.length; i++) {
    const millimetres = Math.round(metres[i]! * 1000);
    if (millimetres > 0 && millimetres <= 0xffff) data[i] = millimetres;
  }
  return { header, height, width, encoding: '16UC1', is_bigendian: 0, step: 2 * width, data: bytesOf(data) };
}

/** sensor_msgs/msg/CompressedImage. */
export const compressedImage = (header: Header, jpeg: Uint8Array) => ({ header, format: 'jpeg', data: jpeg });

/** sensor_msgs/msg/CameraInfo of an ideal camera: what is known of lenses here is their focal length. */
export const cameraInfo = (header: Header, { fx, fy, cx, cy }: Intrinsics, width: number, height: number) => ({
  header,
  height,
  width,
  distortion_model: 'plumb_bob',
  d: new Float64Array(5),
  k: Float64Array.of(fx, 0, cx, 0, fy, cy, 0, 0, 1),
  r: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  p: Float64Array.of(fx, 0, cx, 0, 0, fy, cy, 0, 0, 0, 1, 0),
  binning_x: 0,
  binning_y: 0,
  roi: { x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false },
});

/**
 * sensor_msgs/msg/PointCloud2 of metres, in the optical frame (x right, y down, z forward).
 * @param stride every n-th pixel of every n-th row
 */
export function points2(header: Header, frame: MetricFrame, stride = 1) {
  const { positions, count } = pointCloud(frame, undefined, { axes: 'ros', stride });
  const field = (name: string, offset: number) => ({ name, offset, datatype: FLOAT32, count: 1 });
  return {
    header,
    height: 1,
    width: count,
    fields: [field('x', 0), field('y', 4), field('z', 8)],
    is_bigendian: false,
    point_step: POINT_BYTES,
    row_step: POINT_BYTES * count,
    data: bytesOf(positions),
    is_dense: true,
  };
}

/** geometry_msgs/msg/TransformStamped: a camera's optical frame in one whose x points forward and z up (REP 103). */
export const opticalTransform = (stamp: RosTime, camera: string) => ({
  header: { stamp, frame_id: camera },
  child_frame_id: opticalFrame(camera),
  transform: {
    translation: { x: 0, y: 0, z: 0 },
    rotation: { x: -0.5, y: 0.5, z: -0.5, w: 0.5 },
  },
});

/** The frame that a camera's pictures, depth and points are in. */
export const opticalFrame = (camera: string): string => `${camera}_optical_frame`;

/** A name that ROS takes: letters, digits and underscores, a letter first. */
export const rosName = (name: string): string => name.replace(/\W/g, '_').replace(/^(?![A-Za-z])/, 's_');
