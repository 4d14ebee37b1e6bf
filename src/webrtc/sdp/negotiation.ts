import { DepthcastError } from '../../errors.ts';
import type { VideoCodec } from '../../video/types.ts';
import type { Direction, Fingerprint, Offer, OfferedCodec, OfferedMedia } from './sdp.ts';

/** Who sends video: `publish` we receive (WHIP), `view` we send (WHEP), `duplex` both on one media section. */
export type PeerRole = 'publish' | 'view' | 'duplex';

/** What offer and server agree on: the input of everything that follows. */
export interface Agreement {
  /** Index of the transport's media section; the others are bundled into it or refused. */
  transport: TransportParameters;
  video: VideoAgreement | undefined;
  data: DataAgreement | undefined;
}

export interface TransportParameters {
  iceUfrag: string;
  icePwd: string;
  iceLite: boolean;
  fingerprints: Fingerprint[];
  /** Our DTLS role. */
  dtlsRole: 'client' | 'server';
  candidates: string[];
}

export interface VideoAgreement {
  index: number;
  mid: string | undefined;
  /** From our side. */
  direction: Direction;
  /** In the offer's order of preference. */
  codecs: AgreedCodec[];
  extensions: ExtensionIds;
  /** Values of the answer's extmap attributes. */
  extensionMaps: string[];
  rtcpReducedSize: boolean;
  /** Media SSRC -> RTX SSRC, where the offer tells. */
  repairSsrcs: Map<number, number>;
}

export interface AgreedCodec {
  codec: VideoCodec;
  payloadType: number;
  rtxPayloadType: number | undefined;
  /** Those of ours that the offer lists too. */
  feedback: string[];
  /** Format parameters for the answer, '' without. */
  format: string;
  /** H.264 parameter sets from the offer, base64. */
  parameterSets: string[];
}

export interface DataAgreement {
  index: number;
  mid: string | undefined;
  sctpPort: number;
  maxMessageSize: number;
}

/** The header extensions in use, by their negotiated id. */
export interface ExtensionIds {
  mid?: number;
  absSendTime?: number;
  absCaptureTime?: number;
  playoutDelay?: number;
}

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
const HASHES: ReadonlySet<string> = new Set(['sha-256', 'sha-384', 'sha-512']);

/**
 * Decides what of an offer to accept: the first usable video section and, in its bundle, one data section.
 * @throws DepthcastError NO_VIDEO, UNSUPPORTED_CODEC or BAD_SDP
 */
export function negotiate(offer: Offer, role: PeerRole, allowed: readonly VideoCodec[]): Agreement {
  const video = agreeVideo(offer, role, allowed);
  const dataIndex = offer.media.findIndex(
    (media) =>
      media.kind === 'application' &&
      isOffered(media) &&
      media.protocol.includes('DTLS/SCTP') &&
      media.sctpPort !== undefined,
  );
  // Without a bundle every section would want a transport of its own: only the first one gets it.
  const bundled = (index: number) => index >= 0 && (offer.bundle?.includes(offer.media[index]!.mid ?? '') ?? false);
  const wantData = dataIndex >= 0 && (!video || (bundled(dataIndex) && bundled(video.index)));
  const data = wantData ? agreeData(offer.media[dataIndex]!, dataIndex) : undefined;
  if (!video && !(role === 'view' && data)) throw new DepthcastError('NO_VIDEO');
  const first = offer.media[video?.index ?? dataIndex]!;
  return { transport: agreeTransport(offer, first), video, data };
}

const isOffered = ({ port, bundleOnly }: OfferedMedia): boolean => port !== 0 || bundleOnly;

