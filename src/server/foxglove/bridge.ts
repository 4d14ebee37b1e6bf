import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import { DepthcastError, toDepthcastError } from '../../errors.ts';
import { opticalTransform, rosTime } from '../../ros/messages.ts';
import { schemaOf } from '../../ros/types.ts';
import type { ServerContext } from '../../session/server-context.ts';
import type { SessionStream } from '../../session/session.ts';
import { TOKEN_EXPIRED } from '../token-expiry.ts';
import { type ClientHost, FoxgloveClient } from './client.ts';
import { type Admitted, FoxgloveListener, type ListenerOptions } from './listener.ts';
import type { Channel, Parameter } from './messages.ts';
import { type FeedListener, openChannel, StreamFeed } from './stream-feed.ts';

const MEBIBYTE = 2 ** 20;
/** A client that does not answer for so long is gone. */
const ALIVE_MS = 30_000;
/** How often parameters are compared with what their watchers know. */
const WATCH_MS = 1000;
const TF = 'tf2_msgs/msg/TFMessage';
/** Of RFC 6455: the server goes away; a policy was not kept. */
const GOING_AWAY = 1001;
const POLICY = 1008;

type Context = Pick<ServerContext, 'config' | 'registry' | 'log' | 'metrics' | 'version' | 'pool' | 'admission'>;
type BridgeOptions = Pick<ListenerOptions, 'authorizer' | 'certificate'>;

/** `bridge.foxglove`: live streams for Foxglove, over its WebSocket protocol, at a port of its own. */
export class FoxgloveBridge implements ClientHost, FeedListener {
  readonly queueBytes: number;
  readonly #context: Context;
  readonly #authorizer: BridgeOptions['authorizer'];
  readonly #log: Logger;
  readonly #listener: FoxgloveListener;
  readonly #feeds = new Map<SessionStream, StreamFeed>();
  readonly #clients = new Map<FoxgloveClient, Admitted>();
  readonly #session = randomUUID();
  readonly #tf = openChannel('/tf_static', TF);
  readonly #watch: NodeJS.Timeout;

