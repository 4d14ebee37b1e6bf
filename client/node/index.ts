/** Sessions in Node: the same DepthSession, with WebRTC from werift or @roamhq/wrtc, and sources that a program has. */
import { connect as connectSession } from '../sdk/connect.ts';
import type { DepthSession } from '../sdk/session.ts';
import type { Source } from '../sdk/sources/source.ts';
import type { SessionOptions } from '../sdk/types.ts';
import { nodePlatform, type WebRtcPackage } from './platform.ts';

export { type I420Picture, openPictures, type PictureSource } from './pictures.ts';
export { nodePlatform, type WebRtcPackage } from './platform.ts';
export { openRtp, type RtpOptions, type RtpSource } from './rtp.ts';

export interface NodeSessionOptions extends Omit<SessionOptions, 'source' | 'server' | 'platform'> {
  /** From `openPictures` (through @roamhq/wrtc) or `openRtp` (through werift), or any of the package `webrtc`. */
  source: Source;
  /** http(s) or ws(s) address of the server. */
  server: string | URL;
  /** The package that the source was made with; default: found out. */
  webrtc?: WebRtcPackage;
  signal?: AbortSignal;
}

/**
 * Connects, and resolves once depth can flow; see `connect` of `depthcast-client`, which this is.
 * The gray track is off unless `output.track` asks for it: a program reads depth from the data channel.
 */
export async function connect({ webrtc, ...options }: NodeSessionOptions): Promise<DepthSession> {
  const name = webrtc ?? (Object.hasOwn(options.source, 'push') ? '@roamhq/wrtc' : 'werift');
  const platform = await nodePlatform(name);
  return await connectSession({ ...options, platform, output: { track: 'off', data: 'u16', ...options.output } });
}
