import { performance } from 'node:perf_hooks';
import type { DepthUnit } from '../protocol/index.ts';
import {
  FRAME_TOPICS,
  type FrameTopic,
  frameMessage,
  hasTopic,
  type RosFrame,
  type TopicOptions,
  TYPE_OF,
  topicName,
} from '../ros/frame-topics.ts';
import { valuesOf } from '../ros/messages.ts';
import { schemaOf } from '../ros/types.ts';
import { DepthMailbox } from '../stream/depth-mailbox.ts';
import type { DepthSink, SinkListener } from '../stream/depth-sink.ts';
import type { LiveDepth } from '../stream/live-depth.ts';
import { JpegEncoder } from '../video/jpeg-encoder.ts';

/** What is to be made of a stream's frames. */
export interface FeedRequest extends TopicOptions {
  /** Names of topics; none: nothing is made. */
  topics: readonly string[];
}

/** What was made of one frame, together. */
export interface FeedFrame {
  /** Of its depth: it says which topics there are. */
  unit: DepthUnit;
  /** CDR of each topic that was asked for and that the frame has. */
  messages: { topic: string; data: Uint8Array }[];
}

/** The frames of a live stream as ROS 2 messages: of what was asked for, and of the newest frame once the one before was taken. */
export class RosFeed implements DepthSink {
  readonly name = 'foxglove';
  readonly about = 'data';
  readonly #camera: string;
  readonly #take: (frame: FeedFrame) => void | Promise<void>;
  readonly #listener: SinkListener;
  readonly #mailbox = new DepthMailbox((depth) => this.#send(depth));
  #request: FeedRequest = { topics: [] };
  #jpeg: JpegEncoder | undefined;
  #values = new Float32Array(0);
  #closed = false;

  /** @param camera name of the stream. @param take the next frame is made when it has settled; it does not reject */
  constructor(camera: string, take: (frame: FeedFrame) => void | Promise<void>, listener: SinkListener) {
    this.#camera = camera;
    this.#take = take;
    this.#listener = listener;
  }

  get receivers(): number {
    return this.#request.topics.length > 0 ? 1 : 0;
  }

  ask(request: FeedRequest): void {
    this.#request = request;
  }

  push(depth: LiveDepth): void {
    if (this.#closed || this.receivers === 0) return;
    this.#mailbox.put(depth);
  }

  close(): void {
    this.#closed = true;
    this.#mailbox.close();
    // An encoder that is at a picture is freed behind it.
    this.#jpeg?.close();
    this.#jpeg = undefined;
  }

  async #send(depth: LiveDepth): Promise<void> {
    const began = performance.now();
    let frame: FeedFrame | undefined;
    try {
      frame = await this.#make(depth);
    } catch (thrown) {
      if (!this.#closed) this.#listener.failed(thrown as Error);
    } finally {
      depth.release();
    }
    if (frame === undefined || this.#closed) return;
    const bytes = frame.messages.reduce((sum, { data }) => sum + data.length, 0);
    this.#listener.sent({ encode: performance.now() - began, send: 0, bytes, latency: undefined });
    await this.#take(frame);
  }

  async #make({ map, metric, info, source }: LiveDepth): Promise<FeedFrame> {
    const now = Date.now();
    const { width, height } = info;
    if (metric && this.#values.length !== width * height) this.#values = new Float32Array(width * height);
    const { values, unit } = valuesOf(map.values, info.unit, metric, this.#values);
    let jpeg: Uint8Array | undefined;
    if (source && this.#wants('picture', unit)) {
      if (!this.#jpeg?.fits(source.picture)) {
        this.#jpeg?.close();
        const encoder = await JpegEncoder.create(source.picture.width, source.picture.height);
        if (this.#closed) encoder.close();
        this.#jpeg = encoder;
      }
      jpeg = await this.#jpeg.encode(source.picture);
    }
    const frame: RosFrame = {
      camera: this.#camera,
      stamp: info.captureTime ?? now,
      values,
      unit,
      width,
      height,
      sourceWidth: info.sourceWidth,
      sourceHeight: info.sourceHeight,
      intrinsics: info.intrinsics,
      jpeg,
    };
    const wanted = FRAME_TOPICS.filter((topic) => this.#wants(topic, unit) && hasTopic(frame, topic));
    const messages = wanted.map((topic) => ({
      topic: topicName(this.#camera, topic, unit),
      data: schemaOf(TYPE_OF[topic]).serialise(frameMessage(frame, topic, this.#request)),
    }));
    return { unit, messages };
  }

  #wants(topic: FrameTopic, unit: DepthUnit): boolean {
    return this.#request.topics.includes(topicName(this.#camera, topic, unit));
  }
}
