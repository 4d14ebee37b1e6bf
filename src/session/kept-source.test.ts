import { EventEmitter } from 'node:events';
import { type Logger, pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { pulledSourceSchema } from '../config/pulled-source.ts';
import { DepthcastError } from '../errors.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { CameraSettings } from '../protocol/index.ts';
import { KeptSource } from './kept-source.ts';
import type { SourceOptions } from './peer-host.ts';
import { PulledSources } from './pulled-sources.ts';
import { Registry } from './registry.ts';
import { publishScenes } from './scenes.ts';
import type { SourceEvents, SourceSession } from './session.ts';

/** Waits begin at half a second and end at 36 s. */
const LONGEST_MS = 40_000;
const died = () => new DepthcastError('MEDIA_WORKER_DIED');

/** A media worker's end of a source, without a worker. */
class HostedSource extends EventEmitter<SourceEvents> {
  readonly status = undefined;
  readonly stream;
  closed: string | undefined;
  readonly #fails: DepthcastError | undefined;

  constructor({ name, size, still }: SourceOptions, fails: DepthcastError | undefined) {
    super();
    this.#fails = fails;
    this.stream = {
      name,
      model: 'm',
      upsampling: 'off',
      still: still ? 'on' : 'off',
      range: 'auto',
      layout: undefined,
      size: { now: size ?? 160, asked: size ?? 160 },
      cameraSettings: undefined as CameraSettings | undefined,
      close: (reason: string) => this.close(reason),
    };
  }

  start(): void {
    if (this.#fails) this.close('refused', this.#fails);
  }

  close(reason: string, error?: DepthcastError): void {
    if (this.closed !== undefined) return;
    this.closed = reason;
    this.emit('closed', reason, error);
  }

  die(): void {
    this.close('media worker died', died());
  }
}

/** Where sources live, as far as the main thread knows. */
function host() {
  const hosted: HostedSource[] = [];
  const asked: SourceOptions[] = [];
  const state = {
    hosted,
    asked,
    /** Of what is asked from now on: it is not taken, or ends as it starts, for that. */
    refuses: undefined as DepthcastError | undefined,
    fails: undefined as DepthcastError | undefined,
    /** What is asked for waits for this. */
    held: undefined as Promise<void> | undefined,
    host: async (options: SourceOptions) => {
      asked.push(options);
      await state.held;
      if (state.refuses) throw state.refuses;
      const session = new HostedSource(options, state.fails);
      hosted.push(session);
      return session as unknown as SourceSession;
    },
  };
  return state;
}

let registry: Registry;
let peers: ReturnType<typeof host>;
beforeEach(() => {
  vi.useFakeTimers();
  registry = new Registry();
  peers = host();
});
afterEach(() => {
  vi.useRealTimers();
});

const log = pino({ level: 'silent' });

async function open(camera?: CameraSettings): Promise<KeptSource> {
  const options: SourceOptions = { name: 'cam', origin: { kind: 'scene' } as never, still: false, camera };
  const source = await KeptSource.open({ log, peers, registry }, options, registry.reserve('cam'));
  source.start();
  return source;
}

describe('a source whose media worker died', () => {
  it('ends with its server, and is tried no more', async () => {
    const source = await open();
    peers.hosted[0]!.die();
    expect([source.closed, registry.placesTaken]).toEqual([false, 1]);
    await registry.close('server shutting down');
    expect([source.closed, registry.placesTaken, vi.getTimerCount()]).toEqual([true, 0, 0]);
  });

  it('begins again with the camera that was set of it, and that it was asked for with otherwise', async () => {
    await open({ hfov: 60 });
    for (const set of [undefined, { hfov: 70 }, undefined]) {
      peers.hosted.at(-1)!.stream.cameraSettings = set;
      peers.hosted.at(-1)!.die();
      await vi.advanceTimersByTimeAsync(LONGEST_MS);
    }
    expect(peers.asked.map(({ camera }) => camera)).toEqual([60, 60, 70, 70].map((hfov) => ({ hfov })));
  });

  it('keeps its name, closed while a worker is asked, until that has let go of it', async () => {
    const source = await open();
    peers.hosted[0]!.die();
    let answer = () => {};
    peers.held = new Promise((resolve) => {
      answer = resolve;
    });
    await vi.advanceTimersByTimeAsync(LONGEST_MS);
    expect(peers.asked).toHaveLength(2);
    source.close('source removed');
    expect([source.closed, registry.isTaken('cam')]).toEqual([true, true]);
    answer();
    await vi.advanceTimersByTimeAsync(0);
    expect([peers.hosted[1]!.closed, registry.isTaken('cam')]).toEqual(['not needed', false]);
  });

  it('gives its name back, closed while a worker is asked that refuses', async () => {
    const source = await open();
    peers.hosted[0]!.die();
    let refuse = (_: Error) => {};
    peers.held = new Promise((_, reject) => {
      refuse = reject;
    });
    await vi.advanceTimersByTimeAsync(LONGEST_MS);
    source.close('source removed');
    refuse(died());
    await vi.advanceTimersByTimeAsync(0);
    expect([registry.isTaken('cam'), vi.getTimerCount()]).toEqual([false, 0]);
  });
});

describe('what is published', () => {
  const config = loadConfig({ overrides: { 'sources.scenes': ['room'] } }) as never;
  const admission = { reserve: (name: string) => registry.reserve(name), checkWorkers: () => {} };

  it('is refused where it does not start', async () => {
    peers.fails = new DepthcastError('INTERNAL', { detail: 'no thread' });
    const context = { config, log, peers, registry, admission, metrics: new Metrics() };
    await expect(publishScenes(context)).rejects.toThrow('no thread');
    const sources = new PulledSources(context);
    const settings = pulledSourceSchema.parse({ name: 'cam', url: 'rtsp://127.0.0.1:1/x' });
    await expect(sources.add(settings, 'api')).rejects.toThrow('no thread');
    expect([registry.placesTaken, sources.list()]).toEqual([0, []]);
  });

  it('warns of a scene that is lost once, until it is back', async () => {
    const lines: string[] = [];
    const to = (level: string) => (_: object, text: string) => lines.push(`${level} ${text}`);
    const told = { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') } as never as Logger;
    await publishScenes({ config, log: told, peers, registry, admission });
    const lost = `warn ${died().message}: the scene begins again`;
    for (let n = 0; n < 2; n++) {
      lines.length = 0;
      peers.refuses = died();
      peers.hosted[n]!.die();
      await vi.advanceTimersByTimeAsync(3 * LONGEST_MS);
      expect(lines.filter((line) => line.startsWith('warn'))).toEqual([lost]);
      expect(lines.length).toBeGreaterThan(3);
      peers.refuses = undefined;
      await vi.advanceTimersByTimeAsync(LONGEST_MS);
      expect(lines.at(-1)).toBe('info the scene has begun again');
    }
    await registry.close('over');
  });
});
