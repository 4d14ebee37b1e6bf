import type { WebSocket } from 'ws';
import { DepthcastError, toDepthcastError } from '../../errors.ts';
import {
  type ClientMessage,
  clientMessage,
  dataHeader,
  type Parameter,
  type ServerMessage,
  StatusLevel,
} from './messages.ts';
import type { FeedMessage, StreamFeed } from './stream-feed.ts';

/** How often a client is told that frames were dropped for it. */
const STATUS_MS = 5000;
/** Calls of a client that wait for one that is under way. */
const MAX_WAITING = 32;
const MAX_SUBSCRIPTIONS = 4096;
const SLOW = 'slow';

/** What a client may see and do. */
export interface ClientHost {
  /** Bytes that may wait for a client before frames are dropped. */
  queueBytes: number;
  hasChannel(client: FoxgloveClient, channelId: number): boolean;
  subscribed(client: FoxgloveClient, channelIds: readonly number[]): void;
  unsubscribed(client: FoxgloveClient): void;
  parameters(client: FoxgloveClient): Parameter[];
  /** @throws DepthcastError */
  setParameter(client: FoxgloveClient, parameter: Parameter): Promise<void>;
}

/** One connection of the Foxglove app. It never waits for a slow one: a stream's older frame gives way to its newer one. */
export class FoxgloveClient {
  /** Streams that it may view. */
  readonly feeds = new Set<StreamFeed>();
  /** Names of parameters whose changes it is told, and the values that it was told. */
  readonly watched = new Map<string, string>();
  dropped = 0;
  readonly #socket: WebSocket;
  readonly #host: ClientHost;
  /** By channel. */
  readonly #subscriptions = new Map<number, number>();
  /** The newest frame of each stream that finds no room. */
  readonly #waiting = new Map<StreamFeed, { nanoseconds: bigint; messages: FeedMessage[] }>();
  readonly #status: NodeJS.Timeout;
  #told = 0;
  #isSlow = false;
  #calls: Promise<void> = Promise.resolve();
  #callsWaiting = 0;

