import wrtc from '@roamhq/wrtc';
import { decodeFrame, Reassembler } from '../src/wire/index.ts';
import { CaptureClock } from './capture-clock.ts';
import type { Film } from './film.ts';
import { type ChildSetup, emptyReport, type StreamReport, type StreamSpec } from './protocol.ts';
import { httpSignalling, Refusal, type Signalling, wsSignalling } from './signalling.ts';
import { type TappedPacket, TappedPeer } from './tapped-peer.ts';
import { checkDepth, checkGray } from './truth-check.ts';

const { nonstandard } = wrtc;
/** Where a depth packet holds the RTP timestamp of its source frame: docs/protocol.md. */
const TIMESTAMP_OFFSET = 16;
const RETRY_MS = [500, 1000, 2000, 4000];
/** Source frames whose last packet is remembered, by timestamp. */
const MEMORY = 300;

interface Leg {
  peer: TappedPeer;
  signalling: Signalling;
}

/** One published stream, its viewers, and what is measured of it. */
export class Stream {
  readonly spec: StreamSpec;
  readonly #setup: ChildSetup;
  readonly #film: Film;
  readonly #name: string;
  readonly #captures = new CaptureClock();
  readonly #returns = new CaptureClock();
  /** When the last packet of a source frame went to the server, by RTP timestamp. */
  readonly #lastPacket = new Map<number, number>();
  #source: InstanceType<typeof nonstandard.RTCVideoSource> | undefined;
  #legs: Leg[] = [];
  #sinks: { stop(): void }[] = [];
  #frame = 0;
  #report: StreamReport;
  #retries = 0;
  #retry: NodeJS.Timeout | undefined;
  #checkAt = 0;
  #checking = false;
  /** The frame whose gray picture last passed by, for comparing pictures that carry no timestamp. */
  #lastReturned: number | undefined;
  #counted = { up: 0, down: 0, lostUp: 0, lostDown: 0 };
  #downTimestamp: number | undefined;
  #closed = false;

  constructor(spec: StreamSpec, setup: ChildSetup, film: Film) {
    this.spec = spec;
    this.#setup = setup;
    this.#film = film;
    // A name of its own for each life: the server may not have noticed the end of the last.
    this.#name = `load-${process.pid}-${spec.index}-${Math.floor(performance.now())}`;
    this.#report = emptyReport(this.spec.index);
  }

  open(): void {
    void this.#connect().catch((thrown: unknown) => this.#fail(thrown));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#drop();
  }

