import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import foxglove, { type Channel, type Parameter, type StatusMessage } from '@foxglove/ws-protocol';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { DepthServer } from '../../src/server/server.ts';
import type { LiveDepth } from '../../src/stream/live-depth.ts';
import { startApp, until } from './support/app.ts';

const SCENE = { 'sources.scenes': ['static'], 'sources.width': 160, 'sources.height': 120, 'sources.fps': 15 };
const NAME = 'scene-static';
const SECRET = 'a secret of more than thirty-two characters';

interface Stamp {
  sec: number;
  nsec: number;
}
interface Received {
  topic: string;
  message: {
    header: { stamp: Stamp; frame_id: string };
    encoding: string;
    format: string;
    width: number;
    height: number;
    step: number;
    data: Uint8Array;
    k: Float64Array;
    transforms: { header: { frame_id: string }; child_frame_id: string }[];
  };
}

/** Foxglove's own client, with what it was told; messages are read by the schemas that were advertised. */
class App {
  readonly channels = new Map<number, Channel>();
  readonly received: Received[] = [];
  readonly statuses: StatusMessage[] = [];
  readonly removed: string[] = [];
  readonly parameters = new Map<string, Parameter['value']>();
  capabilities: string[] = [];
  closed: number | undefined;
  failure: string | undefined;
  readonly client: InstanceType<typeof foxglove.FoxgloveClient>;
  readonly socket: WebSocket;
  readonly #subscribed = new Map<number, { topic: string; reader: MessageReader }>();

  constructor(url: string, protocol = 'foxglove.sdk.v1', options: { origin?: string } = {}) {
    this.socket = new WebSocket(url, [protocol], options);
    this.socket.on('unexpected-response', (_request, response) => {
      this.failure = String(response.statusCode);
    });
    const client = new foxglove.FoxgloveClient({ ws: this.socket as never });
    this.client = client;
    client.on('error', () => {});
    client.on('close', ({ code }) => {
      this.closed = code;
    });
    client.on('serverInfo', ({ capabilities }) => {
      this.capabilities = capabilities;
    });
    client.on('advertise', (channels) => {
      for (const channel of channels) this.channels.set(channel.id, channel);
    });
    client.on('unadvertise', (ids) => {
      for (const id of ids) this.channels.delete(id);
    });
    client.on('status', (status) => this.statuses.push(status));
    client.on('removeStatus', ({ statusIds }) => this.removed.push(...statusIds));
    client.on('parameterValues', ({ parameters }) => {
      for (const { name, value } of parameters) this.parameters.set(name, value);
    });
    client.on('message', ({ subscriptionId, data }) => {
      const { topic, reader } = this.#subscribed.get(subscriptionId)!;
      this.received.push({ topic, message: reader.readMessage(data) });
    });
  }

  async subscribe(topic: string): Promise<number> {
    const channel = await until(`${topic} is advertised`, () =>
      [...this.channels.values()].find((one) => one.topic === topic),
    );
    expect(channel).toMatchObject({ encoding: 'cdr', schemaEncoding: 'ros2msg' });
    const reader = new MessageReader(parse(channel.schema, { ros2: true }));
    const id = this.client.subscribe(channel.id);
    this.#subscribed.set(id, { topic, reader });
    return id;
  }

  of(topic: string): Received['message'][] {
    return this.received.filter((one) => one.topic === topic).map(({ message }) => message);
  }

  next(topic: string, count = 1, where: (message: Received['message']) => boolean = () => true) {
    return until(`${topic} comes`, () => {
      const found = this.of(topic).filter(where);
      return found.length >= count ? found : undefined;
    });
  }

  async set(name: string, value: Parameter['value']): Promise<void> {
    const before = this.statuses.length;
    this.parameters.delete(name);
    this.client.setParameters([{ name, value }], 'set');
    await until(`${name} is answered`, () => this.parameters.has(name) || this.statuses.length > before);
  }
}

