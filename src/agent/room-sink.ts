import type { LocalParticipant } from '@livekit/rtc-node';
import { DepthMailbox } from '../stream/depth-mailbox.ts';
import type { DepthSink, FrameTiming, SinkListener } from '../stream/depth-sink.ts';
import type { LiveDepth } from '../stream/live-depth.ts';

/** Between attempts to publish, after one failed or what was published got lost. */
const AGAIN_MS = 500;

/** Something that was published in a room and takes depth maps. */
export interface Outlet {
  /** @throws where the map did not go out */
  send(depth: LiveDepth): FrameTiming | Promise<FrameTiming>;
  /** It has to be published again, as after a reconnect of the room. */
  readonly lost: boolean;
  /** Idempotent; nothing is being sent then. */
  close(): void;
}

export interface RoomSinkOptions {
  /** Of its kind: what labels its numbers, and what its failures are about. */
  kind: 'track' | 'data';
  /** Publishes; what it made is gone again where it rejects. */
  publish(participant: LocalParticipant, first: LiveDepth): Promise<Outlet>;
  now?: () => number;
}

/** Depth in a room: publishes with the first map, sends the newest, and publishes again where that is needed. */
export class RoomSink implements DepthSink {
  readonly name: RoomSinkOptions['kind'];
  readonly about: RoomSinkOptions['kind'];
  readonly #participant: LocalParticipant;
  readonly #options: Required<RoomSinkOptions>;
  readonly #listener: SinkListener;
  readonly #mailbox = new DepthMailbox((depth) => this.#take(depth));
  #outlet: Outlet | undefined;
  #publishAt = -Infinity;
  #closed = false;

  constructor(participant: LocalParticipant, options: RoomSinkOptions, listener: SinkListener) {
    this.name = options.kind;
    this.about = options.kind;
    this.#participant = participant;
    this.#options = { now: () => performance.now(), ...options };
    this.#listener = listener;
  }

  /** The room does not tell who subscribed. */
  get receivers(): number {
    return this.#closed ? 0 : 1;
  }

  push(depth: LiveDepth): void {
    if (!this.#closed) this.#mailbox.put(depth);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#mailbox.close();
    if (!this.#mailbox.busy) this.#drop();
  }

  async #take(depth: LiveDepth): Promise<void> {
    try {
      const outlet = await this.#published(depth);
      if (this.#closed || outlet === undefined) return;
      const timing = await outlet.send(depth);
      if (!this.#closed) this.#listener.sent(timing);
    } catch (thrown) {
      if (!this.#closed) this.#listener.failed(thrown as Error);
    } finally {
      depth.release();
      if (this.#closed || this.#outlet?.lost) this.#drop();
    }
  }

  /** @returns undefined where the next attempt is not due yet */
  async #published(first: LiveDepth): Promise<Outlet | undefined> {
    if (this.#outlet) return this.#outlet;
    const { now, publish } = this.#options;
    if (now() < this.#publishAt) return undefined;
    this.#publishAt = now() + AGAIN_MS;
    this.#outlet = await publish(this.#participant, first);
    return this.#outlet;
  }

  #drop(): void {
    this.#outlet?.close();
    this.#outlet = undefined;
  }
}
