import type { VideoCodec } from '../../codecs.ts';

/** Format parameters of an offered codec (a=fmtp), names in lower case. */
type FormatParameters = ReadonlyMap<string, string>;

/** How one codec is negotiated: what of the offered variants to take, and what the answer says of it. */
interface CodecRules {
  /** The best of the variants that can be received, or undefined. */
  choose(offered: readonly FormatParameters[]): FormatParameters | undefined;
  /** Format parameters for the answer, '' without. */
  answer(chosen: FormatParameters): string;
  /** Whether we can send this variant, too. */
  sendable(chosen: FormatParameters): boolean;
  /** Parameter sets that the offer brings, base64. */
  parameterSets(chosen: FormatParameters): string[];
  /** What an offer needs so that we can send it; undefined where we never do. */
  toSend: string | undefined;
  /** What an offer needs so that we can receive it; undefined where every variant will do. */
  toReceive?: string;
}

/** RFC 6184 section 8.1: absent means constrained baseline of level 1, and single NAL unit mode. */
const h264 = {
  mode: (parameters: FormatParameters) => parameters.get('packetization-mode') ?? '0',
  profile: (parameters: FormatParameters) => (parameters.get('profile-level-id') ?? '42e01f').toLowerCase(),
};

const receivedOnly = {
  sendable: () => false,
  parameterSets: (): string[] => [],
  toSend: undefined,
};

export const CODEC_RULES: Record<VideoCodec, CodecRules> = {
  VP8: {
    choose: (offered) => offered[0],
    answer: () => '',
    sendable: () => true,
    parameterSets: () => [],
    toSend: 'VP8',
  },
  // Mode 1 before mode 0, constrained baseline before baseline before the others.
  H264: {
    choose: (offered) => {
      const known = offered.filter((parameters) => ['0', '1'].includes(h264.mode(parameters)));
      const rank = (parameters: FormatParameters) =>
        (h264.mode(parameters) === '1' ? 0 : 3) +
        (h264.profile(parameters).startsWith('42e0') ? 0 : h264.profile(parameters).startsWith('42') ? 1 : 2);
      return known.toSorted((a, b) => rank(a) - rank(b))[0];
    },
    answer: (chosen) => {
      const level = /^[0-9a-f]{6}$/.exec(h264.profile(chosen))?.[0] ?? '42e01f';
      const mode = h264.mode(chosen);
      return `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${level}`;
    },
    sendable: (chosen) => h264.mode(chosen) === '1' && h264.profile(chosen).startsWith('42'),
    parameterSets: (chosen) => (chosen.get('sprop-parameter-sets') ?? '').split(',').filter((set) => set !== ''),
    toSend: 'H264 with packetization-mode=1 and a baseline profile (42....)',
    toReceive: 'H264 with packetization-mode 0 or 1',
  },
  // Profile 0 before those of more bits or less subsampled chroma (RFC 9628 section 6).
  VP9: {
    choose: (offered) => preferred(offered, 'profile-id'),
    answer: (chosen) => echoed(chosen, ['profile-id']),
    ...receivedOnly,
  },
  AV1: {
    choose: (offered) => preferred(offered, 'profile'),
    answer: (chosen) => echoed(chosen, ['level-idx', 'profile', 'tier']),
    ...receivedOnly,
  },
  // RFC 7798 section 7.1: one stream, in decoding order.
  H265: {
    choose: (offered) =>
      preferred(
        offered.filter(
          (parameters) => (parameters.get('tx-mode') ?? 'SRST') === 'SRST' && zero(parameters, 'sprop-max-don-diff'),
        ),
        'profile-id',
        '1',
      ),
    answer: (chosen) => echoed(chosen, ['level-id', 'profile-id', 'tier-flag', 'tx-mode']),
    ...receivedOnly,
    toReceive: 'H265 with tx-mode SRST and sprop-max-don-diff 0',
    parameterSets: (chosen) =>
      ['vps', 'sps', 'pps']
        .flatMap((kind) => (chosen.get(`sprop-${kind}`) ?? '').split(','))
        .filter((set) => set !== ''),
  },
};

/** The variant with this value of a parameter, which is also meant where it is absent; otherwise the first. */
function preferred(offered: readonly FormatParameters[], name: string, value = '0'): FormatParameters | undefined {
  return offered.find((parameters) => (parameters.get(name) ?? value) === value) ?? offered[0];
}

const zero = (parameters: FormatParameters, name: string): boolean => Number(parameters.get(name) ?? 0) === 0;

/** FormatParameters that an answer repeats as they were offered. */
function echoed(chosen: FormatParameters, names: readonly string[]): string {
  const given = names.flatMap((name) => {
    const value = chosen.get(name);
    return value !== undefined && /^[\w.-]{1,32}$/.test(value) ? [`${name}=${value}`] : [];
  });
  return given.join(';');
}

/** What to offer so that we can send video. @param offered those of our codecs that an offer named */
export function sendingRule(offered: readonly VideoCodec[]): string {
  const named = offered.map((codec) => CODEC_RULES[codec].toSend).filter((rule) => rule !== undefined);
  const all = Object.values(CODEC_RULES).flatMap(({ toSend }) => toSend ?? []);
  return `offer ${(named.length > 0 ? named : all).join(' or ')} to receive`;
}

/** What to offer so that we can receive video. @param offered those of our codecs that an offer named, in no variant that we take */
export function receivingRule(allowed: readonly VideoCodec[], offered: readonly VideoCodec[] = []): string {
  const needs = offered.flatMap((codec) => CODEC_RULES[codec].toReceive ?? []);
  return `this server takes ${allowed.join(', ')}${needs.length > 0 ? `; ${needs.join(', ')}` : ''}`;
}
