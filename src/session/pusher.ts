import type { PushedOutputSettings } from '../config/pushed-output.ts';
import { LAYOUT_PARTS } from '../protocol/output.ts';
import { PushSink } from '../sinks/push/push-sink.ts';
import { type PushEvents, type PushStatus, PushTarget } from '../sinks/push/push-target.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import { matteShadesOf } from './outputs.ts';

/** A stream that is sent somewhere, until it ends. */
export interface Pusher {
  readonly status: PushStatus;
  /** Idempotent. */
  close(): void;
}

export interface PusherEvents extends PushEvents {
  /** It is sent otherwise than it was asked for, or not at all. */
  onNote(what: string): void;
}

/** A stream of another thread, which is sent from there. */
export interface PushesItself {
  send(settings: PushedOutputSettings, events: PusherEvents): Pusher;
}

/** Sends a stream of this thread from its next frame on. */
export function pushStream(stream: LiveStream, settings: PushedOutputSettings, events: PusherEvents): Pusher {
  const { layout, bitrate, maxSide, matte: own } = settings;
  let view = own === undefined ? stream.matte : stream.matte.own(own);
  if (typeof view === 'string') {
    // The stream's own matte is better than none.
    events.onNote(`its matte is the stream's: ${view}`);
    view = stream.matte;
  }
  const matte = LAYOUT_PARTS[layout].shades === 'matte' ? matteShadesOf(stream, view) : undefined;
  const target = new PushTarget(settings.url, events);
  const sink = stream.add((listener) => new PushSink({ layout, bitrate, maxSide, matte }, target, listener));
  return {
    get status() {
      return target.status;
    },
    close: () => stream.remove(sink),
  };
}
