import type { DepthFormat } from '../protocol/index.ts';
import { DepthData } from '../sinks/depth-data.ts';
import { GrayTrack } from '../sinks/gray-track.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { VideoCodec } from '../video/index.ts';
import type { ServerContext } from './server-context.ts';

type Context = Pick<ServerContext, 'config' | 'metrics'>;

/** The sinks of one stream that its receivers share: each depth map is encoded once for all of them. */
class Outputs {
  readonly tracks = new Map<VideoCodec, GrayTrack>();
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

/** A stream's gray track of this codec, shared by everybody who receives it. */
export function grayTrackOf(stream: LiveStream, codec: VideoCodec, { config, metrics }: Context): GrayTrack {
  const { tracks } = outputsOf(stream);
  let track = tracks.get(codec);
  if (track === undefined) {
    const { minBitrate, maxBitrate, trackSide: maxSide } = config.output;
    track = stream.add((listener) => new GrayTrack({ codec, minBitrate, maxBitrate, maxSide, metrics }, listener));
    tracks.set(codec, track);
  }
  return track;
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
