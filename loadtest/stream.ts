import wrtc from '@roamhq/wrtc';
import { Reassembler } from '../src/protocol/index.ts';
import { httpSignalling, Refusal, type Signalling, wsSignalling } from '../test/support/load/signalling.ts';
import type { Film } from './film.ts';
import type { ChildSetup, StreamReport, StreamSpec } from './protocol.ts';
import { StreamMeter } from './stream-meter.ts';
import { TappedPeer } from './tapped-peer.ts';

const { nonstandard } = wrtc;
const RETRY_MS = [500, 1000, 2000, 4000];

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
  readonly #meter: StreamMeter;
  #source: InstanceType<typeof nonstandard.RTCVideoSource> | undefined;
  #legs: Leg[] = [];
  #sinks: { stop(): void }[] = [];
  #frame = 0;
  #retries = 0;
  #retry: NodeJS.Timeout | undefined;
  #counted = { up: 0, down: 0, lostUp: 0, lostDown: 0 };
  #closed = false;

  constructor(spec: StreamSpec, setup: ChildSetup, film: Film) {
    this.spec = spec;
    this.#setup = setup;
    this.#film = film;
    // A name of its own for each life: the server may not have noticed the end of the last.
    this.#name = `load-${process.pid}-${spec.index}-${Math.floor(performance.now())}`;
    this.#meter = new StreamMeter(spec.index, film, setup.checkSeconds);
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
    if (!this.#source || !this.#meter.report.connected) return;
    const { index } = this.spec;
    const { width, height } = this.#film;
    const frame = this.#frame++;
    const data = this.#film.picture({ stream: index, frame });
    const at = performance.now();
    this.#source.onFrame({ width, height, data });
    const until = performance.now();
    this.#meter.captured(frame, at, until);
  }

  /** Counts a picture that was due when this process was busy. */
  missed(): void {
    if (this.#meter.report.connected) this.#meter.report.late++;
  }

  /** What happened since the last call. */
  take(): StreamReport {
    const report = this.#meter.take();
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
    return report;
  }

  async #connect(): Promise<void> {
    const { url, token, signalling, data, track } = this.#setup;
    const twoWay = signalling === 'post' || this.spec.viewers === 0;
    const way =
      signalling === 'post' || !twoWay
        ? httpSignalling(`${url}/whip/${this.#name}`, token)
        : wsSignalling(url, {
            token,
            output: { track: track ? 'gray' : 'off', ...(data === 'off' ? {} : { data }) },
            onEnd: (reason) => this.#fail(new Error(reason)),
          });
    const publisher = this.#leg(way, true);
    const source = new nonstandard.RTCVideoSource();
    const { pc } = publisher.peer;
    if (twoWay && (track || signalling === 'post')) pc.addTrack(source.createTrack());
    else pc.addTransceiver(source.createTrack(), { direction: 'sendonly' });
    if (twoWay) this.#receive(publisher.peer, signalling !== 'post' && data !== 'off', true);
    await publisher.peer.connect();
    await this.#connected(publisher.peer);
    this.#source = source;
    this.#meter.report.connected = true;
    this.#meter.report.connects++;
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
        if (direction === 'up' && up) this.#meter.sent(packet);
        else if (direction === 'down' && measures) this.#meter.returned(packet);
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
        if (first) this.#meter.report.pictures++;
        else this.#meter.report.viewerPictures++;
        if (first && !channel) this.#meter.checkPicture(frame);
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
        if (packet && first) this.#meter.packet(packet, at);
      } catch {
        this.#meter.report.badPackets++;
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
    if (this.#meter.report.failures.length < 20) this.#meter.report.failures.push(reason);
    this.#drop();
    clearTimeout(this.#retry);
    const asked = thrown instanceof Refusal ? (thrown.retryAfter ?? 0) * 1000 : 0;
    const wait = Math.max(asked, RETRY_MS[Math.min(this.#retries++, RETRY_MS.length - 1)]!);
    this.#retry = setTimeout(() => this.open(), wait);
  }

  #drop(): void {
    this.#meter.report.connected = false;
    this.#source = undefined;
    for (const sink of this.#sinks.splice(0)) sink.stop();
    for (const { peer, signalling } of this.#legs.splice(0)) {
      signalling.close();
      peer.close();
    }
    this.#counted = { up: 0, down: 0, lostUp: 0, lostDown: 0 };
    this.#meter.forget();
  }
}