  private constructor(context: Context, { authorizer, certificate }: BridgeOptions) {
    this.#context = context;
    this.#authorizer = authorizer;
    this.#log = context.log;
    this.queueBytes = context.config.bridge.foxglove.queueMegabytes * MEBIBYTE;
    this.#listener = new FoxgloveListener(context, {
      authorizer,
      certificate,
      clients: () => this.#clients.size,
      opened: (socket, admitted) => this.#welcome(socket, admitted),
    });
    for (const stream of context.registry.streams) this.#publish(stream);
    context.registry.onAnyStream((stream) => this.#publish(stream));
    this.#watch = setInterval(() => this.#tellChanges(), WATCH_MS).unref();
  }

  /**
   * Listens where `bridge.foxglove.port` says; undefined where it says nothing.
   * @throws DepthcastError PORT_IN_USE, PORT_DENIED, BAD_CONFIG
   */
  static async open(context: Context, options: BridgeOptions): Promise<FoxgloveBridge | undefined> {
    const { port } = context.config.bridge.foxglove;
    if (port === null) return undefined;
    const bridge = new FoxgloveBridge(context, options);
    try {
      await bridge.#listener.listen(port);
    } catch (thrown) {
      clearInterval(bridge.#watch);
      throw thrown;
    }
    bridge.#log.info({ url: bridge.url }, 'Foxglove bridge');
    return bridge;
  }

  /** For the app on this machine. */
  get url(): string {
    return this.#listener.url;
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    for (const client of this.#clients.keys()) client.close(GOING_AWAY, 'server shutting down');
    await this.#listener.close();
  }

  wants(channelId: number): boolean {
    for (const client of this.#clients.keys()) if (client.wants(channelId)) return true;
    return false;
  }

  advertise(feed: StreamFeed, channels: Channel[]): void {
    for (const client of this.#clients.keys()) if (client.feeds.has(feed)) client.send({ op: 'advertise', channels });
  }

  frame(...[feed, nanoseconds, messages]: Parameters<FeedListener['frame']>): void {
    for (const client of this.#clients.keys()) if (client.feeds.has(feed)) client.frame(feed, nanoseconds, messages);
  }

  hasChannel(client: FoxgloveClient, channelId: number): boolean {
    return (
      channelId === this.#tf.id || [...client.feeds].some(({ channels }) => channels.some(({ id }) => id === channelId))
    );
  }

  subscribed(client: FoxgloveClient, channelIds: readonly number[]): void {
    if (channelIds.includes(this.#tf.id)) this.#sendTransforms(client, [...client.feeds]);
    refresh(client);
  }

  unsubscribed(client: FoxgloveClient): void {
    refresh(client);
  }

  parameters(client: FoxgloveClient): Parameter[] {
    return [...client.feeds].flatMap(({ parameters }) => parameters.all());
  }

  async setParameter(client: FoxgloveClient, parameter: Parameter): Promise<void> {
    const { name } = parameter;
    const feed = [...client.feeds].find(({ parameters }) => parameters.has(name));
    if (!feed) throw new DepthcastError('BAD_REQUEST', { detail: `there is no parameter ${name.slice(0, 128)}` });
    const { address, authorization } = this.#clients.get(client) ?? { address: '', authorization: undefined };
    await this.#authorizer.admit(address, authorization, { do: 'publish', stream: feed.stream.name });
    await feed.parameters.set(parameter);
    feed.refresh();
    this.#log.info({ stream: feed.stream.name, parameter: name, value: parameter.value }, 'set from Foxglove');
    this.#tellChanges();
  }

  #welcome(socket: WebSocket, admitted: Admitted): void {
    const client = new FoxgloveClient(socket, this);
    this.#clients.set(client, admitted);
    const alive = keepAlive(socket);
    const expiry = this.#endWithToken(client, admitted);
    socket.on('error', () => socket.terminate());
    socket.once('close', () => {
      clearInterval(alive);
      clearInterval(expiry);
      this.#clients.delete(client);
      refresh(client);
      this.#log.info({ clients: this.#clients.size, dropped: client.dropped }, 'Foxglove disconnected');
    });
    this.#log.info({ clients: this.#clients.size }, 'Foxglove connected');
    client.send({
      op: 'serverInfo',
      name: 'depthcast',
      capabilities: ['parameters', 'parametersSubscribe'],
      supportedEncodings: [],
      metadata: { version: this.#context.version },
      sessionId: this.#session,
    });
    client.send({ op: 'advertise', channels: [this.#tf] });
    for (const feed of this.#feeds.values()) void this.#show(client, feed);
  }

  #endWithToken(client: FoxgloveClient, { expiresAt }: Admitted): NodeJS.Timeout | undefined {
    if (!this.#context.config.jwt.endsSessions || expiresAt === undefined) return undefined;
    return setInterval(() => Date.now() >= expiresAt && client.close(POLICY, TOKEN_EXPIRED), WATCH_MS);
  }

  #publish(stream: SessionStream): void {
    // The name of a two-way session is a secret.
    if (stream.unlisted || stream.closed) return;
    const feed = new StreamFeed(stream, this.#context, this);
    this.#feeds.set(stream, feed);
    for (const client of this.#clients.keys()) void this.#show(client, feed);
    stream.once('closed', () => {
      this.#feeds.delete(stream);
      const channelIds = feed.channels.map(({ id }) => id);
      for (const client of this.#clients.keys())
        if (client.feeds.has(feed)) {
          client.forget(feed);
          client.send({ op: 'unadvertise', channelIds });
        }
    });
  }

  /** Shows a stream to a client that may view it. */
  async #show(client: FoxgloveClient, feed: StreamFeed): Promise<void> {
    const admitted = this.#clients.get(client)!;
    try {
      const { address, authorization } = admitted;
      await this.#authorizer.admit(address, authorization, { do: 'view', stream: feed.stream.name });
    } catch (thrown) {
      const { code, message } = toDepthcastError(thrown);
      if (code !== 'FORBIDDEN') client.complain(message);
      return;
    }
    if (feed.stream.closed || !this.#clients.has(client)) return;
    client.feeds.add(feed);
    client.send({ op: 'advertise', channels: feed.channels });
    this.#sendTransforms(client, [feed]);
  }

  #sendTransforms(client: FoxgloveClient, feeds: StreamFeed[]): void {
    const now = Date.now();
    const transforms = feeds.map(({ stream }) => opticalTransform(rosTime(now), stream.name));
    if (transforms.length > 0)
      client.data(this.#tf.id, BigInt(now) * 1_000_000n, schemaOf(TF).serialise({ transforms }));
  }

  #tellChanges(): void {
    for (const client of this.#clients.keys()) {
      if (client.watched.size === 0) continue;
      const changed = this.parameters(client).filter(({ name, value }) => {
        const known = client.watched.get(name);
        return known !== undefined && known !== JSON.stringify(value);
      });
      if (changed.length === 0) continue;
      for (const { name, value } of changed) client.watched.set(name, JSON.stringify(value));
      client.send({ op: 'parameterValues', parameters: changed });
    }
  }
}

function refresh({ feeds }: FoxgloveClient): void {
  for (const feed of feeds) feed.refresh();
}

function keepAlive(socket: WebSocket): NodeJS.Timeout {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  return setInterval(() => {
    if (!answered) socket.terminate();
    answered = false;
    socket.ping();
  }, ALIVE_MS);
}
