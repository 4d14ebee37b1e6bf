import { decodeFrame } from '../src/protocol/index.ts';
import { CaptureClock } from './capture-clock.ts';
import type { Film } from './film.ts';
import { emptyReport, type StreamReport } from './protocol.ts';
import type { TappedPacket } from './tapped-peer.ts';
import { checkDepth, checkGray } from './truth-check.ts';

/** Where a depth packet holds the RTP timestamp of its source frame: docs/protocol.md. */
const TIMESTAMP_OFFSET = 16;
/** Source frames whose last packet is remembered, by timestamp. */
const MEMORY = 300;

/** What is measured of one stream: which picture each depth map is of, how long it took, whether it is true. */
export class StreamMeter {
  report: StreamReport;
  readonly #index: number;
  readonly #film: Film;
  readonly #checkSeconds: number;
  readonly #captures = new CaptureClock();
  readonly #returns = new CaptureClock();
  /** When the last packet of a source frame went to the server, by RTP timestamp. */
  readonly #lastPacket = new Map<number, number>();
  #checkAt = 0;
  #checking = false;
  /** The frame whose gray picture last passed by, for comparing pictures that carry no timestamp. */
  #lastReturned: number | undefined;
  #downTimestamp: number | undefined;

  /** @param checkSeconds from one comparison with the truth to the next; 0 for none */
  constructor(index: number, film: Film, checkSeconds: number) {
    this.report = emptyReport(index);
    this.#index = index;
    this.#film = film;
    this.#checkSeconds = checkSeconds;
  }

  /** A picture was handed to the encoder between these times. */
  captured(frame: number, at: number, until: number): void {
    this.#captures.captured(frame, at, until);
    this.#returns.captured(frame, at, until);
    this.report.captured++;
  }

  /** What was counted since the last call. */
  take(): StreamReport {
    const report = this.report;
    this.report = emptyReport(this.#index);
    this.report.connected = report.connected;
    return report;
  }

  /** The connection ended: the next one begins with other timestamps. */
  forget(): void {
    this.#captures.forget();
    this.#returns.forget();
    this.#lastPacket.clear();
    this.#lastReturned = undefined;
    this.#downTimestamp = undefined;
  }

  /** A packet of the source video on its way to the server. */
  sent({ repeated, timestamp, at }: TappedPacket): void {
    const known = this.#lastPacket.has(timestamp);
    // Old packets are also repeated to probe the path.
    if (repeated && !known) return;
    this.#lastPacket.set(timestamp, at);
    if (known) return;
    this.report.sent++;
    this.#captures.learn(timestamp);
    if (this.#lastPacket.size > MEMORY) this.#lastPacket.delete(this.#lastPacket.keys().next().value!);
  }

  /** A packet of the gray track on its way back. */
  returned({ repeated, timestamp, marker, at }: TappedPacket): void {
    if (repeated) return;
    if (timestamp !== this.#downTimestamp) {
      this.#downTimestamp = timestamp;
      this.report.trackFrames++;
      this.#returns.learn(timestamp);
    }
    if (!marker || !this.#returns.settled) return;
    const found = this.#returns.frameOf(timestamp);
    if (!found) {
      this.report.unknown++;
      return;
    }
    this.#lastReturned = found.frame;
    this.report.latency.track.push(at - found.at);
    const last = this.#lastPacketOf(timestamp, found.frame);
    if (last !== undefined) this.report.latency.server.push(at - last);
  }

  /** The same timestamp goes in and out of depthcast; another server may count from elsewhere. */
  #lastPacketOf(timestamp: number, frame: number): number | undefined {
    const same = this.#lastPacket.get(timestamp);
    if (same !== undefined && this.#captures.frameOf(timestamp)?.frame === frame) return same;
    for (const [candidate, at] of this.#lastPacket) if (this.#captures.frameOf(candidate)?.frame === frame) return at;
    return undefined;
  }

  /** A whole depth packet. */
  packet(packet: Uint8Array, at: number): void {
    const report = this.report;
    report.packets++;
    const timestamp = new DataView(packet.buffer, packet.byteOffset).getUint32(TIMESTAMP_OFFSET, true);
    if (!this.#captures.settled) return;
    const found = this.#captures.frameOf(timestamp);
    if (!found) {
      report.unknown++;
      return;
    }
    report.latency.data.push(at - found.at);
    report.identified.push([timestamp, found.frame]);
    if (this.#due(at)) void this.#checkPacket(packet, found.frame);
  }

  #due(at: number): boolean {
    if (this.#checkSeconds === 0 || this.#checking || at < this.#checkAt) return false;
    this.#checkAt = at + 1000 * this.#checkSeconds;
    return true;
  }

  async #checkPacket(packet: Uint8Array, frame: number): Promise<void> {
    this.#checking = true;
    try {
      const { values, width, height, unit } = await decodeFrame(packet);
      if (values.length === 0) return;
      const disparity = unit === 'metres' ? values.map((z) => 1 / z) : values;
      const code = { stream: this.#index, frame };
      this.report.checks.push(checkDepth(this.#film, code, disparity, width, height));
    } catch {
      this.report.badPackets++;
    } finally {
      this.#checking = false;
    }
  }

  /** The picture is that of the last timestamp that passed, or of one before it. */
  checkPicture(picture: { width: number; height: number; data: Uint8Array }): void {
    if (this.#lastReturned === undefined || !this.#due(performance.now())) return;
    const code = { stream: this.#index, frame: this.#lastReturned };
    this.report.checks.push(checkGray(this.#film, code, picture));
  }
}
