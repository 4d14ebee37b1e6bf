import { DepthcastError } from '../errors.ts';
import type { DepthUnit } from '../protocol/index.ts';
import type { ThumbnailImage } from '../sinks/thumbnail.ts';
import { LiveStream } from '../stream/live-stream.ts';
import type { ServerContext } from './server-context.ts';
import { takeThumbnail } from './thumbnails.ts';

/** A stream that brings no depth for so long (ms) counts as waiting. */
const LIVE_MS = 3000;

type Context = Pick<ServerContext, 'registry' | 'sources'>;

/** One stream as `/api/streams` lists it. */
export interface StreamReport {
  name: string;
  /** Who brings it: a WHIP publisher, a source that the server pulls, or a synthetic scene of its own. */
  from: 'whip' | 'source' | 'scene';
  /** `waiting` where no depth was made lately: nothing comes, or nobody watches. */
  state: 'live' | 'waiting';
  /** When it began, in ms since the Unix epoch. */
  since: number;
  model: string;
  /** Of the depth that is sent. */
  unit: DepthUnit;
  /** Of the last picture, in pixels; 0 before the first. */
  width: number;
  height: number;
  /** Depth maps made so far. */
  frames: number;
  /** Viewers by WHEP. */
  viewers: number;
}

/** The streams that have a name, in the order of their names. Two-way sessions have none. */
export function listStreams(context: Context): StreamReport[] {
  const pulled = new Set(context.sources.list().map(({ name }) => name));
  const whip = new Set(context.registry.sessions.filter(({ kind }) => kind === 'whip').map(({ stream }) => stream));
  return context.registry.streams
    .filter(({ unlisted }) => !unlisted)
    .map((stream) => ({
      name: stream.name,
      from: whip.has(stream) ? ('whip' as const) : pulled.has(stream.name) ? ('source' as const) : ('scene' as const),
      state: stream.frames > 0 && stream.idleFor < LIVE_MS ? ('live' as const) : ('waiting' as const),
      since: stream.createdAt,
      model: stream.model,
      unit: stream.unit,
      width: stream.last.width,
      height: stream.last.height,
      frames: stream.frames,
      viewers: context.registry.viewersOf(stream.name),
    }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/**
 * The latest depth of a stream as a small JPEG; undefined as long as it has none. Asking is watching: a source that rests
 * while nobody watches begins.
 * @throws DepthcastError NO_PUBLISHER, MEDIA_WORKER_DIED
 */
export async function thumbnailOf(name: string, { registry }: Context): Promise<ThumbnailImage | undefined> {
  const stream = registry.streams.find((one) => one.name === name && !one.unlisted);
  if (!stream) throw new DepthcastError('NO_PUBLISHER', { detail: name });
  return stream instanceof LiveStream ? takeThumbnail(stream) : stream.thumbnail?.();
}
