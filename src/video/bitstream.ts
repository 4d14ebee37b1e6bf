import type { VideoCodec } from './types.ts';

/** H.264 NAL unit types (ITU-T H.264, table 7-1). */
const NAL_SLICE = 1;
const NAL_IDR = 5;
const NAL_SPS = 7;
/** Profiles whose sequence parameter set describes chroma and scaling lists (7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

export interface CodedSize {
  width: number;
  height: number;
}

/**
 * Size that a compressed picture declares, before anything is decoded or allocated; undefined where it declares none.
 * VP8: in the keyframe header (RFC 6386, 9.1). H.264: in the sequence parameter set, in whole macroblocks.
 */
export function codedSize(codec: VideoCodec, data: Uint8Array): CodedSize | undefined {
  if (codec === 'VP8') return vp8Size(data);
  for (const nal of nalUnits(data)) if ((nal[0]! & 31) === NAL_SPS) return spsSize(nal);
  return undefined;
}

/** Whether an Annex B access unit holds picture data, not only parameter sets and the like. */
export function hasSlice(data: Uint8Array): boolean {
  for (const nal of nalUnits(data)) {
    const type = nal[0]! & 31;
    if (type >= NAL_SLICE && type <= NAL_IDR) return true;
  }
  return false;
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

function vp8Size(data: Uint8Array): CodedSize | undefined {
  if (data.length < 10 || data[0]! & 1) return undefined;
  if (data[3] !== 0x9d || data[4] !== 0x01 || data[5] !== 0x2a) return undefined;
  return { width: (data[6]! | (data[7]! << 8)) & 0x3fff, height: (data[8]! | (data[9]! << 8)) & 0x3fff };
}

/** Reads bits and Exp-Golomb codes (9.1) of a NAL unit, skipping emulation prevention bytes; zeros past the end. */
class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(nal: Uint8Array) {
    // Parameter sets are short; a bound keeps a hostile one short too.
    const payload: number[] = [];
    for (let i = 0; i < nal.length && payload.length < 1024; i++)
      if (!(i >= 2 && nal[i] === 3 && nal[i - 1] === 0 && nal[i - 2] === 0)) payload.push(nal[i]!);
    this.#bytes = Uint8Array.from(payload);
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
  const reader = new BitReader(nal);
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
  return { width, height: 16 * mapUnits * (2 - reader.bits(1)) };
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
