import { performance } from 'node:perf_hooks';
import { toDepthcastError } from '../../errors.ts';
import type { DepthUnit } from '../../protocol/index.ts';
import {
  FRAME_TOPICS,
  type FrameTopic,
  frameMessage,
  hasTopic,
  type RosFrame,
  TYPE_OF,
  topicName,
} from '../../ros/frame-topics.ts';
import { valuesOf } from '../../ros/messages.ts';
import { MESSAGE_ENCODING, type RosType, SCHEMA_ENCODING, schemaOf } from '../../ros/types.ts';
import type { DepthSink, SinkListener } from '../../stream/depth-sink.ts';
import type { LiveDepth } from '../../stream/live-depth.ts';
import type { LiveStream } from '../../stream/live-stream.ts';
import { Mailbox } from '../../stream/mailbox.ts';
import { JpegEncoder } from '../../video/jpeg-encoder.ts';
import type { Channel } from './messages.ts';
import { StreamParameters, type View } from './parameters.ts';

/** Points of every other pixel and row, until a client asks for others. */
const STRIDE = 2;

let lastChannel = 0;

export function openChannel(topic: string, type: RosType): Channel {
  return {
    id: ++lastChannel,
    topic,
    encoding: MESSAGE_ENCODING,
    schemaName: type,
    schema: schemaOf(type).text,
    schemaEncoding: SCHEMA_ENCODING,
  };
}

/** One topic's message of a frame, for all who subscribed to it. */
export interface FeedMessage {
  channelId: number;
  data: Uint8Array;
}

export interface FeedListener {
  /** Whether anybody wants a channel's messages. */
  wants(channelId: number): boolean;
  /** Channels that there were not before. */
  advertise(feed: StreamFeed, channels: Channel[]): void;
  /** What there is of one frame, together. */
  frame(feed: StreamFeed, nanoseconds: bigint, messages: FeedMessage[]): void;
}

/** A live stream as channels of the Foxglove protocol: only what somebody subscribed to is made, once for all. */
export class StreamFeed implements DepthSink {
  readonly name = 'foxglove';
  readonly about = 'data';
  readonly stream: LiveStream;
  readonly parameters: StreamParameters;
  readonly view: View = { encoding: '32FC1', stride: STRIDE };
  readonly channels: Channel[] = [];
  readonly #byTopic = new Map<string, number>();
  readonly #feed: FeedListener;
  readonly #listener: SinkListener;
  readonly #mailbox = new Mailbox<LiveDepth>(
    (depth) => this.#send(depth),
    (depth) => depth.release(),
  );
  #jpeg: JpegEncoder | undefined;
  #values = new Float32Array(0);
  #closed = false;

  constructor(
    stream: LiveStream,
    context: ConstructorParameters<typeof StreamParameters>[2],
    feed: FeedListener,
    listener: SinkListener,
  ) {
    this.stream = stream;
    this.parameters = new StreamParameters(stream, this.view, context);
    this.#feed = feed;
    this.#listener = listener;
    this.#advertise(stream.unit);
  }

  get receivers(): number {
    return this.channels.some(({ id }) => this.#feed.wants(id)) ? 1 : 0;
  }

  push(depth: LiveDepth): void {
    if (this.#closed || this.receivers === 0) return;
    this.#mailbox.put(depth.retain());
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
    try {
      const messages = await this.#messagesOf(depth, Date.now());
      if (this.#closed) return;
      const nanoseconds = BigInt(Math.round(Date.now() * 1000)) * 1000n;
      this.#feed.frame(this, nanoseconds, messages);
      const bytes = messages.reduce((sum, { data }) => sum + data.length, 0);
      this.#listener.sent({ encode: performance.now() - began, send: 0, bytes, latency: undefined });
    } catch (thrown) {
      if (!this.#closed) this.#listener.failed(toDepthcastError(thrown));
    } finally {
      depth.release();
    }
  }

  async #messagesOf({ map, metric, info, source }: LiveDepth, now: number): Promise<FeedMessage[]> {
    const { width, height } = info;
    if (metric && this.#values.length !== width * height) this.#values = new Float32Array(width * height);
    const { values, unit } = valuesOf(map.values, info.unit, metric, this.#values);
    this.#advertise(unit);
    let jpeg: Uint8Array | undefined;
    if (source && this.#wanted('picture', unit) !== undefined) {
      if (!this.#jpeg?.fits(source.picture)) {
        this.#jpeg?.close();
        const encoder = await JpegEncoder.create(source.picture.width, source.picture.height);
        if (this.#closed) encoder.close();
        this.#jpeg = encoder;
      }
      jpeg = await this.#jpeg.encode(source.picture);
    }
    const frame: RosFrame = {
      camera: this.stream.name,
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
    return FRAME_TOPICS.flatMap((topic): FeedMessage[] => {
      const channelId = this.#wanted(topic, unit);
      if (channelId === undefined || !hasTopic(frame, topic)) return [];
      const message = frameMessage(frame, topic, this.view);
      return [{ channelId, data: schemaOf(TYPE_OF[topic]).serialise(message) }];
    });
  }

  #wanted(topic: FrameTopic, unit: DepthUnit): number | undefined {
    const id = this.#byTopic.get(topicName(this.stream.name, topic, unit));
    return id !== undefined && this.#feed.wants(id) ? id : undefined;
  }

  /** Anchors make metres of relative depth, and then there are other topics beside those of before. */
  #advertise(unit: DepthUnit): void {
    const added: Channel[] = [];
    for (const topic of FRAME_TOPICS) {
      const name = topicName(this.stream.name, topic, unit);
      if (this.#byTopic.has(name) || (topic === 'points' && unit !== 'metres')) continue;
      const channel = openChannel(name, TYPE_OF[topic]);
      this.#byTopic.set(name, channel.id);
      added.push(channel);
    }
    if (added.length === 0) return;
    const first = this.channels.length === 0;
    this.channels.push(...added);
    if (!first) this.#feed.advertise(this, added);
  }
}
