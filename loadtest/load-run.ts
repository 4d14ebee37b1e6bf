import { seededRandom } from '../test/support/impair/impairment.ts';
import { Histogram, type Quantiles } from '../test/support/load/histogram.ts';
import { type Scrape, scrape } from '../test/support/load/metrics.ts';
import { processUsage } from '../test/support/load/process-usage.ts';
import { Children } from './children.ts';
import { CodeCheck } from './code-check.ts';
import type { LoadOptions } from './options.ts';
import type { StreamReport } from './protocol.ts';
import { Tally } from './tally.ts';
import type { Target } from './targets.ts';
import { sumUp, type WindowResult } from './window.ts';

/** One second of a run. */
export interface Moment {
  /** Seconds since the run began. */
  second: number;
  /** Streams that are connected, and that should be. */
  connected: number;
  wanted: number;
  /** Depth maps that arrived, and those per stream. */
  fps: number;
  fpsPerStream: number;
  latency: Pick<Quantiles, 'p50' | 'p95' | 'p99'>;
  /** Processor cores in use. */
  serverCores: number;
  loadCores: number;
  serverRssMiB: number;
  /** From /metrics: pictures a second that became depth, and that a newer one replaced. */
  serverDepth: number;
  serverDropped: number;
}

const CHURN_AWAY_MS = 1000;

/** Streams against one server. Opens and closes them, listens to what is measured, and sums it up by windows of time. */
export class LoadRun {
  readonly timeline: Moment[] = [];
  readonly target: Target;
  readonly #options: LoadOptions;
  readonly #children: Children;
  readonly #codes: CodeCheck;
  readonly #open = new Set<number>();
  readonly #connected = new Map<number, boolean>();
  readonly #connects = new Map<number, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #random: () => number;
  #startedAt = performance.now();
  #tallies = new Map<number, Tally>();
  #before = new Map<number, number>();
  #window = { at: performance.now(), server: 0, load: 0, rss: 0, crashes: 0 };
  #second = { depth: 0, latency: new Histogram(), server: 0, load: 0, at: performance.now() };
  #scraped: Scrape | undefined;
  #wanted = 0;
  /** Streams that churn owes, whole and in part. */
  #leaving = 0;
  #rampAt = 0;

