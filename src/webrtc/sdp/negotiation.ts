import { DepthcastError } from '../../errors.ts';
import type { VideoCodec } from '../../video/types.ts';
import type {
  AgreedCodec,
  Agreement,
  DataAgreement,
  ExtensionIds,
  PeerRole,
  TransportParameters,
  VideoAgreement,
} from './agreement.ts';
import { CODEC_RULES, receivingRule, sendingRule } from './codec-rules.ts';
import { bundleOf, type Direction, type Offer, type OfferedCodec, type OfferedMedia } from './sdp.ts';

export const EXTENSION_URIS = {
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  absSendTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  absCaptureTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
  playoutDelay: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
} as const satisfies Record<keyof ExtensionIds, string>;

// transport-cc is left out on purpose: without a congestion controller of our own behind it, senders starve.
// video-orientation is left out so that browsers rotate the picture before they encode it.
const FEEDBACK = ['goog-remb', 'ccm fir', 'nack', 'nack pli'];
const DEFAULT_MAX_MESSAGE = 65_536;
const DEFAULT_SCTP_PORT = 5000;
/** Names of formats that are no codecs. */
const NO_CODECS: ReadonlySet<string> = new Set(['RTX', 'RED', 'ULPFEC', 'FLEXFEC-03', 'FLEXFEC']);
/** With rtcp-mux these are RTCP's (RFC 5761 section 4). */
const isRtcpType = (payloadType: number): boolean => payloadType >= 64 && payloadType < 96;
const HASHES: ReadonlySet<string> = new Set(['sha-256', 'sha-384', 'sha-512']);

/**
 * Decides what of an offer to accept: one video section, in its bundle one data section, and audio as inactive.
 * @param previous what was agreed on this connection before: its sections stay in use
 * @throws DepthcastError NO_VIDEO, UNSUPPORTED_CODEC or BAD_SDP
 */
export function negotiate(
  offer: Offer,
  role: PeerRole,
  allowed: readonly VideoCodec[],
  previous?: Agreement,
): Agreement {
  const notes: string[] = [];
  const video = agreeVideo(offer, role, allowed, previous?.video?.index);
  if (video && role === 'duplex' && video.direction === 'recvonly' && video.wanted)
    notes.push(`no gray track is returned: ${sendingRule(video.codecs.map(({ codec }) => codec))}`);
  const isData = (media: OfferedMedia) =>
    media.kind === 'application' && isOffered(media) && media.protocol.includes('DTLS/SCTP');
  // Without a bundle every section would want a transport of its own: only the first one gets it.
  const first = video ? offer.media[video.index] : offer.media.find(isData);
  const bundle = first && bundleOf(offer, first);
  const bundled = (index: number) => bundle?.includes(offer.media[index]!.mid ?? '') ?? false;
  const inside = offer.media.findIndex((media, index) => isData(media) && bundled(index));
  const dataIndex = inside >= 0 ? inside : offer.media.findIndex(isData);
  const wantData = dataIndex >= 0 && (!video || bundled(dataIndex));
  if (dataIndex >= 0 && !wantData) notes.push('no data channel: offer it in one BUNDLE group with the video');
  const data = wantData ? agreeData(offer.media[dataIndex]!, dataIndex) : undefined;
  if (!video && !(role === 'view' && data)) throw new DepthcastError('NO_VIDEO');
  const main = video?.index ?? dataIndex;
  const silent = [...offer.media.keys()].filter(
    (index) => bundled(index) && isOffered(offer.media[index]!) && silentFormat(offer.media[index]!),
  );
  return { transport: agreeTransport(offer, offer.media[main]!), video, data, silent, notes };
}

const isOffered = ({ port, bundleOnly }: OfferedMedia): boolean => port !== 0 || bundleOnly;

/** The format of an audio section to accept as inactive; undefined for other kinds, and where none is described. */
export function silentFormat({ kind, protocol, formats, codecs }: OfferedMedia): OfferedCodec | undefined {
  if (kind !== 'audio' || !isSecure(protocol)) return undefined;
  const place = ({ payloadType }: OfferedCodec) => formats.indexOf(String(payloadType));
  return codecs.filter((codec) => place(codec) >= 0).sort((a, b) => place(a) - place(b))[0];
}

