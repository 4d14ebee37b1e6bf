import { DepthcastError } from '../../errors.ts';

/** ICE credentials (RFC 8839 section 5.4). */
export const ICE_UFRAG = /^[A-Za-z0-9+/]{4,256}$/;
export const ICE_PASSWORD = /^[A-Za-z0-9+/]{22,256}$/;

/** The parts of an SDP offer (RFC 8866, RFC 8829) that this server looks at. */
export interface Offer {
  media: OfferedMedia[];
  /** mids of each BUNDLE group. */
  bundles: string[][];
}

export interface OfferedMedia {
  kind: string;
  protocol: string;
  port: number;
  formats: string[];
  mid: string | undefined;
  direction: Direction;
  iceUfrag: string | undefined;
  icePwd: string | undefined;
  iceLite: boolean;
  setup: string | undefined;
  fingerprints: Fingerprint[];
  candidates: string[];
  codecs: OfferedCodec[];
  extensions: { id: number; uri: string; direction: Direction }[];
  rtcpMux: boolean;
  /** Port 0 does not refuse it: it has no transport but the bundle's (RFC 9143 section 6). */
  bundleOnly: boolean;
  rtcpReducedSize: boolean;
  /** Media SSRC -> its RTX SSRC, where ssrc-group:FID tells. */
  repairSsrcs: Map<number, number>;
  /** bit/s that the offerer wants to receive at most (b=TIAS, else b=AS), of this section or the session. */
  bandwidth: number | undefined;
  sctpPort: number | undefined;
  maxMessageSize: number | undefined;
}

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface Fingerprint {
  algorithm: string;
  /** Upper case hex, no colons. */
  value: string;
}

export interface OfferedCodec {
  payloadType: number;
  /** Upper case. */
  name: string;
  /** The name as it was written. */
  encoding: string;
  clockRate: number;
  /** Of audio. */
  channels: number | undefined;
  parameters: Map<string, string>;
  feedback: string[];
}

const MAX_BYTES = 128 * 1024;
const MAX_LINES = 4000;
const MAX_LINE = 4096;
const MAX_MEDIA = 32;
const MAX_CODECS = 128;
const MAX_EXTENSIONS = 64;
/** More are ignored, not refused: a host with many interfaces is no attack. */
export const MAX_CANDIDATES = 64;
const AS_PAYLOAD_SHARE = 0.95;
const DIRECTIONS: ReadonlySet<string> = new Set(['sendrecv', 'sendonly', 'recvonly', 'inactive']);

function bad(detail: string): DepthcastError {
  return new DepthcastError('BAD_SDP', { detail });
}

/** @throws DepthcastError BAD_SDP for anything that is not a bounded, well-formed offer. */
export function parseOffer(sdp: string): Offer {
  if (sdp.length > MAX_BYTES) throw bad(`longer than ${MAX_BYTES} bytes`);
  const lines = sdp.split(/\r\n|\n|\r/);
  if (lines.length > MAX_LINES) throw bad(`more than ${MAX_LINES} lines`);
  if (!lines[0]?.startsWith('v=0')) throw bad('it does not begin with v=0');

  const session = newMedia('', '', 0, []);
  const offer: Offer = { media: [], bundles: [] };
  let current = session;
  // Firefox writes fmtp and rtcp-fb before the rtpmap that they belong to.
  const aboutCodecs: [OfferedMedia, name: string, value: string][] = [];
  for (const line of lines) {
    if (line === '') continue;
    if (line.length > MAX_LINE) throw bad('a line is too long');
    if (line[1] !== '=') throw bad('a line is not of the form x=...');
    if (line[0] === 'm') {
      if (offer.media.length === MAX_MEDIA) throw bad(`more than ${MAX_MEDIA} media sections`);
      current = parseMediaLine(line, session);
      offer.media.push(current);
    } else if (line[0] === 'b') parseBandwidth(current, line.slice(2).trim());
    else if (line[0] === 'a') {
      const colon = line.indexOf(':');
      const name = colon < 0 ? line.slice(2) : line.slice(2, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).trim();
      if (current === session && name === 'group') {
        const [semantics, ...mids] = value.split(/ +/);
        if (semantics === 'BUNDLE' && offer.bundles.length < MAX_MEDIA) offer.bundles.push(mids);
      } else if (name === 'fmtp' || name === 'rtcp-fb') aboutCodecs.push([current, name, value]);
      else parseAttribute(current, name, value);
    }
  }
  for (const [media, name, value] of aboutCodecs) {
    if (name === 'fmtp') parseFormat(media, value);
    else parseFeedback(media, value);
  }
  if (offer.media.length === 0) throw bad('it has no media section');
  const mids = offer.media.map((media) => media.mid).filter((mid) => mid !== undefined);
  if (new Set(mids).size !== mids.length) throw bad('two media sections have the same mid');
  return offer;
}

