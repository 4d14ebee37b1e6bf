import { expGolomb, type NalSyntax, nalFormat } from './nal-units.ts';
import type { Start } from './payload-format.ts';

// H.265 over RTP (RFC 7798), without decoding order numbers (sprop-max-don-diff 0). NAL unit types: ITU-T H.265, table 7-1.
const FIRST_IRAP = 16;
const LAST_IRAP = 23;
const LAST_PICTURE = 31;
const VPS = 32;
const SPS = 33;
const PPS = 34;
const AUD = 35;
const FILLER = 38;
const PREFIX_SEI = 39;
const SUFFIX_SEI = 40;
const AGGREGATION = 48;
const FRAGMENT = 49;

const isIrap = (type: number): boolean => type >= FIRST_IRAP && type <= LAST_IRAP;

const SYNTAX: NalSyntax = {
  headerBytes: 2,
  typeOf: (header) => (header[0]! >> 1) & 0x3f,
  aggregation: AGGREGATION,
  fragment: FRAGMENT,
  isSingle: (type) => type < AGGREGATION,
  parameterSets: [VPS, SPS, PPS],
  setId: (unit) => {
    const type = (unit[0]! >> 1) & 0x3f;
    // The id of a sequence parameter set stands behind its profiles; senders use one.
    return type === VPS ? unit[2]! >> 4 : type === PPS ? expGolomb(unit, 2) : 0;
  },
  delimiter: AUD,
  isBeside: (type) => type >= FILLER && type <= SUFFIX_SEI,
  isPicture: (type) => type <= LAST_PICTURE,
  isKeyframe: isIrap,
  // 7.4.2.4.4; first_slice_segment_in_pic_flag is the first bit behind the header.
  start: (type, content): Start => {
    if (type === VPS || type === AUD) return 'sure';
    if (type === SPS || type === PPS || type === PREFIX_SEI || (type >= 41 && type <= 44)) return 'maybe';
    return type <= LAST_PICTURE && content & 0x80 ? 'maybe' : undefined;
  },
};

export const h265Format = nalFormat(SYNTAX, undefined);