  constructor(socket: WebSocket, host: ClientHost) {
    this.#socket = socket;
    this.#host = host;
    this.#status = setInterval(() => this.#tellOfDrops(), STATUS_MS);
    socket.on('message', (data, isBinary) => {
      // Those of services and of topics that a client publishes.
      if (isBinary) this.complain('binary messages of clients are not supported');
      else this.#read(String(data));
    });
    socket.once('close', () => clearInterval(this.#status));
  }

  wants(channelId: number): boolean {
    return this.#subscriptions.has(channelId);
  }

  /** A stream that ended: nothing of it is sent any more. */
  forget(feed: StreamFeed): void {
    this.feeds.delete(feed);
    this.#waiting.delete(feed);
    for (const { id } of feed.channels) this.#subscriptions.delete(id);
    for (const name of this.watched.keys()) if (feed.parameters.has(name)) this.watched.delete(name);
  }

  send(message: ServerMessage): void {
    // Whoever asks and does not read the answers.
    if (this.#socket.bufferedAmount > 2 * this.#host.queueBytes) this.#socket.terminate();
    else this.#socket.send(JSON.stringify(message));
  }

  /** Tells of something that it asked for and that is not done. */
  complain(message: string): void {
    this.send({ op: 'status', level: StatusLevel.error, message });
  }

  /** Messages of one frame: all of them are sent, or none. */
  frame(feed: StreamFeed, nanoseconds: bigint, messages: FeedMessage[]): void {
    const mine = messages.filter(({ channelId }) => this.#subscriptions.has(channelId));
    if (mine.length === 0) return;
    if (this.#hasRoom() && this.#waiting.size === 0) {
      this.#write(nanoseconds, mine);
      return;
    }
    if (this.#waiting.delete(feed)) this.dropped++;
    this.#waiting.set(feed, { nanoseconds, messages: mine });
  }

  /** One message that is not dropped. */
  data(channelId: number, nanoseconds: bigint, data: Uint8Array): void {
    if (this.#subscriptions.has(channelId)) this.#write(nanoseconds, [{ channelId, data }]);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  #hasRoom(): boolean {
    return this.#socket.bufferedAmount < this.#host.queueBytes;
  }

  #write(nanoseconds: bigint, messages: FeedMessage[]): void {
    for (const { channelId, data } of messages) {
      const id = this.#subscriptions.get(channelId);
      if (id === undefined) continue;
      // Two fragments: the bytes are shared by all clients.
      this.#socket.send(dataHeader(id, nanoseconds), { fin: false });
      this.#socket.send(data, () => this.#pump());
    }
  }

  #pump(): void {
    for (const [feed, { nanoseconds, messages }] of this.#waiting) {
      if (!this.#hasRoom()) return;
      this.#waiting.delete(feed);
      this.#write(nanoseconds, messages);
    }
  }

  #tellOfDrops(): void {
    const dropped = this.dropped - this.#told;
    this.#told = this.dropped;
    if (dropped > 0) {
      const message = `${dropped} frames were dropped in ${STATUS_MS / 1000} s: this connection does not take them all`;
      this.send({ op: 'status', level: StatusLevel.warning, id: SLOW, message });
    } else if (this.#isSlow) this.send({ op: 'removeStatus', statusIds: [SLOW] });
    this.#isSlow = dropped > 0;
  }

  #read(text: string): void {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      this.complain('a message is no JSON');
      return;
    }
    const parsed = clientMessage.safeParse(json);
    if (parsed.success) {
      this.#take(parsed.data);
      return;
    }
    const given = (json as { op?: unknown } | null)?.op;
    const op = typeof given === 'string' ? given.slice(0, 64) : 'a message without an op';
    const { path = [], message } = parsed.error.issues[0]!;
    this.complain(
      path.length === 0 || path[0] === 'op' ? `${op} is not supported` : `${op}: ${path.join('.')}: ${message}`,
    );
  }

  #take(message: ClientMessage): void {
    switch (message.op) {
      case 'subscribe':
        this.#subscribe(message.subscriptions);
        return;
      case 'unsubscribe': {
        const ids = new Set(message.subscriptionIds);
        for (const [channelId, id] of this.#subscriptions) if (ids.has(id)) this.#subscriptions.delete(channelId);
        this.#host.unsubscribed(this);
        return;
      }
      case 'getParameters':
        this.#answer(message.parameterNames, message.id);
        return;
      case 'setParameters':
        this.#call(async () => {
          for (const parameter of message.parameters)
            await this.#host.setParameter(this, parameter).catch((thrown: unknown) => {
              this.complain(toDepthcastError(thrown).message);
            });
          this.#answer(
            message.parameters.map(({ name }) => name),
            message.id,
          );
        });
        return;
      case 'subscribeParameterUpdates':
        this.#watch(message.parameterNames);
        return;
      case 'unsubscribeParameterUpdates':
        for (const name of message.parameterNames) this.watched.delete(name);
    }
  }

  #subscribe(subscriptions: readonly { id: number; channelId: number }[]): void {
    const ids = new Set(this.#subscriptions.values());
    const added: number[] = [];
    for (const { id, channelId } of subscriptions)
      if (!this.#host.hasChannel(this, channelId)) this.complain(`there is no channel ${channelId}`);
      else if (this.#subscriptions.has(channelId)) this.complain(`channel ${channelId} is subscribed to already`);
      else if (ids.has(id)) this.complain(`subscription ${id} exists already`);
      else if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) this.complain('that are too many subscriptions');
      else {
        this.#subscriptions.set(channelId, id);
        ids.add(id);
        added.push(channelId);
      }
    if (added.length > 0) this.#host.subscribed(this, added);
  }

  #watch(names: readonly string[]): void {
    const values = new Map(this.#host.parameters(this).map(({ name, value }) => [name, value]));
    for (const name of names)
      if (values.has(name)) this.watched.set(name, JSON.stringify(values.get(name)));
      else this.complain(`there is no parameter ${name}`);
  }

  /** @param names of all, where there are none */
  #answer(names: readonly string[], id: string | undefined): void {
    const all = this.#host.parameters(this);
    const parameters = names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
    this.send({ op: 'parameterValues', parameters, id });
  }

  /** One after the other, as loading a model takes its time. */
  #call(work: () => Promise<void>): void {
    if (this.#callsWaiting >= MAX_WAITING) {
      this.complain(new DepthcastError('BUSY').message);
      return;
    }
    this.#callsWaiting++;
    this.#calls = this.#calls.then(work).finally(() => this.#callsWaiting--);
  }
}