  constructor(target: Target, options: LoadOptions) {
    this.target = target;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    const { width, height } = options.size;
    const { token, scene, fps, bitrate, data, track, loss, seed, check } = options;
    const { url, signalling } = target;
    const setup = {
      url,
      token,
      signalling,
      scene,
      width,
      height,
      fps,
      bitrate,
      data,
      track,
      loss,
      seed,
      checkSeconds: check,
    };
    this.#children = new Children(setup, (reports) => {
      for (const report of reports) this.#take(report);
    });
    this.#codes = new CodeCheck((stream, verdict) => {
      const { counts } = this.#tally(stream);
      if (verdict === 'right') counts.verified++;
      else if (verdict === 'wrong') counts.wrongCode++;
      else counts.unreadable++;
    });
    target.onCodes = (readings) => {
      for (const reading of readings) this.#codes.read(reading);
    };
  }

  /** Where depth is counted, and whose latency thresholds and plots are about: the gray track where there is one. */
  get primary(): 'track' | 'data' {
    return this.#options.track ? 'track' : 'data';
  }

  /** Starts the processes that `streams` streams need, and the clock. */
  async start(streams: number): Promise<void> {
    await this.#children.prepare(streams);
    if (this.target.pid === undefined) this.#scraped = await scrape(this.target.url, this.#options.token);
    this.#startedAt = performance.now();
    this.beginWindow();
    this.#mark();
    const churnMs = 1000;
    if (this.#options.churn > 0) this.#every(churnMs, () => this.#churn());
  }

  /** Opens streams, at the rate of the ramp, until there are so many. */
  setStreams(count: number): void {
    const now = performance.now();
    this.#rampAt = Math.max(this.#rampAt, now);
    for (; this.#wanted < count; this.#wanted++) {
      const index = this.#wanted;
      this.#after(this.#rampAt - now, () => this.#openStream(index));
      this.#rampAt += 1000 / this.#options.ramp;
    }
  }

  /** Reads clocks and counters of the past second, once a second. */
  async tick(): Promise<Moment> {
    const { pid, url, signalling } = this.target;
    const scraped = signalling === 'depthcast' ? await scrape(url, this.#options.token) : undefined;
    const usage = pid === undefined ? scraped : processUsage(pid);
    const before = this.#scraped;
    const { depth, latency, server, load, at } = this.#second;
    const now = performance.now();
    const seconds = (now - at) / 1000;
    const rate = (outcome: 'depth' | 'dropped') =>
      scraped && before ? (scraped.frames[outcome] - before.frames[outcome]) / seconds : Number.NaN;
    const serverDepth = rate('depth');
    const serverDropped = rate('dropped');
    if (scraped) this.#scraped = scraped;
    this.#mark(usage?.cpuSeconds);
    this.#window.rss = Math.max(this.#window.rss, usage?.rssBytes ?? 0);
    const connected = [...this.#connected.values()].filter(Boolean).length;
    const moment: Moment = {
      second: Math.round((now - this.#startedAt) / 1000),
      connected,
      wanted: this.#wanted,
      fps: depth / seconds,
      fpsPerStream: connected > 0 ? depth / seconds / connected : 0,
      latency: latency.summary(),
      serverCores: usage ? (usage.cpuSeconds - server) / seconds : Number.NaN,
      loadCores: (this.#second.load - load) / seconds,
      serverRssMiB: usage ? usage.rssBytes / 2 ** 20 : Number.NaN,
      serverDepth,
      serverDropped,
    };
    this.timeline.push(moment);
    return moment;
  }

  /** What is summed up from now on. */
  beginWindow(): void {
    for (const [index, { counts }] of this.#tallies)
      this.#connects.set(index, (this.#connects.get(index) ?? 0) + counts.connects);
    this.#before = new Map(this.#connects);
    this.#tallies = new Map();
    this.#window = {
      at: performance.now(),
      server: this.#serverCpu(),
      load: this.#children.cpuSeconds,
      rss: 0,
      crashes: this.#children.crashes,
    };
  }

  endWindow(): WindowResult {
    const seconds = (performance.now() - this.#window.at) / 1000;
    const tallies = [...this.#tallies.values()].sort((a, b) => a.index - b.index);
    const streams = tallies.map((tally) => tally.result(this.primary, this.#before.get(tally.index)));
    return sumUp(tallies, streams, {
      seconds,
      serverCpu: this.#serverCpu() - this.#window.server,
      loadCpu: this.#children.cpuSeconds - this.#window.load,
      rssBytes: this.#window.rss,
      crashes: this.#children.crashes - this.#window.crashes,
    });
  }

  /** Lets every stream leave; their last counts still arrive. The target goes on. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#children.stop();
    this.target.onCodes = undefined;
  }

  #serverCpu(): number {
    const { pid } = this.target;
    return (pid === undefined ? this.#scraped?.cpuSeconds : processUsage(pid)?.cpuSeconds) ?? Number.NaN;
  }

  #mark(server = this.#serverCpu()): void {
    const load = this.#children.cpuSeconds;
    this.#second = { depth: 0, latency: new Histogram(), server, load, at: performance.now() };
  }

  #tally(index: number): Tally {
    let tally = this.#tallies.get(index);
    if (!tally) {
      tally = new Tally(index);
      this.#tallies.set(index, tally);
    }
    return tally;
  }

  #take(report: StreamReport): void {
    this.#tally(report.index).add(report);
    this.#connected.set(report.index, report.connected && this.#open.has(report.index));
    this.#second.depth += this.primary === 'data' ? report.packets : report.trackFrames;
    for (const ms of report.latency[this.primary]) this.#second.latency.add(ms);
    if (this.#options.verify)
      for (const [timestamp, frame] of report.identified) this.#codes.depth(report.index, timestamp, frame);
  }

  #openStream(index: number): void {
    this.#open.add(index);
    const { viewers, publishers } = this.#options;
    const streams = Math.max(publishers, this.#wanted);
    const own = Math.floor(viewers / streams) + (index < viewers % streams ? 1 : 0);
    void this.#children.open({ index, viewers: own });
  }

  /** Lets as many streams leave as are due, each chosen by chance; it is back a second later. */
  #churn(): void {
    this.#leaving += this.#options.churn * this.#open.size;
    for (; this.#leaving >= 1 && this.#open.size > 0; this.#leaving--) {
      const index = [...this.#open][Math.floor(this.#random() * this.#open.size)]!;
      this.#open.delete(index);
      this.#connected.set(index, false);
      this.#children.close(index);
      this.#after(CHURN_AWAY_MS, () => this.#openStream(index));
    }
  }

  #after(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }

  #every(ms: number, work: () => void): void {
    this.#timers.add(setInterval(work, ms));
  }
}
