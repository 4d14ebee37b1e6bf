import { type MetricFrame, mapIntrinsics } from '../geometry/points.ts';
import type { DepthUnit, Intrinsics } from '../protocol/index.ts';
import {
  cameraInfo,
  compressedImage,
  depthImage,
  type Header,
  millimetreImage,
  opticalFrame,
  points2,
  rosName,
  rosTime,
} from './messages.ts';
import type { RosType } from './types.ts';

/** What there may be of one frame: the picture and its camera, depth and its camera, points. */
export const FRAME_TOPICS = ['picture', 'picture-camera', 'depth', 'depth-camera', 'points'] as const;
export type FrameTopic = (typeof FRAME_TOPICS)[number];

export const TYPE_OF: Record<FrameTopic, RosType> = {
  picture: 'sensor_msgs/msg/CompressedImage',
  'picture-camera': 'sensor_msgs/msg/CameraInfo',
  depth: 'sensor_msgs/msg/Image',
  'depth-camera': 'sensor_msgs/msg/CameraInfo',
  points: 'sensor_msgs/msg/PointCloud2',
};

/** One frame as messages are made of it. */
export interface RosFrame {
  /** Of its stream: names the topics and the coordinate frame. */
  camera: string;
  /** ms since the Unix epoch at which the picture was taken, or came. */
  stamp: number;
  /** [height*width] metres, or relative disparity. */
  values: Float32Array;
  unit: DepthUnit;
  width: number;
  height: number;
  /** Of the picture. */
  sourceWidth: number;
  sourceHeight: number;
  /** Of the picture's pixels. */
  intrinsics: Intrinsics | undefined;
  /** The picture as a JPEG file. */
  jpeg: Uint8Array | undefined;
}

/** How depth and points are written. */
export interface TopicOptions {
  /** Millimetres for metres alone: relative disparity is always 32FC1. */
  encoding?: '32FC1' | '16UC1';
  /** Points of every n-th pixel of every n-th row; 1 where it is left out. */
  stride?: number;
}

/** Relative disparity has topics of its own, so that nobody takes it for metres. */
export function topicName(camera: string, topic: FrameTopic, unit: DepthUnit): string {
  const depth = unit === 'metres' ? 'depth' : 'relative_disparity';
  const path = {
    picture: 'image/compressed',
    'picture-camera': 'image/camera_info',
    depth: `${depth}/image`,
    'depth-camera': `${depth}/camera_info`,
    points: 'depth/points',
  }[topic];
  return `/${rosName(camera)}/${path}`;
}

/** What can be said of a frame: points want metres and a camera. */
export function hasTopic({ unit, intrinsics, jpeg }: Omit<RosFrame, 'values'>, topic: FrameTopic): boolean {
  if (topic === 'depth') return true;
  if (topic === 'picture') return jpeg !== undefined;
  return intrinsics !== undefined && (topic !== 'points' || unit === 'metres');
}

/**
 * The message of a topic that the frame has.
 * @returns an object that {@link TYPE_OF} the topic serialises; it reads `values` and `jpeg` until then
 */
export function frameMessage(frame: RosFrame, topic: FrameTopic, { encoding, stride }: TopicOptions = {}): unknown {
  const { camera, stamp, values, unit, width, height, sourceWidth, sourceHeight, intrinsics, jpeg } = frame;
  const header: Header = { stamp: rosTime(stamp), frame_id: opticalFrame(camera) };
  if (topic === 'picture') return compressedImage(header, jpeg!);
  if (topic === 'depth') {
    const image = encoding === '16UC1' && unit === 'metres' ? millimetreImage : depthImage;
    return image(header, values, width, height);
  }
  if (topic === 'picture-camera') return cameraInfo(header, intrinsics!, sourceWidth, sourceHeight);
  const metric: MetricFrame = { width, height, sourceWidth, sourceHeight, values, unit, intrinsics: intrinsics! };
  if (topic === 'points') return points2(header, metric, stride);
  return cameraInfo(header, mapIntrinsics(metric), width, height);
}
