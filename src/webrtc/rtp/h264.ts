import { join } from './packet.ts';

// H.264 over RTP (RFC 6184), packetization modes 0 and 1.
export const NAL_IDR = 5;
const NAL_SEI = 6;
export const NAL_SPS = 7;
export const NAL_PPS = 8;
const NAL_AUD = 9;
const STAP_A = 24;
const FU_A = 28;
const START_CODE = Buffer.from([0, 0, 0, 1]);
const SHORT_START_CODE = START_CODE.subarray(1);
const MAX_PARAMETER_SET_BYTES = 1024;
const MAX_PARAMETER_SETS = 16;

/**
 * Whether a payload stands at the beginning of an access unit (ITU-T H.264, 7.4.1.2.3). `sure`: nothing of the same unit
 * precedes it that a decoder needs. `maybe`: it begins one unless packets just before it were lost: a picture parameter
 * set, SEI, a prefix NAL unit, or a slice with first_mb_in_slice 0, whose Exp-Golomb code is a single 1 bit.
 */
export function h264AccessUnitStart(payload: Uint8Array): 'sure' | 'maybe' | undefined {
  const outer = payload[0]! & 0x1f;
  if (outer === FU_A) return ((payload[1] ?? 0) & 0x80) === 0 ? undefined : nalStart(payload[1]! & 0x1f, payload[2]);
  if (outer === STAP_A) return nalStart((payload[3] ?? 0) & 0x1f, payload[4]);
  return nalStart(outer, payload[1]);
}

function nalStart(type: number, afterHeader = 0): 'sure' | 'maybe' | undefined {
  if (type === NAL_SPS || type === NAL_AUD) return 'sure';
  if (type === NAL_SEI || type === NAL_PPS || (type >= 14 && type <= 18)) return 'maybe';
  return type >= 1 && type <= NAL_IDR && type !== 3 && type !== 4 && afterHeader & 0x80 ? 'maybe' : undefined;
}

/** Whether an access unit with an IDR picture begins with this payload, as far as the payload itself tells. */
export function beginsIdr(payload: Uint8Array): boolean {
  if (h264AccessUnitStart(payload) === undefined) return false;
  return carriesIdr(payload) || carries(payload, NAL_SPS);
}

/** Whether a payload carries an IDR slice, whole or in part. */
export function carriesIdr(payload: Uint8Array): boolean {
  return carries(payload, NAL_IDR);
}

/** Whether a payload carries a NAL unit of this type, whole or in part. */
function carries(payload: Uint8Array, wanted: number): boolean {
  const type = payload[0]! & 0x1f;
  if (type === wanted) return true;
  if (type === FU_A) return (payload[1]! & 0x1f) === wanted;
  if (type !== STAP_A) return false;
  for (let at = 1; at + 3 <= payload.length; at += 2 + ((payload[at]! << 8) | payload[at + 1]!)) {
    if ((payload[at + 2]! & 0x1f) === wanted) return true;
  }
  return false;
}

interface Progress {
  delimiter: Buffer[];
  sps: Buffer[];
  pps: Buffer[];
  /** The others, start codes included. */
  rest: Buffer[];
  picture: boolean;
  keyframe: boolean;
  /** A fragmented unit that has not ended. */
  fragments: Buffer[] | undefined;
}

/**
 * Puts the payloads of one access unit together in Annex B form, parameter sets first. Remembers these, and adds them to
 * keyframes that come without: decoders joined midway need them.
 */
export class H264Depacketizer {
  /** By NAL unit type and id; the oldest go first. */
  readonly #parameterSets = new Map<string, Buffer>();
  /** Keyframes whose parameter sets were not known. */
  withoutParameterSets = 0;

  /** @param parameterSets base64, from the SDP */
  constructor(parameterSets: readonly string[] = []) {
    for (const set of parameterSets.slice(0, MAX_PARAMETER_SETS)) this.#remember(Buffer.from(set, 'base64'));
  }

