import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type DataOutput, LAYOUT_PARTS, type Layout } from '../protocol/output.ts';
import { DepthData } from '../sinks/depth-data.ts';
import { GrayTrack } from '../sinks/gray-track.ts';
import { MatteShades } from '../sinks/matte-shades.ts';
import type { LiveStream } from '../stream/live-stream.ts';
import type { MatteView } from '../stream/matte-control.ts';
import { shadesOf, type VideoCodec } from '../video/index.ts';

/** Seconds after which a viewer who found no encoder may try again. */
const RETRY_ENCODES = 5;

interface Context {
  config: Pick<Config, 'limits' | 'output'>;
  metrics: Metrics;
}

/** What a receiver's track shows. */
export interface Shown {
  layout: Layout;
  /** Where it is a matte: whose settings it follows. */
  matte: MatteView;
}

/** The sinks of one stream that its receivers share: each depth map is encoded once for all of them. */
class Outputs {
  /** By layout, codec and, of a matte, whose settings it has. */
  readonly tracks = new Map<string, GrayTrack>();
  /** By format and size. */
  readonly data = new Map<string, DepthData>();
  readonly mattes = new WeakMap<MatteView, { key: string; shades: MatteShades }>();
  #matteCount = 0;

  matte(view: MatteView): { key: string; shades: MatteShades } {
    let found = this.mattes.get(view);
    if (!found) {
      found = { key: ` matte ${++this.#matteCount}`, shades: new MatteShades(view, shadesOf('matte')) };
      this.mattes.set(view, found);
    }
    return found;
  }

  keyOf(codec: VideoCodec, { layout, matte }: Shown): string {
    return `${layout} ${codec}${LAYOUT_PARTS[layout].shades === 'matte' ? this.matte(matte).key : ''}`;
  }
}

const all = new WeakMap<LiveStream, Outputs>();

function outputsOf(stream: LiveStream): Outputs {
  let found = all.get(stream);
  if (!found) {
    found = new Outputs();
    all.set(stream, found);
  }
  return found;
}

/** A stream's matte by these settings, shared by all that show it. */
export const matteShadesOf = (stream: LiveStream, view: MatteView): MatteShades => outputsOf(stream).matte(view).shades;

/** A stream's track of this codec and layout, with this matte, shared by everybody who receives it. */
export function trackOf(stream: LiveStream, codec: VideoCodec, shown: Shown, context: Context): GrayTrack {
  const outputs = outputsOf(stream);
  const { tracks } = outputs;
  const { layout } = shown;
  const key = outputs.keyOf(codec, shown);
  let track = tracks.get(key);
  if (track === undefined) {
    const { metrics, config } = context;
    const { minBitrate, maxBitrate, trackSide: maxSide } = config.output;
    const matte = LAYOUT_PARTS[layout].shades === 'matte' ? outputs.matte(shown.matte).shades : undefined;
    const options = { codec, layout, minBitrate, maxBitrate, maxSide, metrics, matte };
    track = stream.add((listener) => new GrayTrack(options, listener));
    tracks.set(key, track);
  }
  return track;
}

/** One kind of video that is made of a stream, and who receives it. */
export interface TrackReport {
  layout: Layout;
  codec: VideoCodec;
  viewers: number;
}

export const trackReports = (stream: LiveStream): TrackReport[] =>
  [...outputsOf(stream).tracks.values()].map(({ layout, codec, receivers: viewers }) => ({ layout, codec, viewers }));

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
  shown: Shown,
  { config }: Context,
  leaves?: GrayTrack,
): void {
  const outputs = outputsOf(stream);
  const { tracks } = outputs;
  const { encodesPerStream } = config.limits;
  const others = (track: GrayTrack) => track.receivers - (track === leaves ? 1 : 0);
  const watched = [...tracks].filter(([, track]) => others(track) > 0).map(([key]) => key);
  if (watched.includes(outputs.keyOf(codec, shown)) || watched.length < encodesPerStream) return;
  const detail = `the stream is encoded ${encodesPerStream} times already (limits.encodesPerStream): ${watched.join(', ')}`;
  throw new DepthcastError('BUSY', { detail, retryAfter: RETRY_ENCODES });
}

/** A stream's depth packets of this format and size, shared by everybody who receives them. */
export function depthDataOf(
  stream: LiveStream,
  { data: format, dataSize: size }: DataOutput,
  { config, metrics }: Context,
): DepthData {
  const { data } = outputsOf(stream);
  const key = `${format} ${size}`;
  let packets = data.get(key);
  if (packets === undefined) {
    const { u16Steps: steps, trackSide: maxSide } = config.output;
    packets = stream.add((listener) => new DepthData({ format, size, maxSide, steps, metrics }, listener));
    data.set(key, packets);
  }
  return packets;
}
