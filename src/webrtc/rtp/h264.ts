import { expGolomb, type NalSyntax, nalFormat } from './nal-units.ts';
import type { Emit, Start } from './payload-format.ts';

// H.264 over RTP (RFC 6184), packetization modes 0 and 1.
const NAL_IDR = 5;
const NAL_SEI = 6;
const NAL_SPS = 7;
const NAL_PPS = 8;
const NAL_AUD = 9;
const NAL_FILLER = 12;
const STAP_A = 24;
const FU_A = 28;
const SHORT_START_CODE = Buffer.from([0, 0, 1]);

const SYNTAX: NalSyntax = {
  headerBytes: 1,
  typeOf: (header) => header[0]! & 0x1f,
  aggregation: STAP_A,
  fragment: FU_A,
  // Interleaved modes and MTAPs are not negotiated.
  isSingle: (type) => type >= 1 && type <= 23,
  parameterSets: [NAL_SPS, NAL_PPS],
  // seq_parameter_set_id follows three bytes of profile and level, pic_parameter_set_id the NAL header.
  setId: (unit) => expGolomb(unit, (unit[0]! & 0x1f) === NAL_SPS ? 4 : 1),
  delimiter: NAL_AUD,
  isBeside: (type) => type === NAL_SEI || type === NAL_FILLER,
  // Slices and partitions (RFC 6184 table 1).
  isPicture: (type) => type >= 1 && type <= NAL_IDR,
  isKeyframe: (type) => type === NAL_IDR,
  // 7.4.1.2.3. first_mb_in_slice 0 is a single 1 bit; partitions B and C belong to a slice that came before.
  start: (type, content): Start => {
    if (type === NAL_SPS || type === NAL_AUD) return 'sure';
    if (type === NAL_SEI || type === NAL_PPS || (type >= 14 && type <= 18)) return 'maybe';
    return (type === 1 || type === 2 || type === NAL_IDR) && content & 0x80 ? 'maybe' : undefined;
  },
};

export const h264Format = nalFormat(SYNTAX, (frame, _pictureId, maxPayload, emit) =>
  packetizeH264(frame, maxPayload, emit),
);

/** The NAL units of an Annex B stream, without start codes and trailing zeros. */
export function splitAnnexB(data: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  let start = -1;
  const close = (end: number) => {
    if (start < 0) return;
    let last = end;
    while (last > start && bytes[last - 1] === 0) last--;
    if (last > start) units.push(bytes.subarray(start, last));
  };
  for (let at = bytes.indexOf(SHORT_START_CODE); at >= 0; at = bytes.indexOf(SHORT_START_CODE, at + 3)) {
    close(at);
    start = at + 3;
  }
  close(bytes.length);
  return units;
}

/**
 * Cuts an access unit in Annex B form into single NAL unit and FU-A payloads; `emit` as in packetizeVp8.
 * Access unit delimiters are left out.
 */
export function packetizeH264(accessUnit: Uint8Array, maxPayload: number, emit: Emit): void {
  const units = splitAnnexB(accessUnit).filter((unit) => (unit[0]! & 0x1f) !== NAL_AUD);
  for (const [index, unit] of units.entries()) {
    const lastUnit = index === units.length - 1;
    if (unit.length <= maxPayload) {
      emit(unit.length, lastUnit, (target, at) => target.set(unit, at));
      continue;
    }
    const body = unit.subarray(1);
    const count = Math.ceil(body.length / (maxPayload - 2));
    for (let i = 0; i < count; i++) {
      const start = Math.floor((body.length * i) / count);
      const end = Math.floor((body.length * (i + 1)) / count);
      const last = i === count - 1;
      emit(2 + end - start, lastUnit && last, (target, at) => {
        target[at] = (unit[0]! & 0xe0) | FU_A;
        target[at + 1] = (i === 0 ? 0x80 : 0) | (last ? 0x40 : 0) | (unit[0]! & 0x1f);
        target.set(body.subarray(start, end), at + 2);
      });
    }
  }
}
