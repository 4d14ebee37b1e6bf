import * as av from 'node-av';
import { DepthcastError } from '../errors.ts';
import { type TileGrid, tileGrid } from './heif.ts';
import type { BoxReader } from './iso-boxes.ts';

/** Pictures that belong to something else: a song's cover, a chapter's thumbnail. */
const BESIDE = av.AV_DISPOSITION_ATTACHED_PIC | av.AV_DISPOSITION_TIMED_THUMBNAILS;

/** The pictures of a file that are to be read. */
export interface StreamChoice {
  stream: av.Stream;
  /** Where the picture is made of tiles, which have a stream each; `stream` is the first one's. */
  grid: TileGrid | undefined;
  /** What was passed over, for people. */
  note: string | undefined;
}

/**
 * Which stream a user means: never a cover or a thumbnail; a HEIF file's primary picture; of several videos the one that the
 * file marks as its default, else FFmpeg's choice.
 * @param openBoxes opens the file once more, beside FFmpeg
 * @throws DepthcastError BAD_VIDEO: there is none
 */
export async function chooseStream(
  format: av.FormatContext,
  openBoxes: () => Promise<BoxReader | undefined>,
): Promise<StreamChoice> {
  const pictures = format.streams.filter(({ codecpar }) => codecpar.codecType === av.AVMEDIA_TYPE_VIDEO);
  const videos = pictures.filter((stream) => !is(stream, BESIDE));
  if (videos.length === 0) {
    const detail = pictures.length > 0 ? 'it holds no pictures but a cover' : 'it holds no pictures';
    throw new DepthcastError('BAD_VIDEO', { detail });
  }
  // FFmpeg describes the tiles of a HEIF picture as streams that are of no use alone.
  if (videos.some((stream) => is(stream, av.AV_DISPOSITION_DEPENDENT))) {
    const grid = await gridOf(openBoxes);
    const first = videos.find(({ id }) => id === grid?.tiles[0]);
    if (grid && first) return { stream: first, grid, note: undefined };
  }
  const decodable = videos.filter(({ codecpar }) => av.Codec.findDecoder(codecpar.codecId));
  if (decodable.length === 0) {
    const name = av.avGetCodecName(videos[0]!.codecpar.codecId) ?? 'unknown';
    throw new DepthcastError('BAD_VIDEO', { detail: `FFmpeg has no decoder for its codec (${name})` });
  }
  const stream = best(format, decodable);
  return { stream, grid: undefined, note: isStill(stream) ? undefined : passedOver(stream, decodable) };
}

async function gridOf(openBoxes: () => Promise<BoxReader | undefined>): Promise<TileGrid | undefined> {
  const boxes = await openBoxes();
  if (boxes === undefined) {
    const detail = 'its picture is made of tiles, for which it has to be a file or on a server';
    throw new DepthcastError('BAD_VIDEO', { detail });
  }
  try {
    return await tileGrid(boxes);
  } finally {
    await boxes.close();
  }
}

function best(format: av.FormatContext, videos: readonly av.Stream[]): av.Stream {
  const marked = videos.filter((stream) => is(stream, av.AV_DISPOSITION_DEFAULT));
  if (marked.length === 1) return marked[0]!;
  const chosen = format.findBestStream(av.AVMEDIA_TYPE_VIDEO);
  const among = marked.length > 0 ? marked : videos;
  return among.find(({ index }) => index === chosen) ?? among.reduce((a, b) => (area(b) > area(a) ? b : a));
}

function passedOver(stream: av.Stream, videos: readonly av.Stream[]): string | undefined {
  if (videos.length < 2) return undefined;
  const named = ({ index, codecpar }: av.Stream) => `${index} (${codecpar.width}x${codecpar.height})`;
  const others = videos.filter(({ index }) => index !== stream.index).map(named);
  return `it holds ${videos.length} videos; stream ${named(stream)} is taken, not ${others.join(', ')}`;
}

/** A HEIF item: alpha, depth and thumbnails lie beside the primary picture. */
const isStill = ({ nbFrames, duration }: av.Stream): boolean => nbFrames === 1n && duration === av.AV_NOPTS_VALUE;
const is = ({ disposition }: av.Stream, flags: number): boolean => (disposition & flags) !== 0;
const area = ({ codecpar }: av.Stream): number => codecpar.width * codecpar.height;
