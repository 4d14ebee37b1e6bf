import * as av from 'node-av';
import { type Fraction, ratio } from './media-info.ts';

/** Codecs and containers whose packets can go into an MP4 file as they are: each with its time, and one picture a packet. */
const CODECS = new Set(['h264', 'hevc', 'mpeg4', 'av1']);
const CONTAINERS = /^(mov,mp4|matroska)/;
/** Start of the parameter sets where NAL units stand behind their lengths, as MP4 keeps them (ISO/IEC 14496-15, 5.3.3.1). */
const LENGTH_PREFIXED = 1;

/** Keeps the packets of a video that is being decoded, for a copy that encodes nothing. */
export class PacketTap {
  readonly parameters: av.CodecParameters;
  readonly timeBase: Fraction;
  readonly fps: Fraction;
  /** Of a pixel as it is coded: before the picture is turned. */
  readonly aspect: Fraction;
  /** Packets do not stand in the order in which their pictures are shown. */
  readonly reordered: boolean;
  /** References, in decoding order. */
  readonly #packets: av.Packet[] = [];
  #closed = false;

  private constructor(stream: av.Stream, fps: Fraction) {
    this.parameters = stream.codecpar;
    this.timeBase = { num: stream.timeBase.num, den: stream.timeBase.den };
    this.reordered = stream.codecpar.videoDelay > 0;
    this.fps = fps;
    const said = [stream.sampleAspectRatio, stream.codecpar.sampleAspectRatio].find((aspect) => ratio(aspect) > 0);
    this.aspect = said ? { num: said.num, den: said.den } : { num: 0, den: 1 };
  }

  /** Undefined where MP4 would not hold the packets as they are, or players would show them otherwise. */
  static of(stream: av.Stream, container: string, fps: Fraction): PacketTap | undefined {
    const { extradata, codecId } = stream.codecpar;
    const codec = av.avGetCodecName(codecId) ?? '';
    if (!CODECS.has(codec) || !CONTAINERS.test(container) || !extradata?.length) return undefined;
    if ((codec === 'h264' || codec === 'hevc') && extradata[0] !== LENGTH_PREFIXED) return undefined;
    // Few players regard what MP4 says of cropping.
    if (stream.codecpar.getCodedSideData(av.AV_PKT_DATA_FRAME_CROPPING)) return undefined;
    return new PacketTap(stream, fps);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether decoding began with the first picture, so that nothing of the file has to be skipped. */
  get startsClean(): boolean {
    const [first] = this.#packets;
    return (
      first?.isKeyframe === true &&
      first.pts !== av.AV_NOPTS_VALUE &&
      this.#packets.every((packet) => packet.pts >= first.pts && !packet.hasFlags(av.AV_PKT_FLAG_DISCARD))
    );
  }

  keep(packet: av.Packet): void {
    if (this.#closed) return;
    const reference = packet.clone();
    if (reference) this.#packets.push(reference);
  }

  /** The packets that pictures up to a moment, in the stream's time base, are decoded from; the caller frees them. */
  take(until: bigint): av.Packet[] {
    return this.#packets.splice(0, this.#packets.findLastIndex(({ pts }) => pts <= until) + 1);
  }

  /** Keeps no more. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const packet of this.#packets.splice(0)) packet.free();
  }
}