/** mids of the BUNDLE group that a section is in. */
export const bundleOf = ({ bundles }: Offer, { mid }: OfferedMedia): string[] | undefined =>
  mid === undefined ? undefined : bundles.find((mids) => mids.includes(mid));

function newMedia(kind: string, protocol: string, port: number, formats: string[]): OfferedMedia {
  return {
    kind,
    protocol,
    port,
    formats,
    mid: undefined,
    direction: 'sendrecv',
    iceUfrag: undefined,
    icePwd: undefined,
    iceLite: false,
    setup: undefined,
    fingerprints: [],
    candidates: [],
    codecs: [],
    extensions: [],
    rtcpMux: false,
    bundleOnly: false,
    rtcpReducedSize: false,
    repairSsrcs: new Map(),
    bandwidth: undefined,
    sctpPort: undefined,
    maxMessageSize: undefined,
  };
}

function parseMediaLine(line: string, session: OfferedMedia): OfferedMedia {
  const [kind, port, protocol, ...formats] = line.slice(2).trim().split(/ +/);
  const number = Number(port?.split('/')[0]);
  if (!kind || !protocol || !/^[\x21-\x7e]+$/.test(kind + protocol) || !(number >= 0 && number <= 65535)) {
    throw bad('a media line is malformed');
  }
  if (formats.length > MAX_CODECS) throw bad('a media line lists too many formats');
  if (formats.some((format) => !/^[\x21-\x7e]{1,64}$/.test(format))) throw bad('a media line is malformed');
  return {
    ...newMedia(kind, protocol, number, formats),
    direction: session.direction,
    iceUfrag: session.iceUfrag,
    icePwd: session.icePwd,
    iceLite: session.iceLite,
    setup: session.setup,
    fingerprints: [...session.fingerprints],
    extensions: [...session.extensions],
    bandwidth: session.bandwidth,
  };
}

