import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ErrorCode } from '../errors.ts';
import type { Stage } from '../protocol/messages.ts';
import { type MetricSnapshot, textOf } from './snapshots.ts';

/**
 * What became of a frame. Each frame that arrived ends in one of these:
 * `depth` a depth map was made; `reused` it did not differ from the one before, whose depth was sent again; `dropped` a newer frame took its place in a mailbox, or its network or stream ended under it; `undecodable` its references
 * were lost or the codec refused it; `failed` the network or its worker failed on it.
 */
const FRAME_OUTCOMES = ['depth', 'reused', 'dropped', 'undecodable', 'failed'] as const;
export type FrameOutcome = (typeof FRAME_OUTCOMES)[number];

/** What a session reached: its transport is up (ICE and DTLS), its stream's first depth map was made. */
export type Milestone = 'connected' | 'first_depth';

const STAGE_BUCKETS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1];
const LATENCY_BUCKETS = [0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.045, 0.06, 0.1, 0.15, 0.25, 0.5, 1, 2.5];
const SETUP_BUCKETS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20];
const FRAME_RATE_BUCKETS = [0, 1, 2.5, 5, 7.5, 10, 12.5, 14, 17.5, 20, 24, 28, 31, 45, 61];
const BITRATE_BUCKETS = [50e3, 100e3, 150e3, 250e3, 500e3, 750e3, 1e6, 1.5e6, 2e6, 3e6, 5e6, 10e6];
const LOSS_BUCKETS = [0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const PEER_CPU_BUCKETS = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1];
const PEER_HELD_BUCKETS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 48].map((mebibytes) => mebibytes * 2 ** 20);
const ROUND_TRIP_BUCKETS = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1];

/** Refusals that the alerts watch, see docker/prometheus/rules.yml. */
const WATCHED_CODES: readonly ErrorCode[] = [
  'BUSY',
  'CODEC_FAILED',
  'DTLS_FAILED',
  'INFERENCE_FAILED',
  'INTERNAL',
  'PEER_OVERLOAD',
  'SETUP_TIMEOUT',
  'UNAUTHORIZED',
];

const SOURCE_STATES = ['connecting', 'live', 'waiting'];
const OUTPUT_STATES = ['idle', 'connecting', 'live', 'waiting'];

/** Weight of a new frame in the moving average that is compared with a target: about the last second. */
const RATIO_MOMENTUM = 1 / 30;

/** Times of stages that wait to be counted: a second of one stream's. */
const MAX_UNCOUNTED = 256;

/** Published or budgeted inference time of a model. */
export interface Target {
  model: string;
  precision: string;
  seconds: number;
}

