import { DepthcastError } from '../errors.ts';
import type { DepthFormat } from '../protocol/index.ts';
import type { Layout } from '../protocol/output.ts';
import { DepthData } from '../sinks/depth-data.ts';
import { GrayTrack } from '../sinks/gray-track.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { VideoCodec } from '../video/index.ts';
import type { ServerContext } from './server-context.ts';

/** Seconds after which a viewer who found no encoder may try again. */
const RETRY_ENCODES = 5;

type Context = Pick<ServerContext, 'config' | 'metrics'>;

/** The sinks of one stream that its receivers share: each depth map is encoded once for all of them. */
class Outputs {
  /** By layout and codec. */
  readonly tracks = new Map<string, GrayTrack>();
  readonly data = new Map<DepthFormat, DepthData>();
}

const outputs = new WeakMap<LiveStream, Outputs>();

function outputsOf(stream: LiveStream): Outputs {
  let found = outputs.get(stream);
  if (!found) {
    found = new Outputs();
    outputs.set(stream, found);
  }
  return found;
}

/** A stream's track of this codec and layout, shared by everybody who receives it. */
export function trackOf(stream: LiveStream, codec: VideoCodec, layout: Layout, context: Context): GrayTrack {
  const { tracks } = outputsOf(stream);
  const key = `${layout} ${codec}`;
  let track = tracks.get(key);
  if (track === undefined) {
    const { metrics, config } = context;
    const { minBitrate, maxBitrate, trackSide: maxSide } = config.output;
    const options = { codec, layout, minBitrate, maxBitrate, maxSide, metrics };
    track = stream.add((listener) => new GrayTrack(options, listener));
    tracks.set(key, track);
  }
  return track;
}

/** Ends a stream's tracks that nobody receives: their encoders hold memory. */
export function dropUnwatched(stream: LiveStream): void {
  const { tracks } = outputsOf(stream);
  for (const [key, track] of tracks)
    if (track.receivers === 0) {
      tracks.delete(key);
      stream.remove(track);
    }
}

/**
 * Whether one more receiver may have this layout: each kind of track of a stream costs an encode a frame.
 * @param leaves the track that it had until now
 * @throws DepthcastError BUSY
 */
export function checkEncodes(
  stream: LiveStream,
  codec: VideoCodec,
  layout: Layout,
  { config }: Context,
  leaves?: GrayTrack,
): void {
  const { tracks } = outputsOf(stream);
  const { encodesPerStream } = config.limits;
  const others = (track: GrayTrack) => track.receivers - (track === leaves ? 1 : 0);
  const watched = [...tracks].filter(([, track]) => others(track) > 0).map(([key]) => key);
  if (watched.includes(`${layout} ${codec}`) || watched.length < encodesPerStream) return;
  const detail = `the stream is encoded ${encodesPerStream} times already (limits.encodesPerStream): ${watched.join(', ')}`;
  throw new DepthcastError('BUSY', { detail, retryAfter: RETRY_ENCODES });
}

/** A stream's depth packets of this format, shared by everybody who receives them. */
export function depthDataOf(stream: LiveStream, format: DepthFormat, { config, metrics }: Context): DepthData {
  const { data } = outputsOf(stream);
  let packets = data.get(format);
  if (packets === undefined) {
    packets = stream.add((listener) => new DepthData({ format, steps: config.output.u16Steps, metrics }, listener));
    data.set(format, packets);
  }
  return packets;
}
