import { type FileHandle, open } from 'node:fs/promises';
import { stringify } from '@foxglove/rosmsg';
import { ros2humble } from '@foxglove/rosmsg-msgs-common';
import { MessageWriter } from '@foxglove/rosmsg2-serialization';
import { McapWriter } from '@mcap/core';
import { DepthcastError } from '../../errors.ts';
import { zstdCompressor } from './chunk-compression.ts';

/** Bytes of messages in a chunk: what a crash can cost, and what is compressed in one go. */
const CHUNK_BYTES = 256 * 1024;

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

/** A definition and those that it uses, in the form that serialisers and stringify take. */
function definitionsOf(type: RosType) {
  const find = (name: string) => {
    const definition = (ros2humble as Record<string, (typeof ros2humble)[keyof typeof ros2humble] | undefined>)[name];
    if (!definition) throw new DepthcastError('INTERNAL', { detail: `no definition of ${name}` });
    return { ...definition, name };
  };
  return [find(type.replace('/msg/', '/')), ...TYPES[type].map(find)];
}

interface Channel {
  id: number;
  serialise: (message: unknown) => Uint8Array;
  sequence: number;
}

/** An MCAP file of ROS 2 messages (CDR): chunks by zstd, index and statistics at its end. One call at a time. */
export class McapFile {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #writer: McapWriter;
  readonly #channels = new Map<string, Channel>();
  #bytes = 0n;

  private constructor(path: string, file: FileHandle, compressChunk: Awaited<ReturnType<typeof zstdCompressor>>) {
    this.path = path;
    this.#file = file;
    this.#writer = new McapWriter({
      writable: {
        position: () => this.#bytes,
        write: async (bytes) => {
          for (let from = 0; from < bytes.length; ) {
            const { bytesWritten } = await file.write(bytes, from, bytes.length - from);
            from += bytesWritten;
          }
          this.#bytes += BigInt(bytes.length);
        },
      },
      compressChunk,
      chunkSize: CHUNK_BYTES,
    });
  }

  /** @throws the system's error */
  static async create(path: string): Promise<McapFile> {
    const compress = await zstdCompressor();
    const file = new McapFile(path, await open(path, 'wx'), compress);
    try {
      await file.#writer.start({ profile: 'ros2', library: 'depthcast' });
      return file;
    } catch (thrown) {
      await file.#file.close().catch(() => {});
      throw thrown;
    }
  }

  /** Bytes in the file; what is in the present chunk comes later. */
  get bytes(): number {
    return Number(this.#bytes);
  }

  /**
   * @param unixMs when it was recorded, ms since the Unix epoch
   * @throws the system's error
   */
  async add(topic: string, type: RosType, unixMs: number, message: unknown): Promise<void> {
    const channel = this.#channels.get(topic) ?? (await this.#open(topic, type));
    const time = BigInt(Math.round(unixMs * 1000)) * 1000n;
    await this.#writer.addMessage({
      channelId: channel.id,
      sequence: channel.sequence++,
      logTime: time,
      publishTime: time,
      data: channel.serialise(message),
    });
  }

  /** Writes what is left, and the index. @throws the system's error; the file is closed all the same */
  async close(): Promise<void> {
    try {
      await this.#writer.end();
    } finally {
      await this.#file.close().catch(() => {});
    }
  }

  async #open(topic: string, type: RosType): Promise<Channel> {
    const definitions = definitionsOf(type);
    // The root has no name in the text of a schema.
    const [root, ...others] = definitions;
    const text = stringify([{ ...root!, name: '' }, ...others]);
    const data = new TextEncoder().encode(text);
    const schemaId = await this.#writer.registerSchema({ name: type, encoding: 'ros2msg', data });
    const id = await this.#writer.registerChannel({ schemaId, topic, messageEncoding: 'cdr', metadata: new Map() });
    const writer = new MessageWriter(definitions);
    const channel: Channel = { id, sequence: 0, serialise: (message) => writer.writeMessage(message) };
    this.#channels.set(topic, channel);
    return channel;
  }
}