  /** The next picture. */
  capture(): void {
    if (!this.#source || !this.#report.connected) return;
    const { index } = this.spec;
    const { width, height } = this.#film;
    const frame = this.#frame++;
    const data = this.#film.picture({ stream: index, frame });
    const at = performance.now();
    this.#source.onFrame({ width, height, data });
    const until = performance.now();
    this.#captures.captured(frame, at, until);
    this.#returns.captured(frame, at, until);
    this.#report.captured++;
  }

  /** Counts a picture that was due when this process was busy. */
  missed(): void {
    if (this.#report.connected) this.#report.late++;
  }

  /** What happened since the last call. */
  take(): StreamReport {
    const report = this.#report;
    const sum = (of: (leg: Leg) => number) => this.#legs.reduce((total, leg) => total + of(leg), 0);
    const now = {
      up: sum(({ peer }) => peer.bytes.up),
      down: sum(({ peer }) => peer.bytes.down),
      lostUp: sum(({ peer }) => peer.lost.up),
      lostDown: sum(({ peer }) => peer.lost.down),
    };
    report.bytes = { up: now.up - this.#counted.up, down: now.down - this.#counted.down };
    report.lost = { up: now.lostUp - this.#counted.lostUp, down: now.lostDown - this.#counted.lostDown };
    this.#counted = now;
    this.#report = emptyReport(this.spec.index);
    this.#report.connected = report.connected;
    return report;
  }

  async #connect(): Promise<void> {
    const { url, token, signalling, data, track } = this.#setup;
    const twoWay = signalling === 'post' || this.spec.viewers === 0;
    const way =
      signalling === 'post' || !twoWay
        ? httpSignalling(`${url}/whip/${this.#name}`, token)
        : wsSignalling(url, token, { track: track ? 'gray' : 'off', ...(data === 'off' ? {} : { data }) }, (reason) =>
            this.#fail(new Error(reason)),
          );
    const publisher = this.#leg(way, true);
    const source = new nonstandard.RTCVideoSource();
    const { pc } = publisher.peer;
    if (twoWay && (track || signalling === 'post')) pc.addTrack(source.createTrack());
    else pc.addTransceiver(source.createTrack(), { direction: 'sendonly' });
    if (twoWay) this.#receive(publisher.peer, signalling !== 'post' && data !== 'off', true);
    await publisher.peer.connect();
    await this.#connected(publisher.peer);
    this.#source = source;
    this.#report.connected = true;
    this.#report.connects++;
    this.#retries = 0;
    for (let viewer = 0; viewer < (twoWay ? 0 : this.spec.viewers); viewer++) await this.#view(viewer === 0);
  }

  async #view(first: boolean): Promise<void> {
    const { url, token, data } = this.#setup;
    const leg = this.#leg(httpSignalling(`${url}/whep/${this.#name}`, token), false);
    leg.peer.pc.addTransceiver('video', { direction: 'recvonly' });
    this.#receive(leg.peer, data !== 'off', first);
    await leg.peer.connect();
    await this.#connected(leg.peer);
  }

  #leg(signalling: Signalling, up: boolean): Leg {
    const seed = this.#setup.seed * 1000 + this.spec.index * 10 + this.#legs.length;
    const measures = this.#legs.length <= (this.spec.viewers > 0 ? 1 : 0);
    const peer = new TappedPeer({
      loss: this.#setup.loss,
      seed,
      bitrate: this.#setup.bitrate,
      exchange: (offer) => signalling.exchange(offer),
      onGone: (reason) => this.#fail(new Error(reason)),
      onRtp: (direction, packet) => {
        if (direction === 'up' && up) this.#sent(packet);
        else if (direction === 'down' && measures) this.#returned(packet);
      },
    });
    const leg = { peer, signalling };
    this.#legs.push(leg);
    return leg;
  }

  /** @param first the receiver at which depth is measured; further ones only count */
  #receive(peer: TappedPeer, channel: boolean, first: boolean): void {
    peer.pc.ontrack = ({ track }) => {
      const sink = new nonstandard.RTCVideoSink(track);
      sink.onframe = ({ frame }: { frame: { width: number; height: number; data: Uint8Array } }) => {
        if (first) this.#report.pictures++;
        else this.#report.viewerPictures++;
        if (first && !channel) this.#checkPicture(frame);
      };
      this.#sinks.push(sink);
    };
    if (!channel) return;
    const depth = peer.pc.createDataChannel('depth', { ordered: false, maxRetransmits: 0 });
    depth.binaryType = 'arraybuffer';
    const reassembler = new Reassembler();
    depth.onmessage = ({ data }) => {
      const at = performance.now();
      try {
        const packet = reassembler.push(new Uint8Array(data as ArrayBuffer));
        if (packet && first) this.#packet(packet, at);
      } catch {
        this.#report.badPackets++;
      }
    };
  }

