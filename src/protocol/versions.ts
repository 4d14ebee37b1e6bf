/**
 * Of the messages on `/ws`. A server speaks all of these, a client the last: raised when an old one could no longer follow. Version 2
 * came with cameras and anchors.
 */
export const PROTOCOL_VERSIONS = [1, 2] as const;
export const PROTOCOL_VERSION = 2;

/** Of depth packets: version 2 carries the camera and may carry metres that were fitted to anchors. */
export const PACKET_VERSIONS = [1, 2] as const;
export type PacketVersion = (typeof PACKET_VERSIONS)[number];

/** The data channel's sub-protocol (RFC 8832) of a client that reads packets of version 2. */
export const CHANNEL_PROTOCOL = 'depthcast-2';

/** The newest packets that both sides know, by the sub-protocol of the client's data channel; version 1 without one. */
export function packetVersionOf(channelProtocol: string): PacketVersion {
  const wanted = Number(/^depthcast-(\d{1,3})$/.exec(channelProtocol)?.[1] ?? 1);
  return PACKET_VERSIONS.findLast((version) => version <= wanted) ?? 1;
}