/**
 * The Prometheus registry of one server. Labels are closed sets: no stream name, session id or address ever
 * becomes a label, so that cardinality does not grow with use.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly stage: Histogram<'stage'>;
  readonly latency: Histogram<'output'>;
  readonly frames: Counter<'outcome'>;
  readonly sessions: Gauge<'kind'>;
  readonly sessionEnds: Counter<'kind' | 'reason'>;
  readonly sessionSetup: Histogram<'kind' | 'milestone'>;
  readonly frameRate: Histogram<'direction'>;
  readonly receiverEstimate: Histogram;
  readonly receiverLoss: Histogram;
  readonly roundTrip: Histogram;
  readonly epochs: Counter<'cause'>;
  readonly workerRestarts: Counter;
  readonly mediaWorkerRestarts: Counter;
  readonly sizeSteps: Gauge;
  readonly sizeChanges: Counter<'direction'>;
  readonly target: Gauge<'model' | 'precision'>;
  readonly targetRatio: Gauge<'model' | 'precision'>;
  readonly rtpPackets: Counter<'direction'>;
  readonly rtpBytes: Counter<'direction'>;
  readonly rtpEvents: Counter<'event'>;
  readonly channelBytes: Counter;
  readonly channelFrames: Counter<'outcome'>;
  readonly trackFrames: Counter<'outcome'>;
  readonly rejected: Counter<'code'>;
  readonly redirected: Counter;
  readonly peerCpu: Counter;
  readonly peerCpuShare: Histogram;
  readonly peerHeld: Histogram;
  readonly peerPackets: Counter<'outcome'>;
  readonly peerChecks: Counter;
  readonly peerRefusedCandidates: Counter;
  readonly sourceConnections: Counter;
  readonly #targets = new Map<string, { seconds: number; mean: number }>();
  /** ms of each stage that its histogram has not counted yet. */
  readonly #stages = new Map<Stage, number[]>();
  #uncounted = 0;

  /** Of media workers, whose numbers are added at each scrape. */
  others: () => Promise<MetricSnapshot[]> = async () => [];

  /** @param build what runs; without it, these are the numbers of one of the server's threads, to be added to others */
  constructor(build?: { version: string; model: string; device: string }) {
    const registers = [this.registry];
    const name = (n: string) => `depthcast_${n}`;
    this.stage = new Histogram({
      name: name('stage_duration_seconds'),
      help: 'Time one frame spent in a stage',
      labelNames: ['stage'],
      buckets: STAGE_BUCKETS,
      registers,
      collect: () => this.#countStages(),
    });
    this.latency = new Histogram({
      name: name('frame_latency_seconds'),
      help: 'Last packet of a frame in, to first packet of its depth out',
      labelNames: ['output'],
      buckets: LATENCY_BUCKETS,
      registers,
    });
    this.frames = new Counter({
      name: name('frames_total'),
      help: 'Frames by what became of them',
      labelNames: ['outcome'],
      registers,
    });
    this.sessions = new Gauge({ name: name('sessions'), help: 'Open sessions', labelNames: ['kind'], registers });
    this.sessionEnds = new Counter({
      name: name('session_ends_total'),
      help: 'Ended sessions by reason',
      labelNames: ['kind', 'reason'],
      registers,
    });
    this.sessionSetup = new Histogram({
      name: name('session_setup_seconds'),
      help: 'Offer received, to connected (ICE and DTLS) and to the first depth map',
      labelNames: ['kind', 'milestone'],
      buckets: SETUP_BUCKETS,
      registers,
    });
    this.frameRate = new Histogram({
      name: name('stream_frame_rate'),
      help: 'Frames a second of each published stream, once a second: in, pictures that came; out, depth maps made',
      labelNames: ['direction'],
      buckets: FRAME_RATE_BUCKETS,
      registers,
    });
    this.receiverEstimate = new Histogram({
      name: name('receiver_estimate_bits_per_second'),
      help: "What each gray track's receiver says that it can take (REMB), once a second",
      buckets: BITRATE_BUCKETS,
      registers,
    });
    this.receiverLoss = new Histogram({
      name: name('receiver_loss_ratio'),
      help: 'Packets of a gray track that its receiver reported lost (RTCP fraction lost), once a second',
      buckets: LOSS_BUCKETS,
      registers,
    });
    this.roundTrip = new Histogram({
      name: name('round_trip_seconds'),
      help: "Round trip to each gray track's receiver (RTCP), once a second",
      buckets: ROUND_TRIP_BUCKETS,
      registers,
    });
    this.epochs = new Counter({
      name: name('epochs_total'),
      help: 'Resets of temporal memory by cause',
      labelNames: ['cause'],
      registers,
    });
    this.workerRestarts = new Counter({
      name: name('depth_worker_restarts_total'),
      help: 'Depth workers restarted after they died or hung',
      registers,
    });
    this.mediaWorkerRestarts = new Counter({
      name: name('media_worker_restarts_total'),
      help: 'Media workers replaced after they died or stalled; their sessions ended',
      registers,
    });
    this.sizeSteps = new Gauge({
      name: name('size_steps'),
      help: 'Steps by which networks are smaller than asked for, since the server is busy (depth.size: auto)',
      registers,
    });
    this.sizeChanges = new Counter({
      name: name('size_changes_total'),
      help: 'Times that networks were made smaller (down) or larger (up) as load rose and fell',
      labelNames: ['direction'],
      registers,
    });
    this.target = new Gauge({
      name: name('inference_target_seconds'),
      help: 'Published or budgeted inference time (config: targets)',
      labelNames: ['model', 'precision'],
      aggregator: 'first',
      registers,
    });
    this.targetRatio = new Gauge({
      name: name('inference_target_ratio'),
      help: 'Measured inference time (moving average) over its target',
      labelNames: ['model', 'precision'],
      aggregator: 'average',
      registers,
    });
    this.rtpPackets = new Counter({
      name: name('rtp_packets_total'),
      help: 'RTP packets',
      labelNames: ['direction'],
      registers,
    });
    this.rtpBytes = new Counter({
      name: name('rtp_bytes_total'),
      help: 'RTP payload bytes',
      labelNames: ['direction'],
      registers,
    });
    this.rtpEvents = new Counter({
      name: name('rtp_events_total'),
      help: 'RTP loss, repair and keyframe events',
      labelNames: ['event'],
      registers,
    });
    this.channelBytes = new Counter({
      name: name('channel_bytes_total'),
      help: 'Bytes of depth packets sent on data channels',
      registers,
    });
    this.channelFrames = new Counter({
      name: name('channel_frames_total'),
      help: 'Depth frames for data channels, sent or dropped because the channel was behind',
      labelNames: ['outcome'],
      registers,
    });
    this.trackFrames = new Counter({
      name: name('track_frames_total'),
      help: 'Gray track frames by receiver, sent or shed because the receiver could not keep up',
      labelNames: ['outcome'],
      registers,
    });
    this.rejected = new Counter({
      name: name('rejected_total'),
      help: 'Refused requests, messages and packets by error code',
      labelNames: ['code'],
      registers,
    });
    this.redirected = new Counter({
      name: name('redirected_total'),
      help: 'Clients sent to another server because this one was full',
      registers,
    });
    this.peerCpu = new Counter({
      name: name('peer_cpu_seconds_total'),
      help: "Time that the handling of peers' packets took",
      registers,
    });
    this.peerCpuShare = new Histogram({
      name: name('peer_cpu_ratio'),
      help: 'Share of a processor core that the packets of each peer took, once a second; limits.peerCpu bounds it',
      buckets: PEER_CPU_BUCKETS,
      registers,
    });
    this.peerHeld = new Histogram({
      name: name('peer_held_bytes'),
      help: 'Bytes that the connection of each peer holds, once a second; limits.peerMemory bounds it',
      buckets: PEER_HELD_BUCKETS,
      registers,
    });
    this.peerPackets = new Counter({
      name: name('peer_packets_total'),
      help: "Packets at sessions' ports: handled; shed, unread because the peer was above its share; stranger, unread because too many came from elsewhere",
      labelNames: ['outcome'],
      registers,
    });
    this.peerChecks = new Counter({
      name: name('peer_ice_checks_total'),
      help: 'ICE connectivity and consent checks sent, repetitions included',
      registers,
    });
    this.peerRefusedCandidates = new Counter({
      name: name('peer_refused_candidates_total'),
      help: 'ICE candidates of peers that may not be checked (rtc.minPeerPort, privatePeers, allowPeers, denyPeers)',
      registers,
    });
    this.sourceConnections = new Counter({
      name: name('source_connections_total'),
      help: 'Times that a pulled source was connected, the first time included',
      registers,
    });
    if (build) this.#describeProcess(build);
    // A series that begins with its first event has no rate for that event: those that alerts watch begin at 0.
    for (const outcome of FRAME_OUTCOMES) this.frames.inc({ outcome }, 0);
    for (const direction of ['down', 'up']) this.sizeChanges.inc({ direction }, 0);
    for (const outcome of ['sent', 'dropped']) this.channelFrames.inc({ outcome }, 0);
    for (const outcome of ['handled', 'shed', 'stranger']) this.peerPackets.inc({ outcome }, 0);
    for (const kind of ['ws', 'whip', 'whep']) this.sessions.set({ kind }, 0);
    for (const code of WATCHED_CODES) this.rejected.inc({ code }, 0);
  }

  #describeProcess(build: { version: string; model: string; device: string }): void {
    new Gauge({
      name: 'depthcast_build_info',
      help: 'Always 1; the labels say what runs',
      labelNames: ['version', 'node', 'model', 'device'],
      registers: [this.registry],
    }).set({ ...build, node: process.version }, 1);
    // Each sample wakes the main thread, whether anybody is connected or not: 200 a second cost 3 ms of CPU a second more.
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 20 });
  }

  /** `ms` after its offer came, a session reached a milestone. */
  observeSetup(kind: string, milestone: Milestone, ms: number): void {
    this.sessionSetup.observe({ kind, milestone }, ms / 1000);
  }

  /** `ms` milliseconds of one frame in one stage. Eight a frame: each alone costs the histogram as much as many at once. */
  observeStage(stage: Stage, ms: number): void {
    const waiting = this.#stages.get(stage);
    if (waiting) waiting.push(ms);
    else this.#stages.set(stage, [ms]);
    if (++this.#uncounted >= MAX_UNCOUNTED) this.#countStages();
  }

  #countStages(): void {
    for (const [stage, waiting] of this.#stages) {
      for (const ms of waiting) this.stage.observe({ stage }, ms / 1000);
      waiting.length = 0;
    }
    this.#uncounted = 0;
  }

  /** @param states of every output that the server sends, read at each scrape */
  exportOutputs(states: () => readonly string[]): void {
    new Gauge({
      name: 'depthcast_pushed_outputs',
      help: 'Outputs that the server sends by SRT or RTSP, by state: idle (no stream), connecting, live, waiting (for the next attempt)',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        const now = states();
        for (const state of OUTPUT_STATES) this.set({ state }, now.filter((one) => one === state).length);
      },
    });
  }

  /** @param states of every pulled source, read at each scrape */
  exportSources(states: () => readonly string[]): void {
    new Gauge({
      name: 'depthcast_pulled_sources',
      help: 'Sources that the server pulls, by state: connecting, live, waiting (for the next attempt)',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        const now = states();
        for (const state of SOURCE_STATES) this.set({ state }, now.filter((one) => one === state).length);
      },
    });
  }

  setTargets(targets: readonly Target[]): void {
    this.target.reset();
    this.targetRatio.reset();
    this.#targets.clear();
    for (const { model, precision, seconds } of targets) {
      this.target.set({ model, precision }, seconds);
      this.#targets.set(`${model} ${precision}`, { seconds, mean: 0 });
    }
  }

  /** `ms` that a model took for one frame; models without a target are passed over. */
  observeInference(model: string, precision: string, ms: number): void {
    const target = this.#targets.get(`${model} ${precision}`);
    if (target === undefined) return;
    target.mean = target.mean === 0 ? ms : target.mean + RATIO_MOMENTUM * (ms - target.mean);
    this.targetRatio.set({ model, precision }, target.mean / 1000 / target.seconds);
  }

  async text(): Promise<string> {
    return textOf(this.registry, await this.others());
  }
}