  #connected({ pc }: TappedPeer): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no connection within 15 s')), 15_000);
      const look = () => {
        if (pc.connectionState === 'connected') {
          clearTimeout(timer);
          clearInterval(poll);
          resolve();
        } else if (pc.connectionState === 'failed' || pc.connectionState === 'closed') {
          clearTimeout(timer);
          clearInterval(poll);
          reject(new Error(`connection ${pc.connectionState}`));
        }
      };
      const poll = setInterval(look, 20);
      look();
    });
  }

  #fail(thrown: unknown): void {
    if (this.#closed) return;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    if (this.#report.failures.length < 20) this.#report.failures.push(reason);
    this.#drop();
    clearTimeout(this.#retry);
    const asked = thrown instanceof Refusal ? (thrown.retryAfter ?? 0) * 1000 : 0;
    const wait = Math.max(asked, RETRY_MS[Math.min(this.#retries++, RETRY_MS.length - 1)]!);
    this.#retry = setTimeout(() => this.open(), wait);
  }

  #drop(): void {
    this.#report.connected = false;
    this.#source = undefined;
    for (const sink of this.#sinks.splice(0)) sink.stop();
    for (const { peer, signalling } of this.#legs.splice(0)) {
      signalling.close();
      peer.close();
    }
    this.#counted = { up: 0, down: 0, lostUp: 0, lostDown: 0 };
    this.#captures.forget();
    this.#returns.forget();
    this.#lastPacket.clear();
    this.#lastReturned = undefined;
    this.#downTimestamp = undefined;
  }

  /** A packet of the source video on its way to the server. */
  #sent({ repeated, timestamp, at }: TappedPacket): void {
    const known = this.#lastPacket.has(timestamp);
    // Old packets are also repeated to probe the path.
    if (repeated && !known) return;
    this.#lastPacket.set(timestamp, at);
    if (known) return;
    this.#report.sent++;
    this.#captures.learn(timestamp);
    if (this.#lastPacket.size > MEMORY) this.#lastPacket.delete(this.#lastPacket.keys().next().value!);
  }

  /** A packet of the gray track on its way back. */
  #returned({ repeated, timestamp, marker, at }: TappedPacket): void {
    if (repeated) return;
    if (timestamp !== this.#downTimestamp) {
      this.#downTimestamp = timestamp;
      this.#report.trackFrames++;
      this.#returns.learn(timestamp);
    }
    if (!marker || !this.#returns.settled) return;
    const found = this.#returns.frameOf(timestamp);
    if (!found) {
      this.#report.unknown++;
      return;
    }
    this.#lastReturned = found.frame;
    this.#report.latency.track.push(at - found.at);
    const last = this.#lastPacketOf(timestamp, found.frame);
    if (last !== undefined) this.#report.latency.server.push(at - last);
  }

  /** The same timestamp goes in and out of depthcast; another server may count from elsewhere. */
  #lastPacketOf(timestamp: number, frame: number): number | undefined {
    const same = this.#lastPacket.get(timestamp);
    if (same !== undefined && this.#captures.frameOf(timestamp)?.frame === frame) return same;
    for (const [candidate, at] of this.#lastPacket) if (this.#captures.frameOf(candidate)?.frame === frame) return at;
    return undefined;
  }

  #packet(packet: Uint8Array, at: number): void {
    const report = this.#report;
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
    const { checkSeconds } = this.#setup;
    if (checkSeconds === 0 || this.#checking || at < this.#checkAt) return false;
    this.#checkAt = at + 1000 * checkSeconds;
    return true;
  }

  async #checkPacket(packet: Uint8Array, frame: number): Promise<void> {
    this.#checking = true;
    try {
      const { values, width, height, unit } = await decodeFrame(packet);
      if (values.length === 0) return;
      const disparity = unit === 'metres' ? values.map((z) => 1 / z) : values;
      const code = { stream: this.spec.index, frame };
      this.#report.checks.push(checkDepth(this.#film, code, disparity, width, height));
    } catch {
      this.#report.badPackets++;
    } finally {
      this.#checking = false;
    }
  }

  /** The picture is that of the last timestamp that passed, or of one before it. */
  #checkPicture(picture: { width: number; height: number; data: Uint8Array }): void {
    if (this.#lastReturned === undefined || !this.#due(performance.now())) return;
    const code = { stream: this.spec.index, frame: this.#lastReturned };
    this.#report.checks.push(checkGray(this.#film, code, picture));
  }
}