const apps: App[] = [];
const connect = (...args: ConstructorParameters<typeof App>): App => {
  const app = new App(...args);
  apps.push(app);
  return app;
};
afterEach(() => {
  for (const app of apps.splice(0)) app.socket.terminate();
});

/** What a stream's sinks get, in metres where it has anchors. */
function tap(server: DepthServer) {
  const stream = server.context.registry.liveStreams.find(({ name }) => name === NAME)!;
  const seen: Float32Array[] = [];
  const sink = stream.add(() => ({
    name: 'data',
    about: 'data' as const,
    receivers: 1,
    push: ({ map, metric }: LiveDepth) => {
      const metres = (v: number) => (metric ? 1 / Math.max(0, metric.scale * v + metric.shift) : v);
      seen.push(map.values.map(metres));
      if (seen.length > 200) seen.shift();
    },
    close: () => {},
  }));
  return { stream, seen, stop: () => stream.remove(sink) };
}
const floats = ({ data }: Received['message']) => new Float32Array(data.slice().buffer);

describe('the Foxglove bridge', () => {
  let server: DepthServer & { base: string };
  let url: string;
  beforeAll(async () => {
    server = await startApp({ ...SCENE, 'bridge.foxglove': { port: 0, queueMegabytes: 0.2 } });
    url = server.foxgloveUrl!;
  });
  afterAll(() => server.close());

  it.each(['foxglove.sdk.v1', 'foxglove.websocket.v1'])(
    "gives a client that speaks %s the stream's very depth, its picture and cameras",
    async (protocol) => {
      const { seen, stop } = tap(server);
      const app = connect(url, protocol);
      const depth = `/scene_static/relative_disparity/image`;
      for (const topic of [depth, '/scene_static/image/compressed', '/scene_static/image/camera_info', '/tf_static'])
        await app.subscribe(topic);
      expect(app.socket.protocol).toBe(protocol);
      expect(app.capabilities).toEqual(['parameters', 'parametersSubscribe']);
      expect(app.channels.size).toBe(5);
      const [image] = await app.next(depth, 3);
      expect(image).toMatchObject({ encoding: '32FC1', width: 256, height: 192, step: 1024 });
      expect(image!.header.frame_id).toBe('scene-static_optical_frame');
      const values = floats(image!);
      expect(seen.some((map) => map.every((value, i) => value === values[i]))).toBe(true);
      const [picture] = await app.next('/scene_static/image/compressed');
      expect([picture!.format, ...picture!.data.slice(0, 3)]).toEqual(['jpeg', 255, 216, 255]);
      const [camera] = await app.next('/scene_static/image/camera_info');
      expect(camera).toMatchObject({ width: 160, height: 120 });
      expect(camera!.k[0]).toBeCloseTo(80 / Math.tan(((65 / 2) * Math.PI) / 180), 3);
      const [tf] = await app.next('/tf_static');
      expect(tf!.transforms[0]).toMatchObject({ child_frame_id: 'scene-static_optical_frame' });
      expect(app.statuses).toEqual([]);
      stop();
    },
  );

  it('sets parameters of the stream from the app, and tells others of them', async () => {
    const [app, other] = [connect(url), connect(url)];
    await until('both are connected', () => app.channels.size > 1 && other.channels.size > 1);
    const named = (key: string) => `/${NAME}.${key}`;
    app.client.getParameters([], 'all');
    await until('parameters came', () => app.parameters.size >= 7);
    expect(app.parameters.get(named('unit'))).toBe('disparity');
    other.client.subscribeParameterUpdates([named('size'), named('range')]);
    const { stream } = tap(server);
    await app.set(named('size'), 160);
    await app.set(named('range'), [3, -1]);
    await app.set(named('hfov'), 90);
    expect([stream.size.asked, stream.range, stream.model]).toEqual([160, { near: 3, far: -1 }, 'depthcast-nano']);
    await until('the other one is told', () => other.parameters.get(named('range')));
    expect(other.parameters.get(named('size'))).toBe(160);
    for (const [key, value, why] of [
      ['size', 17, /17; depthcast-nano allows/],
      ['model', 'nobody', /nobody; there is/],
      ['range', 'wide', /range/],
      ['unit', 'metres', /cannot be set/],
      ['nothing', 1, /there is no parameter/],
    ] as const) {
      const before = app.statuses.length;
      app.client.setParameters([{ name: named(key), value }]);
      const status = await until(`${key} is refused`, () => app.statuses[before]);
      expect(status).toMatchObject({ level: 2, message: expect.stringMatching(why) });
    }
    const topic = '/scene_static/image/camera_info';
    await app.subscribe(topic);
    const [camera] = await app.next(topic);
    expect(camera!.k[0]).toBeCloseTo(80, 6);
    await app.set(named('size'), 256);
    await app.set(named('range'), 'auto');
  });

  it('drops frames of a client that does not read, tells it, and lets others have theirs', async () => {
    const topic = '/scene_static/relative_disparity/image';
    const [slow, other] = [connect(url), connect(url)];
    await slow.subscribe(topic);
    await slow.next(topic);
    // The socket of the client's own: nothing is read any more.
    const { _socket: socket } = slow.socket as unknown as { _socket: import('node:net').Socket };
    socket.pause();
    await other.subscribe(topic);
    // Far more than sockets hold: the rest would be in the server's memory.
    await until('others go on', () => other.received.length >= 90, 100_000);
    socket.resume();
    const status = await until('it is told', () => slow.statuses.find(({ id }) => id === 'slow'));
    expect(status).toMatchObject({ level: 1, message: expect.stringMatching(/frames were dropped/) });
    await until('it has caught up', () => slow.removed.includes('slow'));
    expect(slow.received.length).toBeLessThan(other.received.length);
  });

  it('understands what a client may say, and says what it does not', async () => {
    const app = connect(url);
    await until('it is connected', () => app.channels.size > 1);
    const id = await app.subscribe('/scene_static/relative_disparity/image');
    for (const [text, why] of [
      ['{', /no JSON/],
      ['{"op":"advertise","channels":[]}', /advertise is not supported/],
      ['{"op":"subscribe","subscriptions":[{"id":7,"channelId":99999}]}', /no channel 99999/],
      ['{"op":"subscribe","subscriptions":5}', /subscriptions/],
      ['null', /is not supported/],
      ['{"op":{"toString":1}}', /is not supported/],
      [`{"op":${'['.repeat(50_000)}1${']'.repeat(50_000)}}`, /is not supported|no JSON/],
      [Buffer.from([1, 255, 0]), /binary/],
      ['{"op":"subscribeParameterUpdates","parameterNames":["/x"]}', /no parameter/],
    ] as const) {
      const before = app.statuses.length;
      app.socket.send(text);
      const status = await until(`${String(text).slice(0, 80)} is answered`, () => app.statuses[before]);
      expect(status).toMatchObject({ level: 2, message: expect.stringMatching(why) });
    }
    app.client.unsubscribe(id);
    expect(app.closed).toBeUndefined();
    expect((await fetch(url.replace('ws', 'http'))).status).toBe(426);
    const strange = connect(url, 'chat');
    await until('another protocol is refused', () => strange.failure === '400');
  });

  it('has topics in metres as soon as there are anchors: millimetres where asked for, and points', async () => {
    const { stream, seen, stop } = tap(server);
    const app = connect(url);
    await app.subscribe('/scene_static/relative_disparity/image');
    await app.next('/scene_static/relative_disparity/image');
    // Distances that agree with what the network sees.
    const map = await until('depth', () => seen.at(-1));
    const least = Math.min(...map);
    const places = [0.2, 0.4, 0.6, 0.8].flatMap((x) =>
      [0.25, 0.75].map((y) => {
        const value = map[Math.round(y * 192) * 256 + Math.round(x * 256)]!;
        return { x, y, metres: 1 / (0.1 + 0.3 * (value - least)) };
      }),
    );
    stream.anchor(places);
    const depth = '/scene_static/depth/image';
    for (const topic of [depth, '/scene_static/depth/points']) await app.subscribe(topic);
    await app.next(depth);
    await app.set(`/${NAME}.points_stride`, 4);
    await app.set(`/${NAME}.depth_encoding`, '16UC1');
    const [image] = await app.next(depth, 1, ({ encoding }) => encoding === '16UC1');
    expect(image!.step).toBe(512);
    const millimetres = new Uint16Array(image!.data.slice().buffer);
    const close = (map: Float32Array) =>
      map.every((metres, i) => {
        const expected = metres <= 65.5355 ? Math.round(metres * 1000) : 0;
        return Math.abs(expected - millimetres[i]!) <= 1;
      });
    expect(seen.some(close)).toBe(true);
    const points = await until('decimated points', () =>
      app.of('/scene_static/depth/points').find(({ width }) => width > 100 && width <= 64 * 48),
    );
    const z = floats(points).filter((_, i) => i % 3 === 2);
    expect(z.every((metres) => metres > 0 && metres <= 100)).toBe(true);
    await app.set(`/${NAME}.depth_encoding`, '32FC1');
    stop();
  });
});

