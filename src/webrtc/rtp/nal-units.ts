import { join } from './packet.ts';
import type { PayloadFormat, Start } from './payload-format.ts';

// What RTP payloads of H.264 (RFC 6184) and H.265 (RFC 7798) have in common: NAL units alone, several in one payload, or
// one in several.

const START_CODE = Buffer.from([0, 0, 0, 1]);
const MAX_PARAMETER_SET_BYTES = 1024;
const MAX_PARAMETER_SETS = 16;

/** How one codec writes NAL units. */
export interface NalSyntax {
  headerBytes: number;
  /** Of a NAL unit's header, or of a payload's, which has the same form. */
  typeOf(header: Uint8Array): number;
  /** Payload types: several units in one, one in several; others up to this are single units. */
  aggregation: number;
  fragment: number;
  isSingle(type: number): boolean;
  /** Types of parameter sets, in the order in which decoders need them. */
  parameterSets: readonly number[];
  /** The id of a parameter set, as far as it tells sets of one type apart. */
  setId(unit: Buffer): number;
  delimiter: number;
  /** Types that no picture needs, and that a decoder which is strict about damage would stumble over. */
  isBeside(type: number): boolean;
  isPicture(type: number): boolean;
  isKeyframe(type: number): boolean;
  /** Where a unit of this type, whose content begins with this byte, may begin an access unit. */
  start(type: number, content: number): Start;
}

/** The first unit in a payload: its type and its first byte behind the header; undefined in the middle of a unit. */
function firstUnit(syntax: NalSyntax, payload: Uint8Array): { type: number; content: number } | undefined {
  const { headerBytes } = syntax;
  const type = syntax.typeOf(payload);
  if (type === syntax.fragment) {
    const fragment = payload[headerBytes] ?? 0;
    return fragment & 0x80
      ? { type: fragmentType(syntax, fragment), content: payload[headerBytes + 1] ?? 0 }
      : undefined;
  }
  if (type !== syntax.aggregation) return { type, content: payload[headerBytes] ?? 0 };
  const unit = payload.subarray(headerBytes + 2);
  return unit.length === 0 ? undefined : { type: syntax.typeOf(unit), content: unit[headerBytes] ?? 0 };
}

/** The fragment header's low bits hold the type as the NAL header would: 5 bits in H.264, 6 in H.265. */
const fragmentType = ({ headerBytes }: NalSyntax, fragment: number): number =>
  fragment & (headerBytes === 1 ? 0x1f : 0x3f);

/** Whether an access unit may begin with this payload. */
function startOf(syntax: NalSyntax, payload: Uint8Array): Start {
  const unit = firstUnit(syntax, payload);
  return unit && syntax.start(unit.type, unit.content);
}

/** The types of the units that a payload carries, whole or in part. */
function* unitTypes(syntax: NalSyntax, payload: Uint8Array): Generator<number> {
  const { headerBytes } = syntax;
  const type = syntax.typeOf(payload);
  if (type === syntax.fragment) yield fragmentType(syntax, payload[headerBytes] ?? 0);
  else if (type !== syntax.aggregation) yield type;
  else
    for (let at = headerBytes; at + 2 < payload.length; at += 2 + ((payload[at]! << 8) | payload[at + 1]!))
      yield syntax.typeOf(payload.subarray(at + 2));
}

/** Whether a keyframe begins here, as far as this payload tells. */
function opensKeyframe(syntax: NalSyntax, payload: Uint8Array): 'yes' | 'perhaps' | undefined {
  if (startOf(syntax, payload) === undefined) return undefined;
  let pictures = false;
  for (const type of unitTypes(syntax, payload)) {
    if (syntax.isKeyframe(type) || syntax.parameterSets[syntax.parameterSets.length - 2] === type) return 'yes';
    pictures ||= syntax.isPicture(type);
  }
  return pictures ? undefined : 'perhaps';
}

/** The payload format of a codec that writes NAL units; `packetize` where this server sends it. */
export const nalFormat = (syntax: NalSyntax, packetize: PayloadFormat['packetize']): PayloadFormat => ({
  start: (payload) => startOf(syntax, payload),
  opensKeyframe: (payload) => opensKeyframe(syntax, payload),
  carriesKeyframe: (payload) => [...unitTypes(syntax, payload)].some(syntax.isKeyframe),
  depacketizer: (parameterSets) => new NalDepacketizer(syntax, parameterSets),
  packetize,
});

interface AccessUnit {
  delimiter: Buffer[];
  /** By type. */
  sets: Map<number, Buffer[]>;
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
class NalDepacketizer {
  /** Keyframes whose parameter sets were not known. */
  withoutParameterSets = 0;
  readonly #syntax: NalSyntax;
  /** By type and id; the oldest go first. */
  readonly #known = new Map<string, { type: number; set: Buffer }>();

  /** @param parameterSets base64, from the SDP */
  constructor(syntax: NalSyntax, parameterSets: readonly string[] = []) {
    this.#syntax = syntax;
    for (const set of parameterSets.slice(0, MAX_PARAMETER_SETS)) this.#remember(Buffer.from(set, 'base64'));
  }

