import type { Agreement, DataAgreement, VideoAgreement } from './agreement.ts';
import { silentFormat } from './negotiation.ts';
import { bundleOf, type Offer, type OfferedCodec, type OfferedMedia } from './sdp.ts';

const LOCAL_SCTP_PORT = 5000;
const LEGACY_STREAMS = 65_535;

/** Our side of the connection, as the answer states it. */
export interface LocalDescription {
  /** Decimal, up to 2^62; the same for all answers of a session (RFC 8866 section 5.2). */
  sessionId: string;
  sessionVersion: number;
  iceUfrag: string;
  icePwd: string;
  /** `candidate:...` lines without `a=`. */
  candidates: string[];
  /** Colon separated SHA-256. */
  fingerprint: string;
  maxMessageSize: number;
  /** SSRCs and ids of the track that we send, where we do. */
  outgoing: { ssrc: number; rtxSsrc: number; cname: string; streamId: string; trackId: string } | undefined;
}

/** The answer to an offer (RFC 8829 section 5.3): one section for each that was offered, refused ones with port 0. */
export function buildAnswer(offer: Offer, agreement: Agreement, local: LocalDescription): string {
  const accepted = new Set([agreement.video?.index, agreement.data?.index, ...agreement.silent]);
  const mids = offer.media
    .filter((media, index) => accepted.has(index) && media.mid !== undefined)
    .map(({ mid }) => mid);
  const main = offer.media[agreement.video?.index ?? agreement.data?.index ?? -1];
  const lines = [
    'v=0',
    `o=- ${local.sessionId} ${local.sessionVersion} IN IP4 0.0.0.0`,
    's=-',
    't=0 0',
    ...(main && bundleOf(offer, main) ? [`a=group:BUNDLE ${mids.join(' ')}`] : []),
    'a=extmap-allow-mixed',
    'a=msid-semantic: WMS *',
  ];
  let transportWritten = false;
  for (const [index, media] of offer.media.entries()) {
    if (index === agreement.video?.index) lines.push(...videoSection(media, agreement.video, local));
    else if (index === agreement.data?.index) lines.push(...dataSection(media, agreement.data, local));
    else if (agreement.silent.includes(index)) lines.push(...silentSection(media));
    else {
      // The transport is not this section's, but several peers reject a description in which one has none.
      lines.push(...refusedSection(media), ...transportLines(agreement, local, false));
      continue;
    }
    lines.push(...transportLines(agreement, local, !transportWritten));
    transportWritten = true;
  }
  return `${lines.join('\r\n')}\r\n`;
}

function refusedSection(media: OfferedMedia): string[] {
  const rtp = media.protocol.includes('RTP');
  return [
    `m=${media.kind} 0 ${media.protocol} ${media.formats.join(' ') || '0'}`,
    'c=IN IP4 0.0.0.0',
    ...(media.mid === undefined ? [] : [`a=mid:${media.mid}`]),
    ...(rtp ? ['a=inactive', 'a=rtcp-mux', ...media.codecs.map(formatMap)] : ['a=inactive']),
  ];
}

/** Accepted, and never used: no sound goes either way. */
function silentSection(media: OfferedMedia): string[] {
  const format = silentFormat(media)!;
  const parameters = [...format.parameters].map(([name, value]) => `${name}=${value}`).join(';');
  return [
    `m=${media.kind} 9 ${media.protocol} ${format.payloadType}`,
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
    `a=mid:${media.mid}`,
    'a=inactive',
    'a=rtcp-mux',
    formatMap(format),
    ...(parameters === '' ? [] : [`a=fmtp:${format.payloadType} ${parameters}`]),
  ];
}

function formatMap({ payloadType, encoding, clockRate, channels }: OfferedCodec): string {
  return `a=rtpmap:${payloadType} ${encoding}/${clockRate}${channels === undefined ? '' : `/${channels}`}`;
}

function transportLines({ transport }: Agreement, local: LocalDescription, withCandidates: boolean): string[] {
  return [
    `a=ice-ufrag:${local.iceUfrag}`,
    `a=ice-pwd:${local.icePwd}`,
    'a=ice-options:trickle',
    `a=fingerprint:sha-256 ${local.fingerprint}`,
    `a=setup:${transport.dtlsRole === 'client' ? 'active' : 'passive'}`,
    ...(withCandidates ? [...local.candidates.map((candidate) => `a=${candidate}`), 'a=end-of-candidates'] : []),
  ];
}

function videoSection(media: OfferedMedia, video: VideoAgreement, local: LocalDescription): string[] {
  const payloadTypes = video.codecs.flatMap(({ payloadType, rtxPayloadType }) =>
    rtxPayloadType === undefined ? [payloadType] : [payloadType, rtxPayloadType],
  );
  const lines = [
    `m=video 9 ${media.protocol} ${payloadTypes.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
  ];
  if (video.mid !== undefined) lines.push(`a=mid:${video.mid}`);
  lines.push(`a=${video.direction}`, 'a=rtcp-mux');
  if (video.rtcpReducedSize) lines.push('a=rtcp-rsize');
  for (const map of video.extensionMaps) lines.push(`a=extmap:${map}`);
  for (const { codec, payloadType, rtxPayloadType, feedback, format } of video.codecs) {
    lines.push(`a=rtpmap:${payloadType} ${codec}/90000`);
    for (const type of feedback) lines.push(`a=rtcp-fb:${payloadType} ${type}`);
    if (format) lines.push(`a=fmtp:${payloadType} ${format}`);
    if (rtxPayloadType !== undefined) {
      lines.push(`a=rtpmap:${rtxPayloadType} rtx/90000`, `a=fmtp:${rtxPayloadType} apt=${payloadType}`);
    }
  }
  const { outgoing } = local;
  if (outgoing && (video.direction === 'sendrecv' || video.direction === 'sendonly')) {
    const msid = `${outgoing.streamId} ${outgoing.trackId}`;
    lines.push(`a=msid:${msid}`);
    const rtx = video.codecs.some(({ rtxPayloadType }) => rtxPayloadType !== undefined);
    if (rtx) lines.push(`a=ssrc-group:FID ${outgoing.ssrc} ${outgoing.rtxSsrc}`);
    for (const ssrc of rtx ? [outgoing.ssrc, outgoing.rtxSsrc] : [outgoing.ssrc]) {
      lines.push(`a=ssrc:${ssrc} cname:${outgoing.cname}`, `a=ssrc:${ssrc} msid:${msid}`);
    }
  }
  return lines;
}

function dataSection(media: OfferedMedia, { mid, legacy }: DataAgreement, local: LocalDescription): string[] {
  return [
    `m=application 9 ${media.protocol} ${legacy ? LOCAL_SCTP_PORT : media.formats.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    ...(mid === undefined ? [] : [`a=mid:${mid}`]),
    legacy ? `a=sctpmap:${LOCAL_SCTP_PORT} webrtc-datachannel ${LEGACY_STREAMS}` : `a=sctp-port:${LOCAL_SCTP_PORT}`,
    `a=max-message-size:${local.maxMessageSize}`,
  ];
}
