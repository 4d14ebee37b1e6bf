export type { IceCandidateInit } from './candidate.ts';
export type { DataChannel } from './data-channel.ts';
export type { IceServer } from './ice-gatherer.ts';
export type { PeerRole } from './negotiation.ts';
export { RtcPeer } from './peer.ts';
export type { PeerOptions } from './peer-types.ts';
export type { VideoReceiver } from './receiver.ts';
export type { VideoSender } from './sender.ts';
