import { stringify } from '@foxglove/rosmsg';
import { ros2humble } from '@foxglove/rosmsg-msgs-common';
import { MessageWriter } from '@foxglove/rosmsg2-serialization';
import { DepthcastError } from '../errors.ts';

/** The ROS 2 messages that are written, and the definitions that they use (Humble's). */
const TYPES = {
  'sensor_msgs/msg/Image': ['std_msgs/Header', 'builtin_interfaces/Time'],
  'sensor_msgs/msg/CompressedImage': ['std_msgs/Header', 'builtin_interfaces/Time'],
  'sensor_msgs/msg/CameraInfo': ['std_msgs/Header', 'builtin_interfaces/Time', 'sensor_msgs/RegionOfInterest'],
  'sensor_msgs/msg/PointCloud2': ['std_msgs/Header', 'builtin_interfaces/Time', 'sensor_msgs/PointField'],
  'tf2_msgs/msg/TFMessage': [
    'geometry_msgs/TransformStamped',
    'std_msgs/Header',
    'builtin_interfaces/Time',
    'geometry_msgs/Transform',
    'geometry_msgs/Vector3',
    'geometry_msgs/Quaternion',
  ],
} as const;
export type RosType = keyof typeof TYPES;

/** How the schemas and the messages are written, by the names of MCAP and of the Foxglove protocol. */
export const SCHEMA_ENCODING = 'ros2msg';
export const MESSAGE_ENCODING = 'cdr';

/** A type's definition as text, and what makes bytes of its messages. */
export interface RosSchema {
  text: string;
  /** CDR, in memory of its own. */
  serialise(message: unknown): Uint8Array;
}

const schemas = new Map<RosType, RosSchema>();

export function schemaOf(type: RosType): RosSchema {
  const known = schemas.get(type);
  if (known) return known;
  const definitions = definitionsOf(type);
  // The root has no name in the text of a schema.
  const [root, ...others] = definitions;
  const writer = new MessageWriter(definitions);
  const schema = {
    text: stringify([{ ...root!, name: '' }, ...others].map(inWords)),
    serialise: (message: unknown) => writer.writeMessage(message),
  };
  schemas.set(type, schema);
  return schema;
}

/** Serialisers take times for a type of their own. In a ROS 2 definition, and to its readers, they are messages like any other. */
function inWords<D extends { definitions: { type: string }[] }>(definition: D): D {
  const definitions = definition.definitions.map((field) =>
    field.type === 'time' ? { ...field, type: 'builtin_interfaces/Time', isComplex: true } : field,
  );
  return { ...definition, definitions };
}

/** A definition and those that it uses, in the form that serialisers and stringify take. */
function definitionsOf(type: RosType) {
  const find = (name: string) => {
    const definition = (ros2humble as Record<string, (typeof ros2humble)[keyof typeof ros2humble] | undefined>)[name];
    if (!definition) throw new DepthcastError('INTERNAL', { detail: `no definition of ${name}` });
    return { ...definition, name };
  };
  return [find(type.replace('/msg/', '/')), ...TYPES[type].map(find)];
}