  /**
   * @returns undefined where the payloads make no valid access unit, or a keyframe whose parameter sets are not known; no
   *   data where it holds no picture, only parameter sets and the like
   */
  assemble(payloads: readonly Buffer[]): { data: Buffer; keyframe: boolean } | undefined {
    const unit: Progress = {
      delimiter: [],
      sps: [],
      pps: [],
      rest: [],
      picture: false,
      keyframe: false,
      fragments: undefined,
    };
    for (const payload of payloads) if (!this.#append(payload, unit)) return undefined;
    if (unit.fragments) return undefined;
    const { delimiter, sps, pps, rest, picture, keyframe } = unit;
    if (sps.length + pps.length + rest.length + delimiter.length === 0) return undefined;
    if (!picture) return { data: Buffer.alloc(0), keyframe: false };
    if (keyframe) {
      if (sps.length === 0) sps.push(...this.#remembered(NAL_SPS));
      if (pps.length === 0) pps.push(...this.#remembered(NAL_PPS));
      if (sps.length === 0 || pps.length === 0) {
        this.withoutParameterSets++;
        return undefined;
      }
    }
    const sets = [...delimiter, ...sps, ...pps].flatMap((set) => [START_CODE, set]);
    return { data: join([...sets, ...rest]), keyframe };
  }

  #append(payload: Buffer, unit: Progress): boolean {
    const type = payload[0]! & 0x1f;
    if ((unit.fragments !== undefined) !== (type === FU_A && payload.length > 1 && (payload[1]! & 0x80) === 0))
      return false;
    if (type === FU_A) {
      if (payload.length < 3) return false;
      unit.fragments ??= [Buffer.from([(payload[0]! & 0xe0) | (payload[1]! & 0x1f)])];
      unit.fragments.push(payload.subarray(2));
      if (payload[1]! & 0x40) {
        this.#unit(unit.fragments, unit);
        unit.fragments = undefined;
      }
      return true;
    }
    if (type === STAP_A) {
      for (let at = 1; at < payload.length; ) {
        if (at + 2 > payload.length) return false;
        const end = at + 2 + payload.readUInt16BE(at);
        if (end > payload.length || end === at + 2) return false;
        this.#unit([payload.subarray(at + 2, end)], unit);
        at = end;
      }
      return true;
    }
    // Interleaved modes and MTAPs are not negotiated.
    if (type === 0 || type > 23) return false;
    this.#unit([payload], unit);
    return true;
  }

  /** @param parts of one NAL unit */
  #unit(parts: readonly Buffer[], unit: Progress): void {
    const type = parts[0]![0]! & 0x1f;
    // Slices and partitions (RFC 6184 table 1).
    unit.picture ||= type >= 1 && type <= NAL_IDR;
    unit.keyframe ||= type === NAL_IDR;
    if (type === NAL_SPS || type === NAL_PPS) {
      const set = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      this.#remember(set);
      (type === NAL_SPS ? unit.sps : unit.pps).push(set);
    } else if (type === NAL_AUD) unit.delimiter = [...parts];
    else unit.rest.push(START_CODE, ...parts);
  }

  #remembered(type: number): Buffer[] {
    return [...this.#parameterSets].filter(([key]) => key.startsWith(`${type}:`)).map(([, set]) => set);
  }

  #remember(set: Buffer): void {
    const type = (set[0] ?? 0) & 0x1f;
    if (set.length < 4 || set.length > MAX_PARAMETER_SET_BYTES || (type !== NAL_SPS && type !== NAL_PPS)) return;
    // seq_parameter_set_id follows three bytes of profile and level, pic_parameter_set_id the NAL header.
    const key = `${type}:${expGolomb(set, type === NAL_SPS ? 4 : 1)}`;
    this.#parameterSets.delete(key);
    if (this.#parameterSets.size >= MAX_PARAMETER_SETS)
      this.#parameterSets.delete(this.#parameterSets.keys().next().value!);
    this.#parameterSets.set(key, Buffer.from(set));
  }
}

/** The ue(v) at a byte (ITU-T H.264, 9.1), as far as ids of parameter sets go. */
function expGolomb(data: Uint8Array, at: number): number {
  const bits = ((data[at] ?? 0) << 24) | ((data[at + 1] ?? 0) << 16) | ((data[at + 2] ?? 0) << 8);
  const zeros = Math.min(11, Math.clz32(bits));
  return (bits >>> (31 - 2 * zeros)) - 1;
}

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
export function packetizeH264(
  accessUnit: Uint8Array,
  maxPayload: number,
  emit: (size: number, last: boolean, write: (target: Buffer, at: number) => void) => void,
): void {
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
