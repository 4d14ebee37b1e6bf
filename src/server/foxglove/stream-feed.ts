import type { DepthUnit } from '../../protocol/index.ts';
import { FRAME_TOPICS, TYPE_OF, topicName } from '../../ros/frame-topics.ts';
import { MESSAGE_ENCODING, type RosType, SCHEMA_ENCODING, schemaOf } from '../../ros/types.ts';
import { type Feed, feedOf } from '../../session/feed.ts';
import type { SessionStream } from '../../session/session.ts';
import type { FeedFrame } from '../../sinks/ros-feed.ts';
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
export class StreamFeed {
  readonly stream: SessionStream;
  readonly parameters: StreamParameters;
  readonly view: View = { encoding: '32FC1', stride: STRIDE };
  readonly channels: Channel[] = [];
  readonly #byTopic = new Map<string, number>();
  readonly #listener: FeedListener;
  readonly #feed: Feed;
  /** What was asked for last. */
  #asked = '';

  constructor(
    stream: SessionStream,
    context: ConstructorParameters<typeof StreamParameters>[2],
    listener: FeedListener,
  ) {
    this.stream = stream;
    this.parameters = new StreamParameters(stream, this.view, context);
    this.#listener = listener;
    this.#advertise(stream.unit);
    this.#feed = feedOf(stream, (frame) => this.#take(frame));
  }

  /** Somebody has subscribed or left, or changed how it is shown. */
  refresh(): void {
    const topics = this.channels.filter(({ id }) => this.#listener.wants(id)).map(({ topic }) => topic);
    const request = { topics, ...this.view };
    const asked = JSON.stringify(request);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#feed.ask(request);
  }

  #take({ unit, messages }: FeedFrame): void {
    this.#advertise(unit);
    const nanoseconds = BigInt(Math.round(Date.now() * 1000)) * 1000n;
    const sent = messages.map(({ topic, data }) => ({ channelId: this.#byTopic.get(topic)!, data }));
    this.#listener.frame(this, nanoseconds, sent);
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
    if (!first) this.#listener.advertise(this, added);
  }
}
