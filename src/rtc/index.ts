export type { BitrateLimits } from './bitrate.ts';
export type { IceCandidateInit } from './candidate.ts';
export type { DataChannel, DataChannelStats } from './data-channel.ts';
export type { IceServer } from './ice.ts';
export type { PeerRole } from './negotiation.ts';
export { type CloseReason, type PeerOptions, type PeerStats, RtcPeer } from './peer.ts';
export type { ReceiverStats, VideoReceiver } from './receiver.ts';
export type { SenderStats, VideoSender } from './sender.ts';
