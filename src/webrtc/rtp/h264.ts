import { join } from './packet.ts';

// H.264 over RTP (RFC 6184), packetization mode 1.
export const NAL_IDR = 5;
export const NAL_SPS = 7;
export const NAL_PPS = 8;
const NAL_AUD = 9;
const STAP_A = 24;
const FU_A = 28;
const START_CODE = Buffer.from([0, 0, 0, 1]);
const SHORT_START_CODE = START_CODE.subarray(1);
const MAX_PARAMETER_SET_BYTES = 1024;
const MAX_PARAMETER_SETS = 8;

/** Whether a payload can only stand at the beginning of an access unit. */
export function beginsH264AccessUnit(payload: Uint8Array): boolean {
  const type = payload[0]! & 0x1f;
  const first = type === STAP_A ? payload[3]! & 0x1f : type;
  return first === NAL_SPS || first === NAL_AUD;
}

/** Whether a payload carries an IDR slice, whole or in part. */
export function carriesIdr(payload: Uint8Array): boolean {
  const type = payload[0]! & 0x1f;
  if (type === NAL_IDR) return true;
  if (type === FU_A) return (payload[1]! & 0x1f) === NAL_IDR;
  if (type !== STAP_A) return false;
  for (let at = 1; at + 3 <= payload.length; at += 2 + ((payload[at]! << 8) | payload[at + 1]!)) {
    if ((payload[at + 2]! & 0x1f) === NAL_IDR) return true;
  }
  return false;
}

interface Progress {
  picture: boolean;
  keyframe: boolean;
  parameterSets: boolean;
  /** In the middle of a fragmented unit. */
  fragment: boolean;
}

/**
 * Puts the payloads of one access unit together in Annex B form. Remembers parameter sets, and adds them to keyframes
 * that come without: decoders joined midway need them.
 */
export class H264Depacketizer {
  readonly #parameterSets = new Map<number, Buffer>();

  /** @param parameterSets base64, from the SDP */
  constructor(parameterSets: readonly string[] = []) {
    for (const set of parameterSets.slice(0, MAX_PARAMETER_SETS)) this.#remember(Buffer.from(set, 'base64'));
  }

  /**
   * @returns undefined where the payloads make no valid access unit; no data where it holds no picture, only parameter
   *   sets and the like
   */
  assemble(payloads: readonly Buffer[]): { data: Buffer; keyframe: boolean } | undefined {
    const parts: Buffer[] = [];
    const state: Progress = { picture: false, keyframe: false, parameterSets: false, fragment: false };
    for (const payload of payloads) if (!this.#append(payload, parts, state)) return undefined;
    if (state.fragment || parts.length === 0) return undefined;
    if (!state.picture) return { data: Buffer.alloc(0), keyframe: false };
    if (state.keyframe && !state.parameterSets) {
      const sets = [this.#parameterSets.get(NAL_SPS), this.#parameterSets.get(NAL_PPS)];
      parts.unshift(...sets.flatMap((set) => (set ? [START_CODE, set] : [])));
    }
    return { data: join(parts), keyframe: state.keyframe };
  }

  #append(payload: Buffer, parts: Buffer[], state: Progress): boolean {
    const type = payload[0]! & 0x1f;
    if (state.fragment !== (type === FU_A && payload.length > 1 && (payload[1]! & 0x80) === 0)) return false;
    if (type === FU_A) {
      if (payload.length < 3) return false;
      if (payload[1]! & 0x80) {
        this.#note(payload[1]! & 0x1f, undefined, state);
        parts.push(START_CODE, Buffer.from([(payload[0]! & 0xe0) | (payload[1]! & 0x1f)]));
      }
      parts.push(payload.subarray(2));
      state.fragment = (payload[1]! & 0x40) === 0;
      return true;
    }
    if (type === STAP_A) {
      for (let at = 1; at < payload.length; ) {
        if (at + 2 > payload.length) return false;
        const end = at + 2 + payload.readUInt16BE(at);
        if (end > payload.length || end === at + 2) return false;
        this.#unit(payload.subarray(at + 2, end), parts, state);
        at = end;
      }
      return true;
    }
    // Interleaved modes and MTAPs are not negotiated.
    if (type === 0 || type > 23) return false;
    this.#unit(payload, parts, state);
    return true;
  }

  #unit(unit: Buffer, parts: Buffer[], state: Progress): void {
    this.#note(unit[0]! & 0x1f, unit, state);
    parts.push(START_CODE, unit);
  }

  #note(type: number, unit: Buffer | undefined, state: Progress): void {
    // Slices and partitions (RFC 6184 table 1).
    state.picture ||= type >= 1 && type <= NAL_IDR;
    if (type === NAL_IDR) state.keyframe = true;
    else if (type === NAL_SPS || type === NAL_PPS) {
      state.parameterSets ||= type === NAL_SPS;
      if (unit) this.#remember(unit);
    }
  }

  #remember(unit: Buffer): void {
    const type = (unit[0] ?? 0) & 0x1f;
    if (unit.length < 4 || unit.length > MAX_PARAMETER_SET_BYTES || (type !== NAL_SPS && type !== NAL_PPS)) return;
    // One set of each kind is what encoders send; ids beyond it would need Exp-Golomb parsing for no gain.
    this.#parameterSets.set(type, Buffer.from(unit));
  }
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
