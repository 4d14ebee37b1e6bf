import { timestampDistance } from './packet.ts';
import { fromNtp, type NtpTime } from './rtcp.ts';

const CLOCK_RATE_KHZ = 90;
/** Reports that are remembered: the sender's rate may be off by some ppm, so old ones mislead. */
const MAX_REPORTS = 8;
/** A report this far from the others begins anew: the sender's clock, or its RTP clock, was set. */
const JUMP_MS = 500;
/** Senders round, and read their clocks a little apart. */
const MIN_ERROR_MS = 2;
/** As long as too few reports show how they scatter. */
const FIRST_ERROR_MS = 50;
const ENOUGH_REPORTS = 3;
/** Farther from a report, a timestamp says nothing. */
const MAX_DISTANCE_MS = 60_000;
/** An NTP time this far from ours is no time of the day: RFC 3550 allows a clock that starts at 0. */
const WALL_CLOCK_MS = 60_000;
const DEFAULT_RTT_MS = 50;

export interface CaptureEstimate {
  /** ms since the Unix epoch. */
  time: number;
  /** ms by which it may be wrong. */
  error: number;
}

interface SenderReport {
  rtpTimestamp: number;
  /** Of the sender's wall clock at that timestamp, in ms. */
  time: number;
  /** Whether that is the time of the day, or had to be read from our own clock. */
  ofDay: boolean;
}

/** When a frame was captured, by its RTP timestamp and the sender reports of its stream (RFC 3550 section 6.4.1). */
export class SenderClock {
  readonly #reports: SenderReport[] = [];

  /**
   * @param unixNow ms since the Unix epoch when the report came
   * @param roundTripTime ms, where known
   */
  noteReport(ntp: NtpTime, rtpTimestamp: number, unixNow: number, roundTripTime = DEFAULT_RTT_MS): void {
    // A sender without a wall clock may send zeros.
    if (ntp.seconds === 0 && ntp.fraction === 0) return;
    const told = fromNtp(ntp);
    const ofDay = Math.abs(told - unixNow) < WALL_CLOCK_MS;
    const report = { rtpTimestamp, time: ofDay ? told : unixNow - roundTripTime / 2, ofDay };
    const expected = this.#at(rtpTimestamp);
    if (expected !== undefined && Math.abs(expected - report.time) > JUMP_MS) this.#reports.length = 0;
    this.#reports.push(report);
    if (this.#reports.length > MAX_REPORTS) this.#reports.shift();
  }

  /** @param roundTripTime ms, where known */
  at(timestamp: number, roundTripTime = DEFAULT_RTT_MS): CaptureEstimate | undefined {
    const time = this.#at(timestamp);
    const last = this.#reports.at(-1);
    if (time === undefined || !last) return undefined;
    let scatter = 0;
    for (const report of this.#reports) scatter = Math.max(scatter, Math.abs(elapsed(timestamp, report) - time));
    const known = this.#reports.length >= ENOUGH_REPORTS ? scatter : Math.max(scatter, FIRST_ERROR_MS);
    return { time, error: Math.max(MIN_ERROR_MS, known) + (last.ofDay ? 0 : roundTripTime / 2) };
  }

  /** The median of what the reports say. */
  #at(timestamp: number): number | undefined {
    const last = this.#reports.at(-1);
    if (!last || Math.abs(timestampDistance(timestamp, last.rtpTimestamp)) > MAX_DISTANCE_MS * CLOCK_RATE_KHZ)
      return undefined;
    const times = this.#reports.map((report) => elapsed(timestamp, report)).sort((a, b) => a - b);
    return times[times.length >> 1];
  }
}

const elapsed = (timestamp: number, { rtpTimestamp, time }: SenderReport): number =>
  time + timestampDistance(timestamp, rtpTimestamp) / CLOCK_RATE_KHZ;
