import type { DepthcastError } from '../../errors.ts';
import type { VideoCodec } from '../../video/types.ts';
import type { IceServer } from '../ice/ice-server.ts';
import type { PeerAddresses } from '../ice/peer-addresses.ts';
import type { BitrateLimits } from '../rtp/bitrate.ts';
import type { DataChannel, DataChannelStats } from '../sctp/data-channel.ts';
import type { PeerRole } from '../sdp/agreement.ts';
import type { BudgetLimits, BudgetStats } from './budget.ts';
import type { MediaTransportStats } from './media-transport.ts';
import type { VideoReceiver } from './receiver.ts';
import type { ReceiverStats } from './receiver-types.ts';
import type { VideoSender } from './sender.ts';
import type { SenderStats } from './sender-types.ts';

export interface PeerOptions {
  role: PeerRole;
  /** Those that may be used, all by default; the offer's order decides between them. */
  codecs?: readonly VideoCodec[];
  /** STUN and TURN servers for our own candidates; none by default. */
  iceServers?: readonly IceServer[];
  /** Inclusive range of UDP ports. */
  portRange?: readonly [number, number];
  /** Addresses to announce besides those of the network interfaces. */
  hostAddresses?: readonly string[];
  /** Where the peer may make us send connectivity checks; anywhere by default. */
  peerAddresses?: PeerAddresses;
  /** bit/s that we tell the sender to stay below (REMB). */
  receiveBitrate: number;
  /** Of what we send. */
  sendBitrate?: BitrateLimits;
  /** Largest data channel message that we accept, in bytes; 262144 by default. */
  maxMessageSize?: number;
  /** The newest DTLS version to speak, 1.2 by default; with 1.3 a peer that lacks it gets 1.2. */
  dtls?: 1.2 | 1.3;
  /** What the peer may take of the server. */
  budget?: BudgetLimits;
  /** From the answer to the end of the DTLS handshake. */
  setupTimeoutMs: number;
}

/** Why a peer ended. `closed`: by us; `peer`: the peer ended it; `lost`: it went silent. */
export type CloseReason = 'closed' | 'peer' | 'lost' | 'timeout' | 'failed';

export interface PeerEvents {
  connected: [];
  /** A renegotiation began to receive video; a receiver of the first offer is there from the start. */
  receiver: [receiver: VideoReceiver];
  /** A renegotiation began to send video, or changed the codec that the sender wants. */
  sender: [sender: VideoSender];
  channel: [channel: DataChannel];
  closed: [end: { reason: CloseReason; error?: DepthcastError }];
}

export interface PeerStats {
  state: 'connecting' | 'connected' | 'closed';
  /** `address:port` of the selected pair. */
  pair: { local: string; remote: string } | undefined;
  /** ms, of the last ICE check. */
  roundTripTime: number | undefined;
  /** Packets that were not from the peer. */
  dropped: number;
  budget: BudgetStats;
  /** Connectivity checks sent, and candidates of the peer that may not be checked. */
  ice: { checksSent: number; refusedCandidates: number };
  transport: MediaTransportStats;
  receiver: ReceiverStats | undefined;
  sender: SenderStats | undefined;
  channels: DataChannelStats[];
}
