import type { VideoCodec } from '../../video/types.ts';
import type { Direction, Fingerprint } from './sdp.ts';

/** Who sends video: `publish` we receive (WHIP), `view` we send (WHEP), `duplex` both on one media section. */
export type PeerRole = 'publish' | 'view' | 'duplex';

/** What offer and server agree on: the input of everything that follows. */
export interface Agreement {
  /** Of the section that all accepted ones are bundled into. */
  transport: TransportParameters;
  video: VideoAgreement | undefined;
  data: DataAgreement | undefined;
  /** Audio sections that are accepted as inactive: peers that offer sound beside the video reject a refusal as a whole. */
  silent: number[];
  /** What of the offer is not done although its sender may count on it, in words. */
  notes: string[];
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
  /** bit/s that the peer wants to receive at most, where it says so. */
  maxBitrate: number | undefined;
  /** Payload types of the sound that the offer holds: some send it although the answer does not take it. */
  soundTypes: number[];
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
  /** Whether we may send it, too, and not only receive it. */
  sendable: boolean;
}

export interface DataAgreement {
  index: number;
  mid: string | undefined;
  sctpPort: number;
  maxMessageSize: number;
  /** As drafts before RFC 8841 wrote it: DTLS/SCTP and a=sctpmap. */
  legacy: boolean;
}

/** The header extensions in use, by their negotiated id. */
export interface ExtensionIds {
  mid?: number;
  absSendTime?: number;
  absCaptureTime?: number;
  playoutDelay?: number;
}
