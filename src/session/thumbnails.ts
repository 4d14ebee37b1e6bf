import { Thumbnail, type ThumbnailImage } from '../sinks/thumbnail.ts';
import type { LiveStream } from '../stream/live-stream.ts';

const thumbnails = new WeakMap<LiveStream, Thumbnail>();

/** The present thumbnail of a stream of this thread, shared by all who ask; undefined as long as there is no depth. */
export function takeThumbnail(stream: LiveStream): Promise<ThumbnailImage | undefined> {
  let thumbnail = thumbnails.get(stream);
  if (!thumbnail) {
    thumbnail = stream.add((listener) => new Thumbnail(listener));
    thumbnails.set(stream, thumbnail);
  }
  return thumbnail.take();
}
