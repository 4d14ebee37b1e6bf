import { DepthcastError } from '../errors.ts';
import type { TrackSource } from '../sources/track-source.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { RtcPeer } from '../webrtc/index.ts';
import type { ReceiverStats } from '../webrtc/peer/receiver-types.ts';
import { type Diagnosis, diagnose } from './diagnosis.ts';

/** Packets come, and no depth, for this long: then it is told why. Judged once a second, so within three. */
const PATIENCE_MS = 1900;
/** For this long, where only another sender could help. */
const FINAL_PATIENCE_MS = 2800;
/** A path that is silent for longer than this gives nothing to diagnose. */
const SILENCE_MS = 1500;

/** Notices, once a second, that a publisher's packets make no depth, and why. */
export class StreamWatch {
  readonly #peer: RtcPeer;
  readonly #stream: LiveStream;
  /** performance.now() of the last look, and since when packets come. */
  #looked = performance.now();
  #flowingSince: number | undefined;
  /** Packets that were not authentic, at the last look. */
  #rejected = 0;
  /** At the last whole frame: how many there were, packets too, and when it was seen. */
  #whole = { frames: 0, packets: 0, at: performance.now() };
  #told = new Set<string>();

  constructor(peer: RtcPeer, stream: LiveStream) {
    this.#peer = peer;
    this.#stream = stream;
  }

  /**
   * @param source the track, where the peer sends one
   * @returns the reason, as long as there is one; `fresh` the first time, `final` when only another sender could help
   */
  look(source: TrackSource | undefined): { error: DepthcastError; fresh: boolean; final: boolean } | undefined {
    const now = performance.now();
    const { receiver, transport } = this.#peer.getStats();
    const { lastPacketAt, frames = 0, packets = 0 } = receiver ?? {};
    if (frames !== this.#whole.frames) this.#whole = { frames, packets, at: now };
    const forged = transport.rejected > this.#rejected;
    this.#rejected = transport.rejected;
    if (!forged && (lastPacketAt === undefined || now - lastPacketAt > SILENCE_MS)) this.#flowingSince = undefined;
    else this.#flowingSince ??= this.#looked;
    this.#looked = now;
    const depthless = Math.min(this.#stream.idleFor, now - (this.#flowingSince ?? now));
    if (this.#stream.idleFor < PATIENCE_MS) this.#told.clear();
    if (depthless < PATIENCE_MS) return undefined;
    const found = this.#diagnose(source);
    if (!found) return undefined;
    const fresh = !found.told && !this.#told.has(found.error.code);
    this.#told.add(found.error.code);
    const final = found.final && this.#stream.frames === 0 && depthless > FINAL_PATIENCE_MS;
    return { error: found.error, fresh, final };
  }

  #diagnose(source: TrackSource | undefined): Diagnosis | undefined {
    const { receiver: received, transport } = this.#peer.getStats();
    if (!received) return undefined;
    const { rejected } = transport;
    const { decoded, depth } = this.#stream.stats.totals;
    const { failure, waiting } = this.#stream.trouble;
    const found = diagnose({ received, rejected, decoded, made: depth, decoding: source?.failure, failure, waiting });
    return found ?? this.#withoutFrames(received);
  }

  /** Of a stream that was understood once: its packets make no whole frame any more. */
  #withoutFrames({ packets, duplicates, lost }: ReceiverStats): Diagnosis | undefined {
    const came = packets - this.#whole.packets;
    if (came === 0 || performance.now() - this.#whole.at < PATIENCE_MS) return undefined;
    const detail = `${came} packets made no whole frame; of all, ${duplicates} had come before or came too late, ${lost} were lost`;
    return { error: new DepthcastError('BAD_VIDEO', { detail }), final: false };
  }
}

/** A client opens its channel before it offers, or soon after; what it says of it may be lost twice on its way (RFC 9260: 1 s, then 2 s). */
const CHANNEL_PATIENCE_MS = 3900;
/** Of the association below: its first packet may be lost, and its peer slow. */
const ASSOCIATION_PATIENCE_MS = 14_900;

/** Notices that a peer agreed on data channels and opened none for depth. */
export class ChannelWatch {
  readonly #peer: RtcPeer;
  #connectedAt: number | undefined;
  #establishedAt: number | undefined;
  #done = false;

  constructor(peer: RtcPeer) {
    this.#peer = peer;
  }

  /** The channel is there. Closed again it is its peer's business: a page that goes ends its channel first. */
  opened(): void {
    this.#done = true;
  }

  /** @returns what to tell, once */
  look(): DepthcastError | undefined {
    const { connected, hasData, dataEstablished } = this.#peer;
    if (this.#done || !connected || !hasData) return undefined;
    const now = performance.now();
    this.#connectedAt ??= now;
    if (dataEstablished) this.#establishedAt ??= now;
    const late =
      this.#establishedAt === undefined
        ? now - this.#connectedAt >= ASSOCIATION_PATIENCE_MS
        : now - this.#establishedAt >= CHANNEL_PATIENCE_MS;
    if (!late) return undefined;
    this.#done = true;
    const detail =
      this.#establishedAt === undefined
        ? 'the SCTP association, which was agreed on, was not set up'
        : 'none named "depth" was opened; open it in-band: createDataChannel("depth"), without negotiated: true';
    return new DepthcastError('NO_CHANNEL', { detail });
  }

  /** @returns what to tell of a channel with another name */
  refuse(label: string): DepthcastError {
    return new DepthcastError('NO_CHANNEL', {
      detail: `the channel ${JSON.stringify(label.slice(0, 64))} is closed: one channel is taken, and its name is "depth"`,
    });
  }
}