function parseAttribute(media: OfferedMedia, name: string, value: string): void {
  switch (name) {
    case 'mid':
      if (!/^[!#-'*+\-.0-9A-Z^-~]{1,64}$/.test(value)) throw bad('a mid is not a short token');
      media.mid = value;
      return;
    case 'ice-ufrag':
      if (!ICE_UFRAG.test(value)) throw bad('the ICE ufrag is malformed');
      media.iceUfrag = value;
      return;
    case 'ice-pwd':
      if (!ICE_PASSWORD.test(value)) throw bad('the ICE password is malformed');
      media.icePwd = value;
      return;
    case 'ice-lite':
      media.iceLite = true;
      return;
    case 'setup':
      media.setup = value;
      return;
    case 'fingerprint': {
      const [algorithm, hex] = value.split(' ');
      if (!algorithm || !hex || !/^([0-9A-Fa-f]{2}:){15,63}[0-9A-Fa-f]{2}$/.test(hex))
        throw bad('a fingerprint is malformed');
      if (media.fingerprints.length < 8) {
        media.fingerprints.push({ algorithm: algorithm.toLowerCase(), value: hex.replaceAll(':', '').toUpperCase() });
      }
      return;
    }
    case 'candidate':
      if (media.candidates.length < MAX_CANDIDATES) media.candidates.push(`candidate:${value}`);
      return;
    case 'bundle-only':
      media.bundleOnly = true;
      break;
    case 'rtcp-mux':
    // RFC 8858: there is no other way.
    case 'rtcp-mux-only':
      media.rtcpMux = true;
      return;
    case 'rtcp-rsize':
      media.rtcpReducedSize = true;
      return;
    case 'rtpmap':
      parseRtpMap(media, value);
      return;
    case 'extmap': {
      const [id = '', uri = ''] = value.split(/ +/);
      const number = Number.parseInt(id, 10);
      const direction = (DIRECTIONS.has(id.split('/')[1] ?? '') ? id.split('/')[1] : 'sendrecv') as Direction;
      if (number >= 1 && number <= 255 && media.extensions.length < MAX_EXTENSIONS)
        media.extensions.push({ id: number, uri, direction });
      return;
    }
    case 'ssrc-group': {
      const [semantics, first, second] = value.split(/ +/);
      if (semantics === 'FID' && isSsrc(Number(first)) && isSsrc(Number(second)) && media.repairSsrcs.size < 16) {
        media.repairSsrcs.set(Number(first), Number(second));
      }
      return;
    }
    case 'sctp-port':
      media.sctpPort = Number.parseInt(value, 10);
      return;
    case 'sctpmap':
      // As it was before RFC 8841: the port is the format of the media line.
      media.sctpPort ??= Number.parseInt(value, 10);
      return;
    case 'max-message-size':
      media.maxMessageSize = Number.parseInt(value, 10);
      return;
  }
  if (DIRECTIONS.has(name)) media.direction = name as Direction;
}

function isSsrc(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
}

function parseRtpMap(media: OfferedMedia, value: string): void {
  const match = /^(\d{1,3}) +([\x21-\x2e\x30-\x7e]{1,64})\/(\d{1,9})(?:\/(\d{1,3}))?$/.exec(value);
  if (!match) throw bad('an rtpmap is malformed');
  const payloadType = Number(match[1]);
  if (payloadType > 127) throw bad('a payload type is above 127');
  if (media.codecs.length === MAX_CODECS) throw bad('too many codecs');
  media.codecs.push({
    payloadType,
    name: match[2]!.toUpperCase(),
    encoding: match[2]!,
    clockRate: Number(match[3]),
    channels: match[4] === undefined ? undefined : Number(match[4]),
    parameters: new Map(),
    feedback: [],
  });
}

/** RFC 8866 section 5.8, RFC 3890; AS counts IP, UDP and RTP headers too: about 40 bytes a packet. */
function parseBandwidth(media: OfferedMedia, value: string): void {
  const match = /^(AS|TIAS):(\d{1,10})$/.exec(value);
  if (!match) return;
  const bandwidth = match[1] === 'TIAS' ? Number(match[2]) : 1000 * Number(match[2]) * AS_PAYLOAD_SHARE;
  media.bandwidth = Math.min(media.bandwidth ?? Number.POSITIVE_INFINITY, bandwidth);
}

function parseFormat(media: OfferedMedia, value: string): void {
  const space = value.indexOf(' ');
  const codec = media.codecs.find(({ payloadType }) => payloadType === Number(value.slice(0, space)));
  if (!codec || space < 0) return;
  for (const parameter of value.slice(space + 1).split(';')) {
    const equals = parameter.indexOf('=');
    if (equals > 0 && codec.parameters.size < 32) {
      codec.parameters.set(parameter.slice(0, equals).trim().toLowerCase(), parameter.slice(equals + 1).trim());
    }
  }
}

function parseFeedback(media: OfferedMedia, value: string): void {
  const [format = '', ...rest] = value.split(/ +/);
  for (const codec of media.codecs) {
    if ((format === '*' || Number(format) === codec.payloadType) && codec.feedback.length < 32) {
      codec.feedback.push(rest.join(' '));
    }
  }
}