function agreeVideo(offer: Offer, role: PeerRole, allowed: readonly VideoCodec[]): VideoAgreement | undefined {
  let refused = false;
  for (const [index, media] of offer.media.entries()) {
    if (media.kind !== 'video' || !isOffered(media) || !media.protocol.includes('SAVPF')) continue;
    const direction = answerDirection(media.direction, role);
    if (direction === 'inactive') continue;
    const codecs = agreeCodecs(media, allowed, direction === 'recvonly');
    if (codecs.length === 0) {
      refused = true;
      continue;
    }
    if (!media.rtcpMux) throw new DepthcastError('BAD_SDP', { detail: 'rtcp-mux is needed' });
    return {
      index,
      mid: media.mid,
      direction,
      codecs,
      ...agreeExtensions(media, direction),
      rtcpReducedSize: media.rtcpReducedSize,
      repairSsrcs: media.repairSsrcs,
    };
  }
  if (refused) throw new DepthcastError('UNSUPPORTED_CODEC');
  return undefined;
}

function answerDirection(offered: Direction, role: PeerRole): Direction {
  const receive = (offered === 'sendrecv' || offered === 'sendonly') && role !== 'view';
  const send = (offered === 'sendrecv' || offered === 'recvonly') && role !== 'publish';
  if (receive) return send ? 'sendrecv' : 'recvonly';
  return send ? 'sendonly' : 'inactive';
}

/** @param allowed the codecs that we speak; the offer's order decides between them: its user may have chosen */
function agreeCodecs(media: OfferedMedia, allowed: readonly VideoCodec[], receiveOnly: boolean): AgreedCodec[] {
  const place = ({ payloadType }: OfferedCodec) => media.formats.indexOf(String(payloadType));
  const listed = media.codecs
    .filter((codec) => codec.clockRate === 90_000 && place(codec) >= 0)
    .sort((a, b) => place(a) - place(b));
  const rank = (codec: VideoCodec) => listed.findIndex(({ name }) => name === codec);
  const agreed: AgreedCodec[] = [];
  for (const codec of allowed.toSorted((a, b) => rank(a) - rank(b))) {
    const candidates = listed.filter(({ name }) => name === codec);
    const choice = codec === 'VP8' ? candidates[0] : chooseH264(candidates, receiveOnly);
    if (!choice) continue;
    const rtx = listed.find(
      ({ name, parameters }) => name === 'RTX' && Number(parameters.get('apt')) === choice.payloadType,
    );
    agreed.push({
      codec,
      payloadType: choice.payloadType,
      rtxPayloadType: rtx?.payloadType,
      feedback: FEEDBACK.filter((type) => choice.feedback.includes(type)),
      format: codec === 'VP8' ? '' : h264Format(choice),
      parameterSets: (choice.parameters.get('sprop-parameter-sets') ?? '').split(',').filter((set) => set !== ''),
    });
  }
  return agreed;
}

/** Packetization mode 1; constrained baseline before baseline before, where we only decode, anything. */
function chooseH264(candidates: OfferedCodec[], receiveOnly: boolean): OfferedCodec | undefined {
  const mode1 = candidates.filter(({ parameters }) => parameters.get('packetization-mode') === '1');
  const profile = ({ parameters }: OfferedCodec) => (parameters.get('profile-level-id') ?? '42e01f').toLowerCase();
  return (
    mode1.find((codec) => profile(codec).startsWith('42e0')) ??
    mode1.find((codec) => profile(codec).startsWith('42')) ??
    (receiveOnly ? mode1[0] : undefined)
  );
}

function h264Format({ parameters }: OfferedCodec): string {
  const level = /^[0-9a-f]{6}$/i.exec(parameters.get('profile-level-id') ?? '')?.[0] ?? '42e01f';
  return `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${level.toLowerCase()}`;
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
  const port = media.sctpPort!;
  if (!(port > 0 && port <= 65535)) throw new DepthcastError('BAD_SDP', { detail: 'the SCTP port is out of range' });
  const size = media.maxMessageSize;
  return {
    index,
    mid: media.mid,
    sctpPort: port,
    maxMessageSize: size !== undefined && size >= 0 ? size : DEFAULT_MAX_MESSAGE,
  };
}

function agreeTransport(offer: Offer, media: OfferedMedia): TransportParameters {
  // In a bundle the credentials may stand in its first section alone (RFC 9143).
  const sources = [media, ...offer.media.filter(({ mid }) => mid !== undefined && offer.bundle?.includes(mid))];
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
