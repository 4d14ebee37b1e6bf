import type { Logger } from 'pino';
import type { PushedOutputSettings } from '../config/pushed-output.ts';
import type { SettledConfig } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { LAYOUT_PARTS, type Layout } from '../protocol/output.ts';
import { PushSink } from '../sinks/push/push-sink.ts';
import { type PushStatus, PushTarget } from '../sinks/push/push-target.ts';
import { LiveStream } from '../stream/live-stream.ts';
import { matteShadesOf } from './outputs.ts';
import type { Registry } from './registry.ts';

/** Seconds after which somebody who found no place may try again. */
const RETRY_PLACE = 30;
const IN_WORKER = 'streams of peers are not sent while server.mediaWorkers is set';

interface Context {
  config: Pick<SettledConfig, 'outputs'>;
  registry: Pick<Registry, 'onStream' | 'onAnyStream' | 'liveStreams' | 'streams'>;
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
  target: PushTarget;
  /** Of the stream that is live now. */
  on: { stream: LiveStream; sink: PushSink } | undefined;
}

/** What the server sends somewhere by itself: whenever a stream of the name is live. */
export class PushedOutputs {
  readonly #context: Context;
  readonly #entries = new Map<string, Entry>();

  constructor(context: Context) {
    this.#context = context;
    context.metrics.exportOutputs(() => [...this.#entries.values()].map(({ target }) => target.status.state));
    context.registry.onStream((stream) => {
      for (const entry of this.#entries.values()) this.#follow(entry, stream);
    });
    context.registry.onAnyStream((stream) => {
      if (stream instanceof LiveStream) return;
      for (const { settings, target } of this.#entries.values()) {
        if (settings.stream !== stream.name) continue;
        target.refuse(new DepthcastError('OUTPUT_NOT_ALLOWED', { detail: IN_WORKER }));
        context.log.warn({ output: settings.name, stream: stream.name, code: 'OUTPUT_NOT_ALLOWED' }, IN_WORKER);
      }
    });
  }

  /** @throws DepthcastError BUSY, OUTPUT_TAKEN, BAD_OPTION */
  add(settings: PushedOutputSettings, from: PushReport['from']): PushReport {
    const { config, log, registry } = this.#context;
    const { name } = settings;
    const { pushLimit } = config.outputs;
    if (this.#entries.has(name)) throw new DepthcastError('OUTPUT_TAKEN', { detail: name });
    if (this.#entries.size >= pushLimit) {
      const detail = `${pushLimit} outputs (outputs.pushLimit)`;
      throw new DepthcastError('BUSY', { detail, retryAfter: RETRY_PLACE });
    }
    /** What was told last: a receiver that stays away is one line of the log. */
    let told: string | undefined;
    const target = new PushTarget(settings.url, {
      onLive: ({ kind, url, connections }) => {
        told = undefined;
        log.info({ output: name, stream: settings.stream, kind, url, connections }, 'output connected');
      },
      onLost: ({ code, detail = '' }, retryMs) => {
        const facts = {
          output: name,
          stream: settings.stream,
          code,
          detail,
          retrySeconds: Math.round(retryMs / 100) / 10,
        };
        if (told === detail) log.debug(facts, 'output still not reachable');
        else log.warn(facts, 'output lost, trying again until it is back');
        told = detail;
      },
    });
    const entry: Entry = { settings, from, target, on: undefined };
    const stream = registry.liveStreams.find((one) => one.name === settings.stream);
    if (from === 'api' && !stream && registry.streams.some((one) => one.name === settings.stream))
      throw new DepthcastError('OUTPUT_NOT_ALLOWED', { detail: IN_WORKER });
    if (stream) this.#follow(entry, stream);
    this.#entries.set(name, entry);
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
    this.#end(entry);
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
      once: (_: 'closed', listener: () => void) => entry.target.whenClosed(listener),
    };
  }

  close(): void {
    for (const entry of this.#entries.values()) this.#end(entry);
  }

  #end({ on, target }: Entry): void {
    if (on) on.stream.remove(on.sink);
    target.close();
  }

  /** @throws DepthcastError BAD_OPTION */
  #follow(entry: Entry, stream: LiveStream): void {
    const { settings, target } = entry;
    if (stream.name !== settings.stream) return;
    const { layout, bitrate, maxSide, matte: own } = settings;
    let view = own === undefined ? stream.matte : stream.matte.own(own);
    if (typeof view === 'string') {
      // At the request of somebody who can still change it; of settings, the stream's own matte is better than none.
      if (entry.from === 'api' && !this.#entries.has(settings.name))
        throw new DepthcastError('BAD_OPTION', { detail: view });
      this.#context.log.warn({ output: settings.name, stream: stream.name }, `its matte is the stream's: ${view}`);
      view = stream.matte;
    }
    const matte = LAYOUT_PARTS[layout].shades === 'matte' ? matteShadesOf(stream, view) : undefined;
    const options = { layout, bitrate, maxSide, matte };
    const sink = stream.add((listener) => new PushSink(options, target, listener));
    const on = { stream, sink };
    entry.on = on;
    stream.once('closed', () => {
      if (entry.on === on) entry.on = undefined;
    });
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new DepthcastError('OUTPUT_NOT_FOUND', { detail: name });
    return entry;
  }
}

const report = ({ settings: { name, stream, layout }, from, target }: Entry): PushReport => ({
  name,
  stream,
  layout,
  from,
  ...target.status,
});