/** The section that is used already, otherwise the first that brings what the role is about. */
function agreeVideo(
  offer: Offer,
  role: PeerRole,
  allowed: readonly VideoCodec[],
  previous: number | undefined,
): (VideoAgreement & { wanted: boolean }) | undefined {
  const main = role === 'view' ? 'send' : 'receive';
  const usable = [...offer.media.entries()]
    .filter(([, media]) => media.kind === 'video' && isOffered(media) && isSecure(media.protocol))
    .map(([index, media]) => ({ index, media, ...wants(media.direction, role) }))
    .filter(({ send, receive }) => send || receive)
    .sort((a, b) => Number(b.index === previous) - Number(a.index === previous) || Number(b[main]) - Number(a[main]));
  for (const { index, media, send, receive } of usable) {
    // A section that only takes depth makes no session while one that brings a picture is there, and is not understood.
    if (previous === undefined && role === 'duplex' && !receive && usable[0]!.receive) break;
    const codecs = agreeCodecs(media, allowed).filter(({ sendable }) => receive || sendable);
    if (codecs.length === 0) continue;
    if (!media.rtcpMux) throw new DepthcastError('BAD_SDP', { detail: 'rtcp-mux is needed' });
    const sends = send && codecs.some(({ sendable }) => sendable);
    const direction: Direction = receive ? (sends ? 'sendrecv' : 'recvonly') : 'sendonly';
    return {
      index,
      mid: media.mid,
      direction,
      wanted: send,
      codecs,
      ...agreeExtensions(media, direction),
      rtcpReducedSize: media.rtcpReducedSize,
      repairSsrcs: media.repairSsrcs,
      maxBitrate: media.bandwidth,
      soundTypes: offer.media
        .filter(({ kind }) => kind === 'audio')
        .flatMap((sound) => sound.codecs.map(({ payloadType }) => payloadType)),
    };
  }
  if (usable.length > 0) throw unsupported(usable, role, allowed);
  const profile = offer.media.find(({ kind, protocol }) => kind === 'video' && !isSecure(protocol))?.protocol;
  if (profile !== undefined)
    throw new DepthcastError('NO_VIDEO', { detail: `it is offered as ${profile}; UDP/TLS/RTP/SAVPF is needed` });
  return undefined;
}

const isSecure = (protocol: string): boolean => protocol.includes('SAVPF');

/** Says what was offered and what would do. */
function unsupported(
  sections: readonly { media: OfferedMedia }[],
  role: PeerRole,
  allowed: readonly VideoCodec[],
): DepthcastError {
  const codecs = sections.flatMap(({ media }) => media.codecs);
  const names = new Set(codecs.map(({ name }) => name));
  const offered = [...names].filter((name) => !NO_CODECS.has(name)).slice(0, 10);
  const known = allowed.filter((codec) => names.has(codec));
  const rule = role === 'view' ? sendingRule(known) : receivingRule(allowed, known);
  const types = codecs.some(({ payloadType }) => isRtcpType(payloadType))
    ? '; payload types 64 to 95 are taken by RTCP'
    : '';
  return new DepthcastError('UNSUPPORTED_CODEC', {
    detail: `${offered.join(', ') || 'none'} offered; ${rule}${types}`,
  });
}

/** What we do with a section that is offered with this direction. */
function wants(offered: Direction, role: PeerRole): { send: boolean; receive: boolean } {
  return {
    receive: (offered === 'sendrecv' || offered === 'sendonly') && role !== 'view',
    send: (offered === 'sendrecv' || offered === 'recvonly') && role !== 'publish',
  };
}

