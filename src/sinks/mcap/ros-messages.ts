import { metresOf } from '../../geometry/metric-values.ts';
import { type MetricFrame, mapIntrinsics, pointCloud } from '../../geometry/points.ts';
import type { Intrinsics } from '../../protocol/index.ts';
import type { LiveDepth } from '../../stream/live-depth.ts';

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

/** What a frame's values are in metres, where that is known; else as they are. Written into `out`. */
export function valuesOf({ map, metric, info }: LiveDepth, out: Float32Array): 'metres' | 'disparity' {
  const { values } = map;
  if (!metric) {
    out.set(values);
    return info.unit;
  }
  metresOf(values, info.unit, metric, out);
  return 'metres';
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);

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

/** The camera of the depth image. */
export const depthCamera = (frame: MetricFrame): Intrinsics => mapIntrinsics(frame);

/** sensor_msgs/msg/PointCloud2 of metres, in the optical frame (x right, y down, z forward). */
export function points2(header: Header, frame: MetricFrame) {
  const { positions, count } = pointCloud(frame, undefined, { axes: 'ros' });
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

/** tf2_msgs/msg/TFMessage: the optical frame in one whose x points forward and z up (REP 103). */
export const opticalFrame = (stamp: RosTime, camera: string, optical: string) => ({
  transforms: [
    {
      header: { stamp, frame_id: camera },
      child_frame_id: optical,
      transform: {
        translation: { x: 0, y: 0, z: 0 },
        rotation: { x: -0.5, y: 0.5, z: -0.5, w: 0.5 },
      },
    },
  ],
});
