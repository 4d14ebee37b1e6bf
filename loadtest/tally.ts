import { Histogram, type Quantiles } from '../test/support/load/histogram.ts';
import type { StreamReport } from './protocol.ts';

/** Seconds that one report covers. */
const REPORT_SECONDS = 0.5;
/** A map that agrees so little with the scene's truth is of another picture, or broken. */
const IMPLAUSIBLE_RANK = 0.5;
const MAX_FAILURES = 50;

export interface Latency {
  data: Quantiles;
  track: Quantiles;
  server: Quantiles;
}

/** What became of a stream, or of all of them, over a stretch of time. */
export interface StreamResult {
  index: number;
  /** Seconds for which it was connected. */
  seconds: number;
  captured: number;
  late: number;
  sent: number;
  /** Depth maps that came back: gray frames, or packets where no gray track was asked for. */
  depth: number;
  /** Depth packets that arrived whole: they are not sent again, so that one lost datagram costs a whole packet. */
  packets: number;
  fps: { captured: number; depth: number };
  /** Captured pictures for which no depth came. */
  dropped: number;
  reconnects: number;
  failures: string[];
  viewerPictures: number;
  wrong: { unknown: number; code: number; implausible: number };
  /** Depth whose picture's code the server had read, and it was the right one; codes that could not be read. */
  verified: number;
  unreadable: number;
  badPackets: number;
  latency: Latency;
  truth: { checks: number; rank: number; worstRank: number; delta1: number };
  kilobits: { up: number; down: number };
  lost: { up: number; down: number };
}

/** Adds up the reports of one stream. */
export class Tally {
  readonly index: number;
  readonly data = new Histogram();
  readonly track = new Histogram();
  readonly server = new Histogram();
  readonly counts = {
    reports: 0,
    captured: 0,
    late: 0,
    sent: 0,
    packets: 0,
    badPackets: 0,
    pictures: 0,
    viewerPictures: 0,
    connects: 0,
    unknown: 0,
    wrongCode: 0,
    verified: 0,
    unreadable: 0,
    up: 0,
    down: 0,
    lostUp: 0,
    lostDown: 0,
  };
  readonly failures: string[] = [];
  readonly ranks: number[] = [];
  readonly deltas: number[] = [];

  constructor(index: number) {
    this.index = index;
  }

  add(report: StreamReport): void {
    const { counts } = this;
    if (report.connected) counts.reports++;
    counts.captured += report.captured;
    counts.late += report.late;
    counts.sent += report.sent;
    counts.packets += report.packets;
    counts.badPackets += report.badPackets;
    counts.pictures += report.trackFrames;
    counts.viewerPictures += report.viewerPictures;
    counts.connects += report.connects;
    counts.unknown += report.unknown;
    counts.up += report.bytes.up;
    counts.down += report.bytes.down;
    counts.lostUp += report.lost.up;
    counts.lostDown += report.lost.down;
    for (const kind of ['data', 'track', 'server'] as const) for (const ms of report.latency[kind]) this[kind].add(ms);
    for (const { rank, delta1 } of report.checks) {
      if (!Number.isFinite(rank)) continue;
      this.ranks.push(rank);
      this.deltas.push(delta1);
    }
    this.failures.push(...report.failures.slice(0, MAX_FAILURES - this.failures.length));
  }

  /** @param primary where depth is counted */
  result(primary: 'track' | 'data', before = 0): StreamResult {
    const c = this.counts;
    const seconds = c.reports * REPORT_SECONDS;
    const depth = primary === 'data' ? c.packets : c.pictures;
    const rate = (count: number) => (seconds > 0 ? count / seconds : 0);
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    return {
      index: this.index,
      seconds,
      captured: c.captured,
      late: c.late,
      sent: c.sent,
      depth,
      packets: c.packets,
      fps: { captured: rate(c.captured), depth: rate(depth) },
      dropped: Math.max(0, c.captured - depth),
      reconnects: Math.max(0, before + c.connects - 1),
      failures: this.failures,
      viewerPictures: c.viewerPictures,
      wrong: {
        unknown: c.unknown,
        code: c.wrongCode,
        implausible: this.ranks.filter((rank) => rank < IMPLAUSIBLE_RANK).length,
      },
      verified: c.verified,
      unreadable: c.unreadable,
      badPackets: c.badPackets,
      latency: { data: this.data.summary(), track: this.track.summary(), server: this.server.summary() },
      truth: {
        checks: this.ranks.length,
        rank: mean(this.ranks),
        worstRank: this.ranks.length > 0 ? Math.min(...this.ranks) : Number.NaN,
        delta1: mean(this.deltas),
      },
      kilobits: { up: rate(c.up * 0.008), down: rate(c.down * 0.008) },
      lost: { up: c.lostUp, down: c.lostDown },
    };
  }
}
