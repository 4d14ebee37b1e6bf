import { DepthError } from '../sdk/errors.ts';
import type { Platform } from '../sdk/platform.ts';

/** Which package gives Node its WebRTC. Both are optional peer dependencies: install the one that you use. */
export type WebRtcPackage =
  /** Pure TypeScript; sends RTP that is encoded already. */
  | 'werift'
  /** libwebrtc; encodes pictures. */
  | '@roamhq/wrtc';

interface WebRtcModule {
  RTCPeerConnection: typeof RTCPeerConnection;
  MediaStream: typeof MediaStream;
}

/**
 * WebRTC from one of the two packages, and WebSocket: Node's own from version 22 on, else that of the package `ws`.
 * @throws DepthError WEBRTC_UNSUPPORTED when the package is not installed
 */
export async function nodePlatform(name: WebRtcPackage): Promise<Platform> {
  const { RTCPeerConnection, MediaStream } = await load<WebRtcModule>(name);
  const socket = globalThis.WebSocket ?? (await load<{ WebSocket: typeof WebSocket }>('ws')).WebSocket;
  return { RTCPeerConnection, MediaStream, WebSocket: socket };
}

/** Imports a package of the application, ESM or CommonJS. */
export async function load<T>(name: WebRtcPackage | 'ws'): Promise<T> {
  try {
    const module = (await import(name)) as T & { default?: T };
    return name === '@roamhq/wrtc' && module.default ? module.default : module;
  } catch (cause) {
    const missing = (cause as { code?: string } | null)?.code === 'ERR_MODULE_NOT_FOUND';
    const why = missing ? `it is not installed: npm install ${name}` : String(cause);
    throw new DepthError('WEBRTC_UNSUPPORTED', { detail: `the package ${name} is needed, but ${why}`, cause });
  }
}
