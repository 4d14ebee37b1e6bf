/** H.264 NAL unit types (ITU-T H.264, table 7-1). */
const NAL_SLICE = 1;
const NAL_IDR = 5;
const NAL_SPS = 7;
/** H.265 NAL unit types (ITU-T H.265, table 7-1). */
const H265_LAST_SLICE = 31;
const H265_SPS = 33;
/** Profiles whose sequence parameter set describes chroma and scaling lists (7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

export interface CodedSize {
  width: number;
  height: number;
}

/** Whether an H.264 access unit in Annex B form holds picture data, not only parameter sets and the like. */
export function hasH264Slice(data: Uint8Array): boolean {
  for (const nal of nalUnits(data)) {
    const type = nal[0]! & 31;
    if (type >= NAL_SLICE && type <= NAL_IDR) return true;
  }
  return false;
}

/** The same of H.265. */
export function hasH265Slice(data: Uint8Array): boolean {
  for (const nal of nalUnits(data)) if (((nal[0]! >> 1) & 63) <= H265_LAST_SLICE) return true;
  return false;
}

/** H.264: in the sequence parameter set (7.3.2.1.1), in whole macroblocks. */
export function h264Size(data: Uint8Array): CodedSize | undefined {
  for (const nal of nalUnits(data)) if ((nal[0]! & 31) === NAL_SPS) return spsSize(nal);
  return undefined;
}

/** H.265: in the sequence parameter set (ITU-T H.265, 7.3.2.2.1). */
export function h265Size(data: Uint8Array): CodedSize | undefined {
  for (const nal of nalUnits(data)) if (((nal[0]! >> 1) & 63) === H265_SPS) return h265SpsSize(nal);
  return undefined;
}

/** The NAL units of an Annex B byte stream, without start codes; trailing zero bytes may remain. */
export function* nalUnits(data: Uint8Array): Generator<Uint8Array> {
  let start = -1;
  for (let i = data.indexOf(1, 2); i >= 0; i = data.indexOf(1, i + 1)) {
    if (data[i - 1] !== 0 || data[i - 2] !== 0) continue;
    if (start >= 0 && i - 2 > start) yield data.subarray(start, i - 2);
    start = i + 1;
  }
  if (start >= 0 && start < data.length) yield data.subarray(start);
}

/** VP8: in the keyframe header (RFC 6386, 9.1). */
export function vp8Size(data: Uint8Array): CodedSize | undefined {
  if (data.length < 10 || data[0]! & 1) return undefined;
  if (data[3] !== 0x9d || data[4] !== 0x01 || data[5] !== 0x2a) return undefined;
  return { width: (data[6]! | (data[7]! << 8)) & 0x3fff, height: (data[8]! | (data[9]! << 8)) & 0x3fff };
}

/** VP9: in the header of keyframes (bitstream specification, 6.2). */
export function vp9Size(data: Uint8Array): CodedSize | undefined {
  const reader = new BitReader(data.subarray(0, 32), false);
  if (reader.bits(2) !== 2) return undefined;
  const profile = reader.bits(1) + 2 * reader.bits(1);
  if (profile === 3) reader.bits(1);
  // show_existing_frame, frame_type
  if (reader.bits(2) !== 0) return undefined;
  reader.bits(2); // show_frame, error_resilient_mode
  if (reader.bits(24) !== 0x498342) return undefined;
  if (profile >= 2) reader.bits(1); // ten_or_twelve_bit
  const rgb = reader.bits(3) === 7;
  if (!rgb) reader.bits(1); // color_range
  if (profile & 1) reader.bits(rgb ? 1 : 3);
  return { width: reader.bits(16) + 1, height: reader.bits(16) + 1 };
}

const AV1_SEQUENCE_HEADER = 1;

/** AV1: in the sequence header (specification, 5.5) of a temporal unit in the low-overhead form. */
export function av1Size(data: Uint8Array): CodedSize | undefined {
  for (let at = 0; at + 2 < data.length; ) {
    const type = (data[at]! >> 3) & 15;
    let start = at + (data[at]! & 4 ? 2 : 1);
    let size = 0;
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = data[start++] ?? 0;
      size += (byte & 127) * 2 ** shift;
      if ((byte & 128) === 0) break;
    }
    if (type === AV1_SEQUENCE_HEADER) return av1SequenceSize(data.subarray(start, start + Math.min(size, 256)));
    at = start + size;
  }
  return undefined;
}

