import { startThread } from '../threads.ts';
import { WorkerChannel } from '../worker-channel.ts';
import type { McapCalls, McapFrame, McapState } from './mcap-protocol.ts';

/**
 * Writes frames of one camera as MCAP files of ROS 2 messages, one file after the other, in a thread of its own: points, bytes and
 * compression of a frame take milliseconds. One call at a time.
 */
export class McapThread {
  readonly #channel: WorkerChannel<McapCalls>;
  #values = new Float32Array(0);

  constructor() {
    this.#channel = new WorkerChannel(
      startThread(import.meta.url, './mcap-worker', { name: 'mcap' }),
      'RECORDING_FAILED',
    );
  }

  /**
   * @param at ms since the Unix epoch
   * @throws DepthcastError DISK_FULL, RECORDING_FAILED: what the system says of the file, or that the thread is gone
   */
  open(path: string, camera: string, at: number): Promise<McapState> {
    return this.#channel.request('open', { path, camera, at });
  }

  /** @param frame its values are copied, its JPEG moves to the thread. @throws as `open` */
  async write(frame: Omit<McapFrame, 'values'> & { values: Float32Array }): Promise<McapState> {
    let values = this.#values;
    if (values.length !== frame.values.length) values = new Float32Array(frame.values.length);
    values.set(frame.values);
    const jpeg = frame.jpeg && new Uint8Array(frame.jpeg);
    const memory = [values.buffer, ...(jpeg ? [jpeg.buffer] : [])];
    const { bytes, values: back } = await this.#channel.request('write', { ...frame, values, jpeg }, memory);
    this.#values = back;
    return { bytes };
  }

  /** Ends the present file with its index. @throws as `open` */
  close(): Promise<McapState> {
    return this.#channel.request('close', undefined);
  }

  /** Ends the thread. */
  end(): Promise<void> {
    return this.#channel.end();
  }
}
