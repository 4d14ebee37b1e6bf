import type * as av from 'node-av';
import type { Focal } from '../depth/focal.ts';
import type { NetworkImage } from '../depth/types.ts';
import type { Size } from '../model/size.ts';
import type { FrameConverter } from '../video/frame-converter.ts';
import type { TimedPicture } from '../video/media-info.ts';
import type { InputScaler } from '../video/scaler.ts';
import { prefetch } from './prefetch.ts';
import type { FileSource } from './source.ts';

/** Pictures that are decoded, and that are scaled, ahead of the network. */
const PREFETCH_DEPTH = 2;

/** One frame, ready for the network and for the source's copy. */
export interface Prepared {
  index: number;
  time: number;
  /** Absent where the frame is passed over. */
  image: NetworkImage | undefined;
  /** In the time base of the source's packets, where it has any. */
  stamp: bigint | undefined;
  /** For video encoders; whoever takes it frees it. Absent where none is needed. */
  frame: av.Frame | undefined;
  /** The picture's own size differs from the one before. */
  resized: boolean;
}

export interface Preparation {
  source: FileSource;
  /** Read already, to learn its size. */
  first: TimedPicture;
  network: Size;
  /** Of the camera, in pixels of the network's input, where the network goes by it. */
  focal: Focal | undefined;
  scaler: InputScaler;
  /** Where frames are needed. */
  converter: FrameConverter | undefined;
  takeInput(width: number, height: number): NetworkImage;
  /** Frames that are written already. */
  keep: number;
  /** Told of each of them. */
  skip(stamp: bigint | undefined): Promise<void>;
  /** Of those, the ones that the network sees again. */
  replay(index: number): boolean;
}

/** Decodes and scales ahead of the network: both in the libuv pool, several frames under way. */
export function prepare(preparation: Preparation): AsyncGenerator<Prepared> {
  const pictures = prefetch(numbered(preparation), PREFETCH_DEPTH, ({ picture }) => picture.close());
  return prefetch(scaled(preparation, pictures), PREFETCH_DEPTH, ({ frame }) => frame?.free());
}

async function* numbered({ source, first }: Preparation): AsyncGenerator<TimedPicture & { index: number }> {
  let next: TimedPicture | undefined = first;
  for (let index = 0; next !== undefined; index++) {
    yield { ...next, index };
    next = await source.read();
  }
}

async function* scaled(
  { network, focal, scaler, converter, takeInput, keep, skip, replay }: Preparation,
  pictures: AsyncIterable<TimedPicture & { index: number }>,
): AsyncGenerator<Prepared> {
  let before = '';
  for await (const { picture, time, stamp, index } of pictures) {
    try {
      const size = `${picture.width}x${picture.height}`;
      const resized = before !== '' && before !== size;
      before = size;
      const isNew = index >= keep;
      const image = isNew || replay(index) ? { ...takeInput(network.width, network.height), focal } : undefined;
      const [frame] = await Promise.all([
        isNew ? converter?.convert(picture) : skip(stamp).then(() => undefined),
        image && scaler.scaleInto(picture, image.data, network.width, network.height),
      ]);
      yield { index, time, stamp, image, frame, resized };
    } finally {
      picture.close();
    }
  }
}
