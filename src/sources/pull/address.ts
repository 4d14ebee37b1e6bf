import { kindOf, type PulledKind, type PulledSourceSettings } from '../../config/pulled-source.ts';
import { DepthcastError } from '../../errors.ts';
import type { ReadRequest } from './pull-protocol.ts';

/** Protocols that FFmpeg may use below each: a playlist or a redirect leads to no others, and above all to no file. */
const PROTOCOLS: Record<PulledKind, string> = {
  rtsp: 'rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto',
  srt: 'srt',
  http: 'http,https,tcp,tls,crypto',
  v4l2: 'file',
  file: 'file',
};
/** Of live network streams: what is needed to know the codec, and nothing that is kept back. */
const AT_ONCE = { fflags: 'nobuffer', analyzeduration: '1000000' };
/** ms by which the arrival of a packet may miss the time of capture: an encoder's and a network's usual delay. */
const NETWORK_ERROR_MS = 1000;

type Wanted = Pick<
  PulledSourceSettings,
  'url' | 'transport' | 'timeoutSeconds' | 'maxSide' | 'pictureSize' | 'fps' | 'inputFormat'
>;

/** How FFmpeg is to read a source. */
export function readRequest(source: Wanted): ReadRequest {
  const kind = kindOf(source.url);
  const { url, timeoutSeconds, maxSide } = source;
  const timeout = String(Math.round(timeoutSeconds * 1e6));
  const protocol_whitelist = kind === undefined ? '' : PROTOCOLS[kind];
  const request = (
    address: string,
    options: Record<string, string>,
    rest: Partial<ReadRequest> & { format?: string; times?: ReadRequest['live']['times'] } = {},
  ): ReadRequest => {
    const { format, times = {}, paced = false, loop = false } = rest;
    const live = { options: { protocol_whitelist, ...options }, times, ...(format && { format }) };
    return { address, live, timeoutSeconds, maxSide, paced, loop };
  };
  const arrival = { fallbackError: NETWORK_ERROR_MS };
  switch (kind) {
    case 'rtsp':
      return request(
        url,
        { ...AT_ONCE, rtsp_transport: source.transport, timeout, allowed_media_types: 'video' },
        { times: arrival },
      );
    case 'srt':
      return request(url, { ...AT_ONCE, timeout, connect_timeout: String(timeoutSeconds * 1000) }, { times: arrival });
    case 'http':
      // Segments come at once and are to be shown one picture after the other.
      return request(url, { rw_timeout: timeout }, { paced: true });
    case 'v4l2': {
      const { pictureSize, fps, inputFormat } = source;
      const format = {
        ...(pictureSize && { video_size: pictureSize }),
        ...(fps && { framerate: String(fps) }),
        ...(inputFormat && { input_format: inputFormat }),
      };
      return request(url, { timestamps: 'abs', ...format }, { format: 'v4l2', times: { stampsOfDay: true } });
    }
    case 'file':
      return request(`file:${url.replace(/^file:/, '')}`, { pattern_type: 'none' }, { paced: true, loop: true });
    default:
      throw new DepthcastError('BAD_OPTION', { detail: 'that address cannot be a source' });
  }
}

/** An address as it may be shown: without user, password and query, in which secrets stand. */
export function shownAddress(url: string): string {
  if (!/^[a-z]+:\/\//i.test(url)) return url;
  const { protocol, host, pathname, username, search } = new URL(url);
  return `${protocol}//${username ? '***@' : ''}${host}${pathname}${search ? '?***' : ''}`;
}
