import type { PulledSourceSettings } from '../config/pulled-source.ts';
import type { SettledConfig } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { PulledStatus } from '../sources/pull/pulled-source.ts';
import type { Admission } from './admission.ts';
import { type KeptContext, KeptSource } from './kept-source.ts';
import type { SourceOptions } from './peer-host.ts';

/** Seconds after which somebody who found no place may try again. */
const RETRY_PLACE = 30;
/** ms for which a source of the API may be away before it gives up its place. */
const API_PATIENCE_MS = 600_000;

interface Context extends KeptContext {
  config: SettledConfig;
  metrics: Metrics;
  admission: Pick<Admission, 'reserve' | 'checkWorkers'>;
}

/** One source as `/api/sources` lists it. */
export interface SourceReport extends PulledStatus {
  /** Of its stream. */
  name: string;
  /** Where it was asked for. */
  from: 'config' | 'api';
  model: string;
  /** Of the network: in force, and asked for. */
  size: { now: number; asked: number };
  /** Pictures a second that came, and that depth was made of. */
  framesIn: number;
  framesOut: number;
  /** Frames with depth, and those of them for which it was reused, since they did not differ. */
  depth: number;
  reused: number;
}

interface Entry {
  from: SourceReport['from'];
  source: KeptSource;
}

/** The sources that the server opens by itself, each the publisher of a live stream. */
export class PulledSources {
  readonly #context: Context;
  readonly #entries = new Map<string, Entry>();
  /** Names on their way in: they count. */
  readonly #opening = new Set<string>();

  constructor(context: Context) {
    this.#context = context;
    context.metrics.exportSources(() => [...this.#entries.values()].map(({ source }) => source.status!.state));
  }

  /**
   * Publishes a source under its name. It need not be there: it is tried until it is.
   * @throws DepthcastError BUSY, DRAINING, STREAM_TAKEN, MODEL_NOT_FOUND, BAD_SIZE, and what ended it at once
   */
  async add(settings: PulledSourceSettings, from: SourceReport['from']): Promise<SourceReport> {
    const { config, admission } = this.#context;
    const { name } = settings;
    const { pullLimit } = config.sources;
    if (this.#entries.size + this.#opening.size >= pullLimit)
      throw new DepthcastError('BUSY', {
        detail: `${pullLimit} pulled sources (sources.pullLimit)`,
        retryAfter: RETRY_PLACE,
      });
    const place = admission.reserve(name);
    this.#opening.add(name);
    let source: KeptSource;
    try {
      // What the operator names is what the machine is there for.
      if (from === 'api') admission.checkWorkers(settings.model);
      // A camera that somebody put up looks at the same thing for hours.
      const { model, size, camera, still = config.depth.still !== 'off' } = settings;
      const options: SourceOptions = { name, origin: { kind: 'pull', settings }, model, size, camera, still };
      source = await KeptSource.open(this.#context, options, place);
    } catch (thrown) {
      place.free();
      throw thrown;
    } finally {
      this.#opening.delete(name);
    }
    const entry: Entry = { from, source };
    this.#entries.set(name, entry);
    this.#follow(name, entry);
    source.start();
    return this.#report(name, entry);
  }

  list(): SourceReport[] {
    return [...this.#entries].map(([name, entry]) => this.#report(name, entry));
  }

  /** @throws DepthcastError SOURCE_NOT_FOUND */
  get(name: string): SourceReport {
    return this.#report(name, this.#entry(name));
  }

  /** Closes a source that was asked for and ends its stream. @throws DepthcastError SOURCE_NOT_FOUND, SOURCE_NOT_ALLOWED */
  remove(name: string): void {
    const { from, source } = this.#entry(name);
    if (from === 'config')
      throw new DepthcastError('SOURCE_NOT_ALLOWED', { detail: `${name} is of the settings (sources.pull)` });
    source.close('source removed');
    this.#context.log.info({ stream: name }, 'source removed');
  }

  /** Of a source that was asked for: how it is ended, and that it has. @throws DepthcastError SOURCE_NOT_FOUND */
  endOf(name: string) {
    const { source } = this.#entry(name);
    return {
      get closed(): boolean {
        return source.closed;
      },
      close: (reason: string, { code, message }: DepthcastError) => {
        this.#context.log.info({ stream: name, code }, `source removed: ${message}`);
        source.close(reason);
      },
      once: (event: 'closed', listener: () => void) => source.once(event, listener),
    };
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new DepthcastError('SOURCE_NOT_FOUND', { detail: name });
    return entry;
  }

  #follow(name: string, { from, source }: Entry): void {
    const { log, metrics } = this.#context;
    /** What was told last: a camera that stays away is one line of the log. */
    let told: string | undefined;
    let awaySince: number | undefined;
    source.on('live', ({ kind, url, codec, width, height, connections }) => {
      told = undefined;
      awaySince = undefined;
      metrics.sourceConnections.inc();
      log.info({ stream: name, kind, url, codec, width, height, connections }, 'source connected');
    });
    source.on('lost', ({ code, detail = '' }, retryMs) => {
      metrics.rejected.inc({ code });
      const facts = { stream: name, code, detail, retrySeconds: Math.round(retryMs / 100) / 10 };
      const problem = `${code} ${detail}`;
      if (told === problem) log.debug(facts, 'source still not there');
      else log.warn(facts, 'source lost, trying again until it is back');
      told = problem;
      awaySince ??= performance.now();
      if (from === 'config' || performance.now() - awaySince < API_PATIENCE_MS) return;
      log.warn({ stream: name, code }, 'source gives up its place: it was away for ten minutes');
      source.close('source away');
    });
    source.once('closed', (reason, error) => {
      this.#entries.delete(name);
      if (error) log.error({ stream: name, reason, err: error }, 'the source stopped');
    });
  }

  #report(name: string, { from, source }: Entry): SourceReport {
    const { stream } = source;
    const { totals } = stream.stats;
    const latest = stream.closed ? undefined : stream.stats.latest;
    return {
      name,
      from,
      ...source.status!,
      model: stream.model,
      size: stream.size,
      framesIn: latest?.framesIn ?? 0,
      framesOut: latest?.framesOut ?? 0,
      depth: totals.depth,
      reused: totals.reused,
    };
  }
}