  /**
   * @returns undefined where the payloads make no valid access unit, or a keyframe whose parameter sets are not known; no
   *   data where it holds no picture, only parameter sets and the like
   */
  assemble(payloads: readonly Buffer[]): { data: Buffer; keyframe: boolean } | undefined {
    const unit: AccessUnit = {
      delimiter: [],
      sets: new Map(this.#syntax.parameterSets.map((type) => [type, []])),
      rest: [],
      picture: false,
      keyframe: false,
      fragments: undefined,
    };
    for (const payload of payloads) if (!this.#append(payload, unit)) return undefined;
    if (unit.fragments || payloads.length === 0) return undefined;
    if (!unit.picture) return { data: Buffer.alloc(0), keyframe: false };
    if (unit.keyframe && !this.#complete(unit)) {
      this.withoutParameterSets++;
      return undefined;
    }
    const first = [...unit.delimiter, ...[...unit.sets.values()].flat()].flatMap((set) => [START_CODE, set]);
    return { data: join([...first, ...unit.rest]), keyframe: unit.keyframe };
  }

  #append(payload: Buffer, unit: AccessUnit): boolean {
    const { headerBytes, typeOf, fragment, aggregation, isSingle } = this.#syntax;
    if (payload.length <= headerBytes)
      return payload.length === headerBytes && isSingle(typeOf(payload)) && !unit.fragments;
    const type = typeOf(payload);
    const continues = type === fragment && (payload[headerBytes]! & 0x80) === 0;
    if ((unit.fragments !== undefined) !== continues) return false;
    if (type === fragment) return this.#appendFragment(payload, unit);
    if (type !== aggregation) {
      if (!isSingle(type)) return false;
      this.#unit([payload], unit);
      return true;
    }
    for (let at = headerBytes; at < payload.length; ) {
      if (at + 2 > payload.length) return false;
      const end = at + 2 + payload.readUInt16BE(at);
      if (end > payload.length || end < at + 2 + headerBytes) return false;
      this.#unit([payload.subarray(at + 2, end)], unit);
      at = end;
    }
    return true;
  }

  #appendFragment(payload: Buffer, unit: AccessUnit): boolean {
    const { headerBytes } = this.#syntax;
    const head = payload[headerBytes]!;
    // A fragment may be empty (RFC 6184 section 5.8).
    unit.fragments ??= [unitHeader(this.#syntax, payload, fragmentType(this.#syntax, head))];
    unit.fragments.push(payload.subarray(headerBytes + 1));
    if (head & 0x40) {
      this.#unit(unit.fragments, unit);
      unit.fragments = undefined;
    }
    return true;
  }

  /** @param parts of one NAL unit */
  #unit(parts: readonly Buffer[], unit: AccessUnit): void {
    const { typeOf, isPicture, isKeyframe, delimiter } = this.#syntax;
    const type = typeOf(parts[0]!);
    unit.picture ||= isPicture(type);
    unit.keyframe ||= isKeyframe(type);
    const sets = unit.sets.get(type);
    if (sets) {
      const set = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      this.#remember(set);
      sets.push(set);
    } else if (type === delimiter) unit.delimiter = [...parts];
    else if (!this.#syntax.isBeside(type)) unit.rest.push(START_CODE, ...parts);
  }

  /** Adds what is known of the parameter sets that a keyframe comes without. */
  #complete({ sets }: AccessUnit): boolean {
    let complete = true;
    for (const [type, given] of sets) {
      if (given.length === 0) for (const known of this.#known.values()) if (known.type === type) given.push(known.set);
      complete &&= given.length > 0;
    }
    return complete;
  }

  #remember(set: Buffer): void {
    const { headerBytes, typeOf, parameterSets, setId } = this.#syntax;
    if (set.length < headerBytes + 2 || set.length > MAX_PARAMETER_SET_BYTES) return;
    const type = typeOf(set);
    if (!parameterSets.includes(type)) return;
    const key = `${type}:${setId(set)}`;
    this.#known.delete(key);
    if (this.#known.size >= MAX_PARAMETER_SETS) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(key, { type, set: Buffer.from(set) });
  }
}

/** The header of a unit that came in fragments: that of the payloads, with the unit's own type. */
function unitHeader({ headerBytes }: NalSyntax, payload: Buffer, type: number): Buffer {
  if (headerBytes === 1) return Buffer.from([(payload[0]! & 0xe0) | type]);
  return Buffer.from([(payload[0]! & 0x81) | (type << 1), payload[1]!]);
}

/** The ue(v) that begins at a bit (ITU-T H.264, 9.1), as far as ids of parameter sets go. */
export function expGolomb(data: Uint8Array, at: number, bit = 0): number {
  const word = ((data[at] ?? 0) << 24) | ((data[at + 1] ?? 0) << 16) | ((data[at + 2] ?? 0) << 8) | (data[at + 3] ?? 0);
  const bits = word << bit;
  const zeros = Math.min(10, Math.clz32(bits));
  return (bits >>> (31 - 2 * zeros)) - 1;
}
