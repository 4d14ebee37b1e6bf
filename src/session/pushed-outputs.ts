import type { Logger } from 'pino';
import type { PushedOutputSettings } from '../config/pushed-output.ts';
import type { SettledConfig } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { withMatteChange } from '../protocol/matte.ts';
import type { Layout } from '../protocol/output.ts';
import { type PushStatus, shownTarget } from '../sinks/push/push-target.ts';
import { LiveStream } from '../stream/live-stream.ts';
import { type Pusher, type PusherEvents, type PushesItself, pushStream } from './pusher.ts';
import type { Registry } from './registry.ts';
import type { SessionStream } from './session.ts';
import type { StreamMattes } from './stream-mattes.ts';

/** Seconds after which somebody who found no place may try again. */
const RETRY_PLACE = 30;

interface Context {
  config: Pick<SettledConfig, 'outputs'>;
  registry: Pick<Registry, 'onAnyStream' | 'streams'>;
  mattes: Pick<StreamMattes, 'settings'>;
  log: Logger;
  metrics: Pick<Metrics, 'exportOutputs'>;
}

/** One output as `/api/outputs` lists it. */
export interface PushReport extends PushStatus {
  name: string;
  stream: string;
  layout: Layout;
  from: 'config' | 'api';
}

interface Entry {
  settings: PushedOutputSettings;
  from: PushReport['from'];
  events: PusherEvents;
  /** Of the stream that is live now, and how it is left. */
  on: { pusher: Pusher; leave(): void } | undefined;
  /** Of the streams before. */
  past: Pick<PushStatus, 'connections' | 'frames' | 'dropped' | 'problem'>;
  ended: (() => void)[];
}

/** What the server sends somewhere by itself: whenever a stream of the name is live, in the thread that the stream lives in. */
export class PushedOutputs {
  readonly #context: Context;
  readonly #entries = new Map<string, Entry>();

  constructor(context: Context) {
    this.#context = context;
    context.metrics.exportOutputs(() => this.list().map(({ state }) => state));
    context.registry.onAnyStream((stream) => {
      for (const entry of this.#entries.values()) follow(entry, stream);
    });
  }

  /** @throws DepthcastError BUSY, OUTPUT_TAKEN, BAD_OPTION */
  add(settings: PushedOutputSettings, from: PushReport['from']): PushReport {
    const { config, registry, mattes } = this.#context;
    const { name, stream, matte } = settings;
    const { pushLimit } = config.outputs;
    if (this.#entries.has(name)) throw new DepthcastError('OUTPUT_TAKEN', { detail: name });
    if (this.#entries.size >= pushLimit) {
      const detail = `${pushLimit} outputs (outputs.pushLimit)`;
      throw new DepthcastError('BUSY', { detail, retryAfter: RETRY_PLACE });
    }
    const live = registry.streams.find((one) => one.name === stream);
    // At the request of somebody who can still change it; of settings, and of streams to come, the log tells.
    const problem = from === 'api' && live && matte ? withMatteChange(mattes.settings(stream), matte) : undefined;
    if (typeof problem === 'string') throw new DepthcastError('BAD_OPTION', { detail: problem });
    const past = { connections: 0, frames: 0, dropped: 0, problem: null };
    const entry: Entry = { settings, from, events: this.#events(settings), on: undefined, past, ended: [] };
    this.#entries.set(name, entry);
    if (live) follow(entry, live);
    return report(entry);
  }

  list(): PushReport[] {
    return [...this.#entries.values()].map(report);
  }

  /** @throws DepthcastError OUTPUT_NOT_FOUND */
  get(name: string): PushReport {
    return report(this.#entry(name));
  }

  /** @throws DepthcastError OUTPUT_NOT_FOUND, OUTPUT_NOT_ALLOWED */
  remove(name: string): void {
    const entry = this.#entry(name);
    if (entry.from === 'config')
      throw new DepthcastError('OUTPUT_NOT_ALLOWED', { detail: `${name} is of the settings (outputs.push)` });
    end(entry);
    this.#entries.delete(name);
    this.#context.log.info({ output: name }, 'output removed');
  }

  /** Of an output that was asked for: how it is ended, and that it has. @throws DepthcastError OUTPUT_NOT_FOUND */
  endOf(name: string) {
    const entry = this.#entry(name);
    return {
      close: (_: string, { code, message }: DepthcastError) => {
        if (this.#entries.get(name) !== entry) return;
        this.#context.log.info({ output: name, code }, `output removed: ${message}`);
        this.remove(name);
      },
      once: (_: 'closed', listener: () => void) => entry.ended.push(listener),
    };
  }

  close(): void {
    for (const entry of this.#entries.values()) end(entry);
    // Streams may still begin.
    this.#entries.clear();
  }

  #events({ name, stream }: PushedOutputSettings): PusherEvents {
    const { log } = this.#context;
    /** What was told last: a receiver that stays away is one line of the log. */
    let told: string | undefined;
    return {
      onLive: ({ kind, url, connections }) => {
        told = undefined;
        log.info({ output: name, stream, kind, url, connections }, 'output connected');
      },
      onLost: ({ code, detail = '' }, retryMs) => {
        const facts = { output: name, stream, code, detail, retrySeconds: Math.round(retryMs / 100) / 10 };
        if (told === detail) log.debug(facts, 'output still not reachable');
        else log.warn(facts, 'output lost, trying again until it is back');
        told = detail;
      },
      onNote: (what) => log.warn({ output: name, stream }, what),
    };
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new DepthcastError('OUTPUT_NOT_FOUND', { detail: name });
    return entry;
  }
}

function follow(entry: Entry, stream: SessionStream): void {
  const { settings, events } = entry;
  if (stream.name !== settings.stream || stream.closed) return;
  const pusher =
    stream instanceof LiveStream
      ? pushStream(stream, settings, events)
      : (stream as SessionStream & PushesItself).send(settings, events);
  const closed = () => {
    const { connections, frames, dropped, problem } = report(entry);
    entry.past = { connections, frames, dropped, problem };
    entry.on = undefined;
  };
  stream.once('closed', closed);
  const leave = () => {
    stream.off('closed', closed);
    pusher.close();
  };
  entry.on = { pusher, leave };
}

function end({ on, ended }: Entry): void {
  on?.leave();
  for (const listener of ended.splice(0)) listener();
}

function report({ settings: { name, stream, layout, url }, from, on, past }: Entry): PushReport {
  const now = on?.pusher.status;
  return {
    name,
    stream,
    layout,
    from,
    ...shownTarget(url),
    state: now?.state ?? 'idle',
    connections: past.connections + (now?.connections ?? 0),
    frames: past.frames + (now?.frames ?? 0),
    dropped: past.dropped + (now?.dropped ?? 0),
    problem: now ? now.problem : past.problem,
  };
}
