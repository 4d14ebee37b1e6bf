export type { IceCandidateInit } from './ice/candidate.ts';
export type { IceServer } from './ice/ice-server.ts';
export { PeerAddresses } from './ice/peer-addresses.ts';
export { RtcPeer } from './peer/peer.ts';
export type { PeerOptions } from './peer/peer-types.ts';
export type { VideoReceiver } from './peer/receiver.ts';
export type { VideoSender } from './peer/sender.ts';
export type { DataChannel } from './sctp/data-channel.ts';
export type { PeerRole } from './sdp/negotiation.ts';