/** @param allowed the codecs that we speak; the offer's order decides between them: its user may have chosen */
function agreeCodecs(media: OfferedMedia, allowed: readonly VideoCodec[]): AgreedCodec[] {
  const place = ({ payloadType }: OfferedCodec) => media.formats.indexOf(String(payloadType));
  const listed = media.codecs
    .filter((codec) => codec.clockRate === 90_000 && place(codec) >= 0 && !isRtcpType(codec.payloadType))
    .sort((a, b) => place(a) - place(b));
  const rank = (codec: VideoCodec) => listed.findIndex(({ name }) => name === codec);
  const agreed: AgreedCodec[] = [];
  for (const codec of allowed.toSorted((a, b) => rank(a) - rank(b))) {
    const rules = CODEC_RULES[codec];
    const candidates = listed.filter(({ name }) => name === codec);
    const choice = rules.choose(candidates.map(({ parameters }) => parameters));
    if (!choice) continue;
    const { payloadType, feedback, parameters } = candidates.find((candidate) => candidate.parameters === choice)!;
    const rtx = listed.find((other) => other.name === 'RTX' && Number(other.parameters.get('apt')) === payloadType);
    agreed.push({
      codec,
      payloadType,
      rtxPayloadType: rtx?.payloadType,
      feedback: FEEDBACK.filter((type) => feedback.includes(type)),
      format: rules.answer(parameters),
      parameterSets: rules.parameterSets(parameters),
      sendable: rules.sendable(parameters),
    });
  }
  return agreed;
}

function agreeExtensions(
  media: OfferedMedia,
  direction: Direction,
): Pick<VideoAgreement, 'extensions' | 'extensionMaps'> {
  const extensions: ExtensionIds = {};
  const extensionMaps: string[] = [];
  for (const [name, uri] of Object.entries(EXTENSION_URIS) as [keyof ExtensionIds, string][]) {
    // 15 and above would need the two-byte form.
    const offered = media.extensions.find((extension) => extension.uri === uri && extension.id < 15);
    if (!offered || offered.direction === 'inactive') continue;
    // Only the sender of video sets a playout delay.
    if (name === 'playoutDelay' && (direction === 'recvonly' || offered.direction === 'sendonly')) continue;
    extensions[name] = offered.id;
    const ours = { sendrecv: '', sendonly: '/recvonly', recvonly: '/sendonly' }[offered.direction];
    extensionMaps.push(`${offered.id}${ours} ${uri}`);
  }
  return { extensions, extensionMaps };
}

function agreeData(media: OfferedMedia, index: number): DataAgreement {
  const port = media.sctpPort ?? DEFAULT_SCTP_PORT;
  if (!(port > 0 && port <= 65535)) throw new DepthcastError('BAD_SDP', { detail: 'the SCTP port is out of range' });
  const size = media.maxMessageSize;
  return {
    index,
    mid: media.mid,
    sctpPort: port,
    maxMessageSize: size !== undefined && size >= 0 ? size : DEFAULT_MAX_MESSAGE,
    legacy: media.protocol === 'DTLS/SCTP',
  };
}

function agreeTransport(offer: Offer, media: OfferedMedia): TransportParameters {
  // In a bundle the credentials may stand in its first section alone (RFC 9143).
  const bundle = bundleOf(offer, media);
  const sources = [media, ...offer.media.filter(({ mid }) => mid !== undefined && bundle?.includes(mid))];
  const credentials = sources.find(({ iceUfrag, icePwd }) => iceUfrag && icePwd);
  if (!credentials) throw new DepthcastError('BAD_SDP', { detail: 'the ICE credentials are missing' });
  const fingerprints = (sources.find((source) => source.fingerprints.length > 0)?.fingerprints ?? []).filter(
    ({ algorithm }) => HASHES.has(algorithm),
  );
  if (fingerprints.length === 0) throw new DepthcastError('BAD_SDP', { detail: 'a SHA-256 fingerprint is missing' });
  const setup = sources.find((source) => source.setup)?.setup ?? 'actpass';
  if (!['actpass', 'active', 'passive'].includes(setup))
    throw new DepthcastError('BAD_SDP', { detail: 'the setup attribute is not known' });
  return {
    iceUfrag: credentials.iceUfrag!,
    icePwd: credentials.icePwd!,
    iceLite: credentials.iceLite,
    fingerprints,
    dtlsRole: setup === 'active' ? 'server' : 'client',
    candidates: sources.flatMap(({ candidates }) => candidates),
  };
}
