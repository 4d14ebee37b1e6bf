import { BitReader, nalUnits, readSpsHead } from './bitstream.ts';

const NAL_SPS = 7;
const EXTENDED_SAR = 255;
/** num_units_in_tick, time_scale, fixed_frame_rate_flag. */
const TIMING_BITS = 65;

/**
 * A keyframe of H.264 in Annex B form whose sequence parameter set promises no frame rate (timing_info of ITU-T H.264, E.1.1). x264
 * without delay promises a fixed one, and receivers believe that: FFmpeg waits until it has seen seven seconds of frames of that rate, which at four a second in
 * place of thirty takes most of a minute. What holds none, or no promise, is given back as it is.
 */
export function untimed(data: Uint8Array): Uint8Array {
  for (const nal of nalUnits(data)) {
    if ((nal[0]! & 31) !== NAL_SPS) continue;
    const rewritten = withoutTiming(nal);
    if (!rewritten) return data;
    const start = nal.byteOffset - data.byteOffset;
    const zeros = nal.length - lastByte(nal);
    return Buffer.concat([data.subarray(0, start), rewritten, data.subarray(start + nal.length - zeros)]);
  }
  return data;
}

/** The length of a NAL unit without the zeros that may follow it. */
function lastByte(nal: Uint8Array): number {
  let length = nal.length;
  while (length > 0 && nal[length - 1] === 0) length--;
  return length;
}

function withoutTiming(nal: Uint8Array): Uint8Array | undefined {
  const reader = new BitReader(nal.subarray(0, lastByte(nal)));
  const { framesOnly } = readSpsHead(reader);
  if (!framesOnly) reader.bits(1); // mb_adaptive_frame_field_flag
  reader.bits(1); // direct_8x8_inference_flag
  if (reader.bits(1)) for (let i = 0; i < 4; i++) reader.unsigned(); // frame_crop offsets
  if (!reader.bits(1)) return undefined; // vui_parameters_present_flag
  if (reader.bits(1) && reader.bits(8) === EXTENDED_SAR) reader.bits(32); // aspect_ratio_idc, sar
  if (reader.bits(1)) reader.bits(1); // overscan
  if (reader.bits(1)) {
    reader.bits(4); // video_format, video_full_range_flag
    if (reader.bits(1)) reader.bits(24); // colour description
  }
  if (reader.bits(1)) {
    reader.unsigned(); // chroma sample locations
    reader.unsigned();
  }
  const at = reader.position;
  if (!reader.bits(1)) return undefined; // timing_info_present_flag
  const { bytes } = reader;
  const bit = (n: number) => (bytes[n >> 3]! >> (7 - (n & 7))) & 1;
  let end = 8 * bytes.length;
  while (end > 0 && bit(end - 1) === 0) end--;
  const kept = [...range(0, at).map(bit), 0, ...range(at + 1 + TIMING_BITS, end).map(bit)];
  const payload = new Uint8Array(Math.ceil(kept.length / 8));
  for (const [n, value] of kept.entries()) payload[n >> 3]! |= value << (7 - (n & 7));
  return escaped(payload);
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** With emulation prevention (7.4.1). */
function escaped(payload: Uint8Array): Uint8Array {
  const bytes: number[] = [];
  let zeros = 0;
  for (const byte of payload) {
    if (zeros >= 2 && byte <= 3) {
      bytes.push(3);
      zeros = 0;
    }
    bytes.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(bytes);
}
