import type { VideoCodec } from '../../video/types.ts';
import type { RtpPacket } from './packet.ts';

const MAX_PACKETS = 512;
/** The current stream, while it goes on beside another for so long, keeps its place. */
const BESIDE_MS = 100;

interface Kept {
  packet: RtpPacket;
  codec: VideoCodec;
  /** performance.now() when it came. */
  at: number;
}

/**
 * Packets of a stream that may be about to take the place of the current one, from its keyframe on: a sender that begins anew under
 * another SSRC begins with one, before its last stream can be known to have ended.
 */
export class Successor {
  #kept: { ssrc: number; packets: Kept[] } | undefined;

  get bytes(): number {
    return this.#kept?.packets.reduce((sum, { packet }) => sum + packet.payload.length, 0) ?? 0;
  }

  /** A packet of a stream that does not count came. @param keyframe whether one begins with it */
  keep(packet: RtpPacket, codec: VideoCodec, keyframe: boolean, at: number): void {
    const { ssrc, timestamp } = packet;
    const begun = this.#kept?.ssrc === ssrc && this.#kept.packets[0]!.packet.timestamp === timestamp;
    if (keyframe && !begun) this.#kept = { ssrc, packets: [] };
    if (this.#kept?.ssrc === ssrc && this.#kept.packets.length < MAX_PACKETS)
      this.#kept.packets.push({ packet, codec, at });
  }

  /** A packet of the current stream came. */
  passOver(now: number): void {
    if (this.#kept && now - this.#kept.packets[0]!.at > BESIDE_MS) this.#kept = undefined;
  }

  /** The stream of this SSRC is the current one from now on. @returns what is kept of it */
  take(ssrc: number): readonly Kept[] {
    const kept = this.#kept;
    this.#kept = undefined;
    return kept?.ssrc === ssrc ? kept.packets : [];
  }
}
