/** The interfaces that a session stands on: a browser's own, or in Node those of packages (`depthcast-client/node`). */
export interface Platform {
  RTCPeerConnection: typeof RTCPeerConnection;
  MediaStream: typeof MediaStream;
  WebSocket: typeof WebSocket;
}

/** What this browser has; a session finds out whether that is enough. */
export function browserPlatform(): Platform {
  const { RTCPeerConnection, MediaStream, WebSocket } = globalThis;
  return { RTCPeerConnection, MediaStream, WebSocket };
}
