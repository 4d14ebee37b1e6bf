import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ErrorCode } from '../errors.ts';
import type { Stage } from '../protocol/messages.ts';
import { Definitions, PREFIX } from './define.ts';
import { InferenceTargets, type Target } from './inference-targets.ts';
import { type MetricSnapshot, textOf } from './snapshots.ts';
import { StageTimes } from './stage-times.ts';

/**
 * What became of a frame. Each frame that arrived ends in one of these:
 * `depth` a depth map was made; `reused` it did not differ from the one before, whose depth was sent again; `dropped` a newer frame took its place in a mailbox, or its network or stream ended under it; `undecodable` its references
 * were lost or the codec refused it; `failed` the network or its worker failed on it.
 */
const FRAME_OUTCOMES = ['depth', 'reused', 'dropped', 'undecodable', 'failed'] as const;
export type FrameOutcome = (typeof FRAME_OUTCOMES)[number];

/** What a session reached: its transport is up (ICE and DTLS), its stream's first depth map was made. */
export type Milestone = 'connected' | 'first_depth';

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

/**
 * The Prometheus registry of one server. Labels are closed sets: no stream name, session id or address ever
 * becomes a label, so that cardinality does not grow with use.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #define = new Definitions(this.registry);
  readonly #stages = new StageTimes(this.registry);
  readonly latency = this.#define.histogram(
    'frame_latency_seconds',
    'Last packet of a frame in, to first packet of its depth out',
    LATENCY_BUCKETS,
    'output',
  );
  readonly frames = this.#define.counter('frames_total', 'Frames by what became of them', 'outcome');
  readonly sessions = this.#define.gauge('sessions', 'Open sessions', 'kind');
  readonly sessionEnds = this.#define.counter('session_ends_total', 'Ended sessions by reason', 'kind', 'reason');
  readonly sessionSetup = this.#define.histogram(
    'session_setup_seconds',
    'Offer received, to connected (ICE and DTLS) and to the first depth map',
    SETUP_BUCKETS,
    'kind',
    'milestone',
  );
  readonly frameRate = this.#define.histogram(
    'stream_frame_rate',
    'Frames a second of each published stream, once a second: in, pictures that came; out, depth maps made',
    FRAME_RATE_BUCKETS,
    'direction',
  );
  readonly receiverEstimate = this.#define.histogram(
    'receiver_estimate_bits_per_second',
    "What each gray track's receiver says that it can take (REMB), once a second",
    BITRATE_BUCKETS,
  );
  readonly receiverLoss = this.#define.histogram(
    'receiver_loss_ratio',
    'Packets of a gray track that its receiver reported lost (RTCP fraction lost), once a second',
    LOSS_BUCKETS,
  );
  readonly roundTrip = this.#define.histogram(
    'round_trip_seconds',
    "Round trip to each gray track's receiver (RTCP), once a second",
    ROUND_TRIP_BUCKETS,
  );
  readonly epochs = this.#define.counter('epochs_total', 'Resets of temporal memory by cause', 'cause');
  readonly workerRestarts = this.#define.counter(
    'depth_worker_restarts_total',
    'Depth workers restarted after they died or hung',
  );
  readonly mediaWorkerRestarts = this.#define.counter(
    'media_worker_restarts_total',
    'Media workers replaced after they died or stalled; their sessions ended',
  );
  readonly sizeSteps = this.#define.gauge(
    'size_steps',
    'Steps by which networks are smaller than asked for, since the server is busy (depth.size: auto)',
  );
  readonly sizeChanges = this.#define.counter(
    'size_changes_total',
    'Times that networks were made smaller (down) or larger (up) as load rose and fell',
    'direction',
  );
  readonly #targets = new InferenceTargets(this.registry);
  readonly rtpPackets = this.#define.counter('rtp_packets_total', 'RTP packets', 'direction');
  readonly rtpBytes = this.#define.counter('rtp_bytes_total', 'RTP payload bytes', 'direction');
  readonly rtpEvents = this.#define.counter('rtp_events_total', 'RTP loss, repair and keyframe events', 'event');
  readonly channelBytes = this.#define.counter('channel_bytes_total', 'Bytes of depth packets sent on data channels');
  readonly channelFrames = this.#define.counter(
    'channel_frames_total',
    'Depth frames for data channels, sent or dropped because the channel was behind',
    'outcome',
  );
  readonly trackFrames = this.#define.counter(
    'track_frames_total',
    'Gray track frames by receiver, sent or shed because the receiver could not keep up',
    'outcome',
  );
  readonly rejected = this.#define.counter(
    'rejected_total',
    'Refused requests, messages and packets by error code',
    'code',
  );
  readonly redirected = this.#define.counter(
    'redirected_total',
    'Clients sent to another server because this one was full',
  );
  readonly peerCpu = this.#define.counter('peer_cpu_seconds_total', "Time that the handling of peers' packets took");
  readonly peerCpuShare = this.#define.histogram(
    'peer_cpu_ratio',
    'Share of a processor core that the packets of each peer took, once a second; limits.peerCpu bounds it',
    PEER_CPU_BUCKETS,
  );
  readonly peerHeld = this.#define.histogram(
    'peer_held_bytes',
    'Bytes that the connection of each peer holds, once a second; limits.peerMemory bounds it',
    PEER_HELD_BUCKETS,
  );
  readonly peerPackets = this.#define.counter(
    'peer_packets_total',
    "Packets at sessions' ports: handled; shed, unread because the peer was above its share; stranger, unread because too many came from elsewhere",
    'outcome',
  );
  readonly peerChecks = this.#define.counter(
    'peer_ice_checks_total',
    'ICE connectivity and consent checks sent, repetitions included',
  );
  readonly peerRefusedCandidates = this.#define.counter(
    'peer_refused_candidates_total',
    'ICE candidates of peers that may not be checked (rtc.minPeerPort, privatePeers, allowPeers, denyPeers)',
  );
  readonly sourceConnections = this.#define.counter(
    'source_connections_total',
    'Times that a pulled source was connected, the first time included',
  );

  /** Of media workers, whose numbers are added at each scrape. */
  others: () => Promise<MetricSnapshot[]> = async () => [];

  /** @param build what runs; without it, these are the numbers of one of the server's threads, to be added to others */
  constructor(build?: { version: string; model: string; device: string }) {
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
      name: `${PREFIX}build_info`,
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

  /** `ms` milliseconds of one frame in one stage. */
  observeStage(stage: Stage, ms: number): void {
    this.#stages.observe(stage, ms);
  }

  /** @param states of every output that the server sends, read at each scrape */
  exportOutputs(states: () => readonly string[]): void {
    const help =
      'Outputs that the server sends by SRT or RTSP, by state: idle (no stream), connecting, live, waiting (for the next attempt)';
    this.#define.states('pushed_outputs', help, OUTPUT_STATES, states);
  }

  /** @param states of every pulled source, read at each scrape */
  exportSources(states: () => readonly string[]): void {
    const help = 'Sources that the server pulls, by state: connecting, live, waiting (for the next attempt)';
    this.#define.states('pulled_sources', help, SOURCE_STATES, states);
  }

  /** @param targets in place of those before */
  setTargets(targets: readonly Target[]): void {
    this.#targets.set(targets);
  }

  /** `ms` that a model took for one frame. */
  observeInference(model: string, precision: string, ms: number): void {
    this.#targets.observe(model, precision, ms);
  }

  async text(): Promise<string> {
    return textOf(this.registry, await this.others());
  }
}