describe('a Foxglove bridge with tokens', () => {
  let server: DepthServer & { base: string };
  let url: string;
  const tokens = {
    all: { token: 'all-of-everything', publish: ['*'], view: ['*'] },
    viewer: { token: 'scenes-to-view', view: ['scene-*'] },
    stranger: { token: 'other-streams', view: ['door'] },
  };
  beforeAll(async () => {
    server = await startApp({
      ...SCENE,
      'bridge.foxglove': { port: 0, clients: 2 },
      'server.tokens': Object.values(tokens),
      'server.allowedOrigins': ['https://app.foxglove.dev'],
      'jwt.secret': SECRET,
    });
    url = server.foxgloveUrl!;
  });
  afterAll(() => server.close());
  const as = ({ token }: { token: string }, options?: { origin?: string }) =>
    connect(`${url}/?token=${token}`, undefined, options);

  it('shows each client the streams that it may view, and lets it set those that it may publish', async () => {
    const nobody = connect(url);
    await until('without a token', () => nobody.failure === '401');
    const wrong = as({ token: 'wrong-token' });
    await until('a wrong token', () => wrong.failure === '401');
    const foreign = as(tokens.all, { origin: 'https://evil.example' });
    await until('a foreign origin', () => foreign.failure === '403');

    const stranger = as(tokens.stranger);
    const viewer = as(tokens.viewer, { origin: 'https://app.foxglove.dev' });
    await until('the viewer sees the scene', () => viewer.channels.size === 5);
    expect([...stranger.channels.values()].map(({ topic }) => topic)).toEqual(['/tf_static']);
    const scene = [...viewer.channels.keys()].at(-1)!;
    stranger.client.subscribe(scene);
    await until('it may not guess', () => stranger.statuses.some(({ message }) => message.includes('no channel')));
    await viewer.set(`/${NAME}.size`, 160);
    expect(viewer.statuses.at(-1)).toMatchObject({ level: 2, message: expect.stringContaining(`publish ${NAME}`) });

    const third = as(tokens.all);
    await until('no more than two', () => third.failure === '503');
  });

  it('ends with the token, also where that shows no stream', async () => {
    await until('there is room', async () => {
      const probe = as(tokens.viewer);
      await until('an answer', () => probe.channels.size > 0 || probe.failure);
      probe.socket.terminate();
      return probe.failure === undefined;
    });
    const token = await new SignJWT({ depthcast: { view: ['door'] } })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime(Math.floor(Date.now() / 1000) + 3)
      .sign(new TextEncoder().encode(SECRET));
    // Within the tolerance of five seconds.
    const app = as({ token });
    await until('it is connected', () => app.channels.size === 1);
    await until('it is closed', () => app.closed === 1008);
  });
});