function av1SequenceSize(header: Uint8Array): CodedSize {
  const reader = new BitReader(header, false);
  reader.bits(4); // seq_profile, still_picture
  if (reader.bits(1)) reader.bits(5);
  else {
    const timing = reader.bits(1);
    let delayBits = 0;
    if (timing) {
      reader.bits(64); // num_units_in_display_tick, time_scale
      if (reader.bits(1)) reader.unsigned();
      if (reader.bits(1)) {
        delayBits = reader.bits(5) + 1;
        reader.bits(42); // num_units_in_decoding_tick, two lengths
      }
    }
    const initialDelay = reader.bits(1);
    for (let points = reader.bits(5); points >= 0; points--) {
      reader.bits(12); // operating_point_idc
      if (reader.bits(5) > 7) reader.bits(1);
      if (delayBits > 0 && reader.bits(1)) reader.bits(2 * delayBits + 1);
      if (initialDelay && reader.bits(1)) reader.bits(4);
    }
  }
  const [widthBits, heightBits] = [reader.bits(4) + 1, reader.bits(4) + 1];
  return { width: reader.bits(widthBits) + 1, height: reader.bits(heightBits) + 1 };
}

/** Reads bits and Exp-Golomb codes (9.1) of a header; zeros past the end. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  /** @param escaped whether emulation prevention bytes of a NAL unit are to be skipped */
  constructor(nal: Uint8Array, escaped = true) {
    // Parameter sets are short; a bound keeps a hostile one short too.
    const payload: number[] = [];
    for (let i = 0; i < nal.length && payload.length < 1024; i++)
      if (!(escaped && i >= 2 && nal[i] === 3 && nal[i - 1] === 0 && nal[i - 2] === 0)) payload.push(nal[i]!);
    this.#bytes = Uint8Array.from(payload);
  }

  /** Bits read so far. */
  get position(): number {
    return this.#position;
  }

  /** Without emulation prevention. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.#position++)
      value = value * 2 + (((this.#bytes[this.#position >> 3] ?? 0) >> (7 - (this.#position & 7))) & 1);
    return value;
  }

  unsigned(): number {
    let zeros = 0;
    while (zeros < 32 && this.bits(1) === 0) zeros++;
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  signed(): number {
    const code = this.unsigned();
    return code & 1 ? (code + 1) / 2 : -code / 2;
  }
}

/** Width and height in luma samples from a sequence parameter set (7.3.2.1.1), before cropping. */
function spsSize(nal: Uint8Array): CodedSize {
  const { width, height } = readSpsHead(new BitReader(nal));
  return { width, height };
}

/** The same, from the NAL header up to frame_mbs_only_flag, which is read too. */
export function readSpsHead(reader: BitReader): CodedSize & { framesOnly: boolean } {
  reader.bits(8); // NAL header
  const profile = reader.bits(8);
  reader.bits(16); // constraint flags, level
  reader.unsigned(); // seq_parameter_set_id
  if (HIGH_PROFILES.has(profile)) skipHighProfile(reader);
  reader.unsigned(); // log2_max_frame_num_minus4
  const orderType = reader.unsigned(); // pic_order_cnt_type
  if (orderType === 0) reader.unsigned();
  else if (orderType === 1) {
    reader.bits(1);
    reader.signed();
    reader.signed();
    for (let cycle = Math.min(255, reader.unsigned()); cycle > 0; cycle--) reader.signed();
  }
  reader.unsigned(); // max_num_ref_frames
  reader.bits(1); // gaps_in_frame_num_value_allowed_flag
  const width = 16 * (reader.unsigned() + 1);
  const mapUnits = reader.unsigned() + 1;
  const framesOnly = reader.bits(1) === 1;
  return { width, height: 16 * mapUnits * (framesOnly ? 1 : 2), framesOnly };
}

/** Width and height in luma samples, before cropping. */
function h265SpsSize(nal: Uint8Array): CodedSize {
  const reader = new BitReader(nal);
  reader.bits(20); // NAL header, sps_video_parameter_set_id
  const layers = reader.bits(3);
  reader.bits(1); // sps_temporal_id_nesting_flag
  reader.bits(96); // general profile, tier and level
  const present = Array.from({ length: layers }, () => [reader.bits(1), reader.bits(1)] as const);
  if (layers > 0) reader.bits(2 * (8 - layers));
  for (const [profile, level] of present) reader.bits(88 * profile + 8 * level);
  reader.unsigned(); // sps_seq_parameter_set_id
  if (reader.unsigned() === 3) reader.bits(1); // chroma_format_idc, separate_colour_plane_flag
  return { width: reader.unsigned(), height: reader.unsigned() };
}

function skipHighProfile(reader: BitReader): void {
  const chroma = reader.unsigned(); // chroma_format_idc
  if (chroma === 3) reader.bits(1);
  reader.unsigned(); // bit_depth_luma_minus8
  reader.unsigned(); // bit_depth_chroma_minus8
  reader.bits(1); // qpprime_y_zero_transform_bypass_flag
  if (!reader.bits(1)) return; // seq_scaling_matrix_present_flag
  for (let list = 0; list < (chroma === 3 ? 12 : 8); list++) {
    if (!reader.bits(1)) continue;
    let last = 8;
    let next = 8;
    for (let i = 0; i < (list < 6 ? 16 : 64); i++) {
      if (next !== 0) next = (last + reader.signed() + 256) & 255;
      if (next !== 0) last = next;
    }
  }
}
