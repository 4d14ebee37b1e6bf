import { type FeedFrame, type FeedRequest, RosFeed } from '../sinks/ros-feed.ts';
import { LiveStream } from '../stream/live-stream.ts';
import type { SessionStream } from './session.ts';

/** The frames of a stream as ROS 2 messages, for as long as it lives. */
export interface Feed {
  /** From the next frame on. */
  ask(request: FeedRequest): void;
}

/** A stream of another thread, whose messages are made there. */
export interface FeedsItself {
  feed(take: (frame: FeedFrame) => void): Feed;
}

/** @param take is given what was asked for of each frame; the next is made when it has settled (streams of this thread) */
export function feedOf(stream: SessionStream, take: (frame: FeedFrame) => void | Promise<void>): Feed {
  if (!(stream instanceof LiveStream)) return (stream as SessionStream & FeedsItself).feed(take);
  return stream.add((listener) => new RosFeed(stream.name, take, listener));
}
