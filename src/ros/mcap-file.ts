import { type FileHandle, open } from 'node:fs/promises';
import { McapWriter } from '@mcap/core';
import { zstdCompressor } from './chunk-compression.ts';
import { MESSAGE_ENCODING, type RosType, SCHEMA_ENCODING, schemaOf } from './types.ts';

/** Bytes of messages in a chunk: what a crash can cost, and what is compressed in one go. */
const CHUNK_BYTES = 256 * 1024;

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
    const { text, serialise } = schemaOf(type);
    const data = new TextEncoder().encode(text);
    const schemaId = await this.#writer.registerSchema({ name: type, encoding: SCHEMA_ENCODING, data });
    const id = await this.#writer.registerChannel({
      schemaId,
      topic,
      messageEncoding: MESSAGE_ENCODING,
      metadata: new Map(),
    });
    const channel: Channel = { id, sequence: 0, serialise };
    this.#channels.set(topic, channel);
    return channel;
  }
}
